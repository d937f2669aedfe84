-- Tags, and the definitions of custom fields. What tasks carry of either stands
-- in their own rows.
-- +goose Up

create table tags (
    id              uuid primary key,
    organization_id uuid not null,
    name            text not null,
    slug            text not null,
    color           text not null,
    description     text,
    created_at      timestamptz not null,
    updated_at      timestamptz not null
);
create index on tags (organization_id); -- a slug may be longer than a btree holds

create table custom_fields (
    id               uuid primary key,
    organization_id  uuid not null,
    field_key        text not null,
    label            text not null,
    field_type       text not null,
    ui_visibility    text not null,
    validation_regex text,
    description      text,
    required         boolean not null,
    default_value    json,
    board_ids        uuid[] not null,
    created_at       timestamptz not null,
    updated_at       timestamptz not null
);
create index on custom_fields (organization_id);
create index custom_fields_board_ids on custom_fields using gin (board_ids);
