-- Tasks, whole: what they depend on, carry and hold; comments; approvals.
-- +goose Up

alter table tasks
    add column depends_on          uuid[] not null default '{}',
    add column tag_ids             uuid[] not null default '{}',
    add column custom_field_values json,             -- by the id of the definition
    add column auto_reason         text;
create index tasks_depends_on on tasks using gin (depends_on) where depends_on <> '{}';
create index tasks_tag_ids on tasks using gin (tag_ids) where tag_ids <> '{}';

create table comments (
    id         uuid primary key,     -- that of its event
    board_id   uuid not null,
    task_id    uuid not null,
    message    text not null,
    agent_id   uuid,
    created_at timestamptz not null
);
create index on comments (task_id, created_at, id);
create index on comments (board_id, created_at desc, id desc);

create table approvals (
    id            uuid primary key,
    board_id      uuid not null,
    task_ids      uuid[] not null,
    agent_id      uuid,
    action_type   text not null,
    payload       json,
    confidence    double precision not null,
    rubric_scores json,
    status        text not null,
    created_at    timestamptz not null,
    resolved_at   timestamptz
);
create index on approvals (board_id, created_at desc, id desc);
create index approvals_task_ids on approvals using gin (task_ids);
create index approvals_pending on approvals (board_id) where status = 'pending';
