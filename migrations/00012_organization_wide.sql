-- What is read of a whole organization is read along rows of the organization,
-- not along those of each board.
-- +goose Up

create index activity_of_organization on activity (organization_id, listed, seq);

-- A board, or an organization: then the sums of its boards.
alter table metrics_hours rename column board_id to scope;
