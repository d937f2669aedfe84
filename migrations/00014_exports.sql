-- Exports of the log that somebody asked for. Not from the log: a rebuild leaves
-- them alone, and they go with their files.
-- +goose Up

create table audit_exports (
    id           uuid primary key,
    org          uuid not null,
    asked        json not null,          -- what, as export.Request
    status       text not null,          -- waiting, running, done or failed
    at           bigint not null default 0, -- position that is reached
    entries      bigint not null default 0,
    problem      text,
    size         bigint,                 -- of the file, in bytes
    sha256       text,
    worker       uuid,                   -- who writes it, until leased_until
    leased_until timestamptz,
    created_by   uuid not null,
    created_at   timestamptz not null default now(),
    finished_at  timestamptz
);
create index on audit_exports (org, created_at desc);
