package projections

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// There reports whether a task stands on a board.
func (t Tasks) There(ctx context.Context, board, id uuid.UUID) (there bool, err error) {
	err = t.DB.QueryRow(ctx, `select exists (select 1 from tasks where id = $1 and board_id = $2)`, id, board).Scan(&there)
	if err != nil {
		return false, fmt.Errorf("projections: find task %v: %w", id, err)
	}
	return there, nil
}
