-- What the trail is asked by, filled behind the log (audit/index.go). The
-- entries themselves stay in the log: a page of the trail is found here by
-- position and read there.
-- +goose Up

create table audit_events (
    org        uuid not null,                 -- all zeros: an entry of the system itself
    seq        bigint not null,
    actor      uuid,
    board      uuid,
    request    bigint,                        -- the beginning of a hash: clients choose ids of any length
    actor_type text collate "C" not null,
    type       text collate "C" not null,
    outcome    text collate "C" not null,
    primary key (org, seq)
);
-- Each filter has its events in their order, so that a page costs the same at
-- any depth.
create index on audit_events (org, actor, seq) where actor is not null;
create index on audit_events (org, board, seq) where board is not null;
create index on audit_events (org, type, seq);
create index on audit_events (org, actor_type, seq);
create index on audit_events (org, outcome, seq) where outcome <> 'ok';
create index on audit_events (request, seq) where request is not null;
