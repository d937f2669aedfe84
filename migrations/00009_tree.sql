-- The Merkle tree over the log, and what was signed of it.
-- +goose Up

-- Hashes of full subtrees: the n-th of 256^level leaves. The leaves are in
-- events; everything here follows from them.
create table audit_tree (
    level smallint not null,
    n     bigint not null,
    hash  bytea not null,
    primary key (level, n)
);

-- Keys that checkpoints were ever signed with, as verifiers write them. The
-- row of the current one is locked by whoever signs.
create table audit_keys (
    verifier text primary key,
    public   bytea not null,
    current  boolean not null,
    since    timestamptz not null default now()
);
create unique index on audit_keys (current) where current;

-- Every checkpoint: a signed note about the first size leaves.
create table audit_checkpoints (
    epoch  uuid not null,
    size   bigint not null,
    root   bytea not null,
    note   bytea not null,
    signed timestamptz not null default now(),
    primary key (epoch, size)
);
