package projections

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"missioncontrol/domain/board"
	"missioncontrol/domain/member"
	"missioncontrol/domain/user"
	"missioncontrol/eventstore"
)

// InOrganizationAt is InOrganization at a position, nil if the organization was
// not there: it has an owner as long as it is.
func (m Members) InOrganizationAt(ctx context.Context, org uuid.UUID, at int64) (*[]WithUser, error) {
	streams, err := m.Store.StreamsOf(ctx, org, "member.joined")
	if err != nil {
		return nil, err
	}
	found, err := m.at(ctx, at, streams)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found, nil
}

// FindAt is Find at a position.
func (m Members) FindAt(ctx context.Context, org, id uuid.UUID, at int64) (*WithUser, error) {
	found, err := m.at(ctx, at, []uuid.UUID{id})
	if err != nil || len(found) == 0 || found[0].OrganizationID != org {
		return nil, err
	}
	return &found[0], nil
}

// at folds memberships, then their people and the boards that they open.
func (m Members) at(ctx context.Context, at int64, streams []uuid.UUID) ([]WithUser, error) {
	w, vocabulary := newWorld(), m.Store.Vocabulary()
	fold := func(e *eventstore.Recorded) { w.take(e.Stream, vocabulary.Evolve(w.states[e.Stream], e)) }
	if err := m.Store.Pasts(ctx, streams, at, fold); err != nil {
		return nil, err
	}
	var rows []MemberRow
	beside := map[uuid.UUID]struct{}{}
	for _, state := range w.states {
		if s, ok := state.(member.Member); ok && s.Exists() {
			rows = append(rows, memberRow(s))
			beside[s.UserID] = struct{}{}
			for _, g := range s.Access {
				beside[g.BoardID] = struct{}{}
			}
		}
	}
	if err := m.Store.Pasts(ctx, slices.Collect(maps.Keys(beside)), at, fold); err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(x, y MemberRow) int {
		return cmp.Or(x.CreatedAt.Compare(y.CreatedAt), bytes.Compare(x.ID[:], y.ID[:]))
	})
	return w.withUsers(rows)
}

func (w *world) withUsers(rows []MemberRow) ([]WithUser, error) {
	found := make([]WithUser, len(rows))
	for i, row := range rows {
		if err := row.keepGrants(func(id uuid.UUID) bool { b, _ := w.states[id].(board.Board); return b.Exists() }); err != nil {
			return nil, err
		}
		found[i].MemberRow = row
		if u, _ := w.states[row.UserID].(user.User); u.Exists() {
			known := userRow(u)
			found[i].User = &known
		}
	}
	return found, nil
}
