-- The metrics of the dashboard, derived behind the log.
-- +goose Up

-- What had happened on a board by the end of an hour (UTC) in which something
-- did, counted from the beginning of the log, and how many tasks stood where.
-- What happened in a span is the difference of two rows: the cost of a question
-- grows with its points and boards, never with the history.
create table metrics_hours (
    board_id     uuid not null,
    hour         timestamptz not null,
    completions  bigint not null,    -- tasks that became done
    cycles       bigint not null,    -- times that work was handed over
    cycle_micros bigint not null,    -- how long it had been in progress, summed up
    events       bigint not null,    -- about a task, and failures
    failures     bigint not null,
    inbox        bigint not null,
    in_progress  bigint not null,
    review       bigint not null,
    done         bigint not null,
    primary key (board_id, hour)
) with (fillfactor = 70);

-- Where each task stands, as far as this index has come.
create table metrics_tasks (
    board_id uuid not null,
    task_id  uuid not null,
    status   text not null,
    since    timestamptz not null,
    primary key (board_id, task_id)
) with (fillfactor = 70);

-- How long each piece of work handed over in an hour took: eight bytes each,
-- big-endian microseconds.
create table metrics_cycles (
    board_id uuid not null,
    hour     timestamptz not null,
    micros   bytea not null,
    primary key (board_id, hour)
);
alter table metrics_cycles alter column micros set storage external;
