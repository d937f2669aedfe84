package projections

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
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
			join feed f on f.topic in ('board/' || b.id || '/tasks', 'board/' || b.id || '/memory')
			where b.organization_id = $1 limit $2)`,
		`delete from feed where (topic, seq) in (select topic, seq from feed where topic = 'organization/' || $1 || '/agents' limit $2)`,
		`delete from tasks where id in (select id from tasks where ` + onItsBoards + ` limit $2)`,
		`delete from board_memory where id in (select id from board_memory where ` + onItsBoards + ` limit $2)`,
		`delete from agents where id in (select id from agents where organization_id = $1 limit $2)`,
		`delete from boards where id in (select id from boards where organization_id = $1 limit $2)`,
		`delete from invites where id in (select id from invites where organization_id = $1 limit $2)`,
		`delete from members where id in (select id from members where organization_id = $1 limit $2)`,
	}
}

// Organization removes all rows of a deleted organization.
func (r Removal) Organization(ctx context.Context, org uuid.UUID) error {
	for _, sql := range ofOrganization() {
		if err := r.slices(ctx, sql, org); err != nil {
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
