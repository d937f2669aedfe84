package projections

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/domain/agent"
	"missioncontrol/domain/board"
	"missioncontrol/domain/group"
	"missioncontrol/domain/organization"
)

// removalSlice is how many rows go in one transaction that holds the head.
const removalSlice = 1000

// Removal removes rows whose owner was deleted. Like every write to a read
// model it holds the head of the log, so that it cannot deadlock with an append.
type Removal struct{ Reader }

// ofOrganization are the statements that remove a slice of what an organization
// ($1) held; they are repeated until they find nothing, in this order.
func ofOrganization() []string {
	const onItsBoards = `board_id in (select id from boards where organization_id = $1)`
	return []string{
		`delete from feed where (topic, seq) in (select f.topic, f.seq from boards b
			join feed f on f.topic in ('board/' || b.id || '/tasks', 'board/' || b.id || '/approvals', 'board/' || b.id || '/memory')
			where b.organization_id = $1 limit $2)`,
		`delete from feed where (topic, seq) in (select topic, seq from feed where topic = 'organization/' || $1 || '/agents' limit $2)`,
		`delete from feed where (topic, seq) in (select topic, seq from feed where topic = 'organization/' || $1 || '/catalog' limit $2)`,
		`delete from feed where (topic, seq) in (select topic, seq from feed where topic = 'organization/' || $1 || '/task-comments' limit $2)`,
		`delete from tags where id in (select id from tags where organization_id = $1 limit $2)`,
		`delete from custom_fields where id in (select id from custom_fields where organization_id = $1 limit $2)`,
		`delete from tasks where id in (select id from tasks where ` + onItsBoards + ` limit $2)`,
		`delete from comments where id in (select id from comments where ` + onItsBoards + ` limit $2)`,
		`delete from approvals where id in (select id from approvals where ` + onItsBoards + ` limit $2)`,
		`delete from board_memory where id in (select id from board_memory where ` + onItsBoards + ` limit $2)`,
		`delete from feed where (topic, seq) in (select f.topic, f.seq from agents a
			join feed f on f.topic = 'agent/' || a.id || '/inbox' where a.organization_id = $1 limit $2)`,
		`delete from agents where id in (select id from agents where organization_id = $1 limit $2)`,
		`delete from feed where (topic, seq) in (select f.topic, f.seq from board_groups g
			join feed f on f.topic = 'group/' || g.id || '/memory' where g.organization_id = $1 limit $2)`,
		`delete from board_group_memory where id in (select m.id from board_group_memory m
			join board_groups g on g.id = m.board_group_id where g.organization_id = $1 limit $2)`,
		`delete from board_groups where id in (select id from board_groups where organization_id = $1 limit $2)`,
		`delete from boards where id in (select id from boards where organization_id = $1 limit $2)`,
		`delete from invites where id in (select id from invites where organization_id = $1 limit $2)`,
		`delete from members where id in (select id from members where organization_id = $1 limit $2)`,
	}
}

// ofBoard are the statements that remove a slice of what a board ($1) held.
func ofBoard() []string {
	return []string{
		`delete from feed where (topic, seq) in (select topic, seq from feed
			where topic in ('board/' || $1 || '/tasks', 'board/' || $1 || '/approvals', 'board/' || $1 || '/memory') limit $2)`,
		// The log still knows whose board it was.
		`delete from feed where (topic, seq) in (select topic, seq from feed
			where topic = 'organization/' || (select org from events where stream = $1::uuid limit 1) || '/task-comments'
				and attrs ->> 'board' = $1::uuid::text limit $2)`,
		`delete from tasks where id in (select id from tasks where board_id = $1 limit $2)`,
		`delete from comments where id in (select id from comments where board_id = $1 limit $2)`,
		`delete from approvals where id in (select id from approvals where board_id = $1 limit $2)`,
		`delete from board_memory where id in (select id from board_memory where board_id = $1 limit $2)`,
		`delete from feed where (topic, seq) in (select f.topic, f.seq from agents a
			join feed f on f.topic = 'agent/' || a.id || '/inbox' where a.board_id = $1 limit $2)`,
		`delete from agents where id in (select id from agents where board_id = $1 limit $2)`,
	}
}

// ofAgent are the statements that remove a slice of what an agent ($1) held.
func ofAgent() []string {
	return []string{`delete from feed where (topic, seq) in (select topic, seq from feed where topic = 'agent/' || $1 || '/inbox' limit $2)`}
}

// ofGroup are the statements that remove a slice of what a group of boards ($1)
// held.
func ofGroup() []string {
	return []string{
		`delete from feed where (topic, seq) in (select topic, seq from feed where topic = 'group/' || $1 || '/memory' limit $2)`,
		`delete from board_group_memory where id in (select id from board_group_memory where board_group_id = $1 limit $2)`,
	}
}

// gone is something that was deleted, and the statements that remove what it
// held.
type gone struct {
	id   uuid.UUID
	held []string
}

// heldBy are the statements that remove what an event ends beside its own
// stream, none for most.
func heldBy(event any) []string {
	switch event.(type) {
	case organization.Deleted:
		return ofOrganization()
	case board.Deleted:
		return ofBoard()
	case group.Deleted:
		return ofGroup()
	case agent.Deleted:
		return ofAgent()
	}
	return nil
}

// ofNoTask removes a slice of the comments whose task is gone.
const ofNoTask = `delete from comments where id in (select c.id from comments c
	where not exists (select 1 from tasks t where t.id = c.task_id) limit $1)`

// Task removes the comments of a deleted task.
func (r Removal) Task(ctx context.Context, task uuid.UUID) error {
	return r.slices(ctx, `delete from comments where id in (select id from comments where task_id = $1 limit $2)`, task)
}

// Organization, Board, Group and Agent remove all rows that one of them held.
func (r Removal) Organization(ctx context.Context, org uuid.UUID) error {
	return r.all(ctx, ofOrganization(), org)
}

func (r Removal) Board(ctx context.Context, board uuid.UUID) error {
	return r.all(ctx, ofBoard(), board)
}

func (r Removal) Group(ctx context.Context, group uuid.UUID) error {
	return r.all(ctx, ofGroup(), group)
}

func (r Removal) Agent(ctx context.Context, agent uuid.UUID) error {
	return r.all(ctx, ofAgent(), agent)
}

func (r Removal) all(ctx context.Context, statements []string, id uuid.UUID) error {
	for _, sql := range statements {
		if err := r.slices(ctx, sql, id); err != nil {
			return err
		}
	}
	return nil
}

// slices repeats a limited delete until it finds nothing.
func (r Removal) slices(ctx context.Context, sql string, id uuid.UUID) error {
	for {
		var n int64
		err := pgx.BeginFunc(ctx, r.DB, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `select seq from log_head for update`); err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, sql, id, removalSlice)
			n = tag.RowsAffected()
			return err
		})
		if err != nil {
			return fmt.Errorf("projections: remove what belonged to %v: %w", id, err)
		}
		if n < removalSlice {
			return nil
		}
	}
}
