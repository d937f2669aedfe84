-- The log: one dense sequence of events, and what its append needs.
-- +goose Up

-- The head of the log. Its row is locked from the swap until the commit, so
-- events commit in the order of their positions.
create table log_head (
    one   smallint primary key default 1 check (one = 1),
    seq   bigint not null,
    epoch uuid not null
) with (fillfactor = 10);

-- entry holds the exact bytes that are hashed; the other columns are copies
-- for queries. A compressed entry would cost more to write than it saves.
create table events (
    seq      bigint primary key,
    org      uuid not null,        -- all zeros: an entry of the system itself
    org_seq  bigint not null,
    stream   uuid not null,
    version  integer not null,
    type     text not null,
    recorded timestamptz not null,
    leaf     bytea not null,
    entry    bytea not null,
    unique (stream, version),
    unique (org, org_seq)
);
alter table events alter column entry set storage external;

-- The end of each organization's own chain of events.
create table org_head (
    org     uuid primary key,
    org_seq bigint not null,
    leaf    bytea not null
) with (fillfactor = 50);

-- +goose StatementBegin
create function refuse_change_of_log() returns trigger language plpgsql as $$
begin
    raise exception 'the log is append-only: % of % is refused', tg_op, tg_table_name;
end $$;
-- +goose StatementEnd

create trigger append_only before update or delete or truncate on events
    for each statement execute function refuse_change_of_log();

-- Which events are about an id; filled behind the log up to its checkpoint.
create table event_refs (
    ref uuid not null,
    seq bigint not null,
    primary key (ref, seq)
);

-- How far a reader that works behind the log has come.
create table checkpoints (
    name text primary key,
    seq  bigint not null
) with (fillfactor = 50);

-- Answers to commands that carried an Idempotency-Key.
create table idempotency (
    scope       bytea primary key,   -- SHA-256 of caller, method, path and key
    fingerprint bytea not null,      -- SHA-256 of the request body
    status      integer not null,
    answer      bytea not null,      -- sealed under the installation key
    seq         bigint not null,
    people      uuid[] not null,     -- whom the answer was given to or is about
    expires     timestamptz not null
);
create index on idempotency (expires);

-- Keys that seal personal values, themselves sealed under the installation
-- key. A row without a key is the tombstone of an erased one.
create table person_keys (
    id         uuid primary key,
    sealed     bytea,
    created_at timestamptz not null default now()
);

-- Secrets that must be shown again, sealed under the installation key, and the
-- keyed hash by which whoever holds one is recognised. Events name the id.
create table secrets (
    id         uuid primary key,
    lookup     bytea not null unique,
    sealed     bytea not null,
    created_at timestamptz not null default now()
);
