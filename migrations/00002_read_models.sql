-- The read models: what answers reads. All of it but the log can be rebuilt.
-- +goose Up

-- Frames of the streams, one for each topic that shows an event.
create table feed (
    topic    text not null,
    seq      bigint not null,
    recorded timestamptz not null,
    about    uuid not null,
    attrs    jsonb,
    payload  bytea not null,
    primary key (topic, seq)
);
alter table feed alter column payload set storage external;

-- Personal values stand here sealed, as in the log; identity and email are
-- found by a keyed hash.
create table users (
    id                     uuid primary key,
    identity               text not null,
    identity_hash          bytea not null,
    email                  text,
    email_hash             bytea,
    email_verified         boolean not null,
    name                   text,
    preferred_name         text,
    pronouns               text,
    timezone               text,
    notes                  text,
    context                text,
    active_organization_id uuid,
    created_at             timestamptz not null,
    updated_at             timestamptz not null
);
create unique index on users (identity_hash);
create index on users (email_hash);

create table organizations (
    id         uuid primary key,
    name       text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create index on organizations using hash (lower(name)); -- a name may be longer than a btree holds

create table members (
    id               uuid primary key,
    organization_id  uuid not null,
    user_id          uuid not null,
    role             text not null,
    all_boards_read  boolean not null,
    all_boards_write boolean not null,
    access           json not null,      -- grants of single boards
    created_at       timestamptz not null,
    updated_at       timestamptz not null
);
create unique index on members (organization_id, user_id);
create index on members (user_id);

create table invites (
    id                  uuid primary key,
    organization_id     uuid not null,
    email               text not null,   -- sealed under the invite's own key
    email_hash          bytea not null,
    role                text not null,
    all_boards_read     boolean not null,
    all_boards_write    boolean not null,
    created_by_user_id  uuid not null,
    accepted_by_user_id uuid,
    accepted_at         timestamptz,
    expires_at          timestamptz not null,
    created_at          timestamptz not null,
    updated_at          timestamptz not null
);
create index on invites (organization_id, created_at desc, id desc);
create index on invites (email_hash);

create table boards (
    id                  uuid primary key,
    organization_id     uuid not null,
    name                text not null,
    slug                text not null,
    description         text not null,
    gateway_id          uuid,
    board_group_id      uuid,
    board_type          text not null,
    objective           text,
    success_metrics     json,
    target_date         timestamptz,
    goal_confirmed      boolean not null,
    goal_source         text,
    require_approval_for_done  boolean not null,
    require_review_before_done boolean not null,
    comment_required_for_review boolean not null,
    block_status_changes_with_pending_approval boolean not null,
    only_lead_can_change_status boolean not null,
    max_agents          bigint not null,
    created_at          timestamptz not null,
    updated_at          timestamptz not null
);
create index on boards (organization_id);

create table tasks (
    id                 uuid primary key,
    board_id           uuid not null,
    title              text not null,
    description        text,
    status             text not null,
    priority           text not null,
    due_at             timestamptz,
    assigned_agent_id  uuid,
    created_by_user_id uuid,
    in_progress_at     timestamptz,
    created_at         timestamptz not null,
    updated_at         timestamptz not null
) with (fillfactor = 85);
create index on tasks (board_id, created_at desc, id desc);
create index on tasks (assigned_agent_id) where assigned_agent_id is not null;

create table board_memory (
    id         uuid primary key,
    board_id   uuid not null,
    content    text not null,
    tags        text[],
    source      text,
    source_name text,               -- sealed: of the person who wrote it, in place of source
    is_chat    boolean not null,
    created_at timestamptz not null
);
create index on board_memory (board_id, created_at desc, id desc);

-- Which version of the program filled the read models; 0: none yet.
create table read_models (
    one     smallint primary key default 1 check (one = 1),
    version integer not null
);
insert into read_models (version) values (0);

-- status and last_seen_at as events tell; presence itself is telemetry.
create table agents (
    id                  uuid primary key,
    organization_id     uuid not null,
    board_id            uuid,            -- null: the main agent of its gateway
    gateway_id          uuid,            -- null: it connects by itself
    name                text not null,
    openclaw_session_id text,
    is_board_lead       boolean not null,
    heartbeat_config    json,
    identity_profile    json,
    identity_template   text,
    soul_template       text,
    status              text not null,
    last_seen_at        timestamptz,
    created_at          timestamptz not null,
    updated_at          timestamptz not null
);
create index on agents (organization_id, created_at desc, id desc);
create index on agents (board_id);

-- Not from the log: how agents are seen, and by what their tokens are known.
create table agent_presence (
    agent_id     uuid primary key,
    status       text not null,
    last_seen_at timestamptz not null
) with (fillfactor = 50);
create index on agent_presence (last_seen_at);

create table agent_tokens (
    id            uuid primary key,
    agent_id      uuid not null,
    lookup        bytea unique,   -- keyed hash of the token; null: imported and not used yet
    imported_hash text,           -- as the original stored it
    created_at    timestamptz not null default now(),
    last_used_at  timestamptz
);
create index on agent_tokens (agent_id);
create index on agent_tokens (id) where lookup is null;
