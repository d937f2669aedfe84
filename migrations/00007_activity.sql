-- What happened, line by line. Filled behind the log up to its checkpoint.
-- +goose Up

create table activity (
    seq             bigint primary key,
    id              uuid not null,       -- of the event
    scope           uuid not null,       -- its board; its organization if it is on none
    organization_id uuid not null,
    listed          boolean not null,    -- false: only for who asks for everything
    type            text not null,
    message         text not null,
    agent_id        uuid,
    task_id         uuid,
    created_at      timestamptz not null
);
create index activity_of_scope on activity (scope, listed, seq);
create index activity_of_agent on activity (agent_id, listed, seq) where agent_id is not null;
create index activity_of_task on activity (task_id) where task_id is not null;

-- How many lines a board, an organization or an agent has. The lines of one
-- that is gone are removed little by little, and then this row.
create table activity_counts (
    scope           uuid not null,
    listed          boolean not null,
    organization_id uuid not null,
    n               bigint not null,
    gone            boolean not null default false,
    primary key (scope, listed)
) with (fillfactor = 50);
create index on activity_counts (organization_id);
create index activity_counts_gone on activity_counts (scope) where gone;

-- What things are called as of the last line: the next one about them names them.
create table activity_names (
    stream uuid primary key,
    scope  uuid not null,
    name   text not null
);
create index on activity_names (scope);
