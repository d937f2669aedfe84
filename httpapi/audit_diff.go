package httpapi

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/audit"
	"missioncontrol/domain"
)

type diffBoard struct {
	BoardID uuid.UUID `query:"board_id"`
	From    string    `query:"from"` // a position or a time, as as_of is
	To      *string   `query:"to"`   // nil: now
}

// diffBoard compares a board of the caller's active organization, or one that
// was, at two moments.
func (a *API) diffBoard(ctx context.Context, in diffBoard) (*audit.BoardDiff, error) {
	b, err := a.Rules.Pasts.Find(ctx, in.BoardID)
	if err != nil {
		return nil, err
	}
	if m := memberOf(ctx); m == nil || b.OrganizationID != m.OrganizationID {
		return nil, domain.Bare(domain.NotFound)
	}
	from, err := a.moment(ctx, "from", in.From)
	if err != nil {
		return nil, err
	}
	to := max(from, a.Store.Head())
	if in.To != nil {
		if to, err = a.moment(ctx, "to", *in.To); err != nil {
			return nil, err
		}
	}
	if from > to {
		return nil, domain.Refuse(domain.Invalid, "from must not come after to.")
	}
	answerPosition(ctx, a.at(to))
	d, err := a.trail().Diff(ctx, in.BoardID, from, to)
	if err != nil {
		return nil, err
	}
	d.From.Position, d.To.Position = a.at(from), a.at(to)
	return d, nil
}
