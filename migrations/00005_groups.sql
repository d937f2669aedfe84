-- Groups of boards, and the memory that the boards of a group share.
-- +goose Up

create table board_groups (
    id              uuid primary key,
    organization_id uuid not null,
    name            text not null,
    slug            text not null,
    description     text,
    created_at      timestamptz not null,
    updated_at      timestamptz not null
);
create index on board_groups (organization_id, lower(name), id);

create table board_group_memory (
    id             uuid primary key,
    board_group_id uuid not null,
    content        text not null,
    tags           text[],
    source         text,
    source_name    text,                -- sealed: of the person who wrote it, in place of source
    is_chat        boolean not null,
    created_at     timestamptz not null
);
create index on board_group_memory (board_group_id, created_at desc, id desc);

create index boards_board_group_id on boards (board_group_id) where board_group_id is not null;
