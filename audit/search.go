package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/domain"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Trail is the log as a reviewer asks for it.
type Trail struct{ projections.Reader }

// Filter says which entries are asked for; zero fields ask for all.
type Filter struct {
	Orgs              []uuid.UUID // whose entries may be seen; Nil: those of the system
	Actor, Board, Ref *uuid.UUID
	ActorType         domain.ActorType
	Types             []string // nil: all; none: no entry has such a type
	Outcome           string
	RequestID         string
	First, Last       int64 // positions, inclusive; Last 0: to the end
}

// Nothing is a Last before everything.
const Nothing = -1

// Order is the order of entries by their position.
type Order string

// The orders.
const (
	Ascending  Order = "asc"
	Descending Order = "desc"
)

// Found is a part of the entries that were asked for.
type Found struct {
	Events []*eventstore.Recorded
	// Through is the position up to which nothing is missing: the next part
	// begins behind it.
	Through int64
	// More is false once nothing follows.
	More bool
}

const (
	// mostScanned is how many rows one part may cost. A part whose filters
	// together let too few of them through is short, or empty, and says where
	// it got to.
	mostScanned = 5000
	// probed is up to how many rows filters are told apart by how few they have.
	probed = 1000
	// freshness is how long a question waits for what was written just before,
	// which is there within a second anyhow.
	freshness = 250 * time.Millisecond
)

// Fresh waits until the index has what this process knows of the log, for a
// moment only; what was written by a request in particular, as long as Reach
// does. It returns up to where an answer tells everything.
func (t Trail) Fresh(ctx context.Context, f Filter) (at int64, err error) {
	if f.RequestID == "" {
		within, cancel := context.WithTimeout(ctx, freshness)
		defer cancel()
		err := t.Indexed.Reach(within, t.Store.Head())
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return 0, err
		}
		return t.Indexed.At(), nil
	}
	var head int64 // of the database: another process may have just answered
	if err := t.DB.QueryRow(ctx, `select seq from log_head`).Scan(&head); err != nil {
		return 0, fmt.Errorf("audit: read the head of the log: %w", err)
	}
	return head, t.Indexed.Reach(ctx, head)
}

// Find returns the next entries behind a position in an order, at most limit;
// after 0 begins at the beginning, or at the end.
func (t Trail) Find(ctx context.Context, f Filter, order Order, after int64, limit int) (Found, error) {
	low, high := max(f.First-1, 0), t.Indexed.At()
	if f.Last != 0 {
		high = min(high, f.Last)
	}
	switch {
	case after > 0 && order == Descending:
		high = min(high, after-1)
	case after > 0:
		low = max(low, after)
	}
	if low >= high || f.Types != nil && len(f.Types) == 0 {
		return Found{Through: max(after, high)}, nil
	}
	seqs, found, err := newSearch(t.DB, f, order, low, high).run(ctx, limit)
	if err != nil || len(seqs) == 0 {
		return found, err
	}
	found.Events, err = t.read(ctx, seqs, order)
	found.Events = slices.DeleteFunc(found.Events, func(r *eventstore.Recorded) bool {
		return f.RequestID != "" && f.RequestID != r.RequestID // another id of the same hash
	})
	return found, err
}

// At returns the entry at a position, nil if there is none that orgs may see.
func (t Trail) At(ctx context.Context, orgs []uuid.UUID, seq int64) (*eventstore.Recorded, error) {
	found, err := t.read(ctx, []int64{seq}, Ascending)
	if err != nil || len(found) == 0 || !slices.Contains(orgs, found[0].Org) {
		return nil, err
	}
	return found[0], nil
}

// Until returns the last position that was recorded at or before a time.
func (t Trail) Until(ctx context.Context, at time.Time) (int64, error) {
	return t.Store.Before(ctx, at.Truncate(time.Microsecond).Add(time.Microsecond))
}

// read reads entries from the log.
func (t Trail) read(ctx context.Context, seqs []int64, order Order) ([]*eventstore.Recorded, error) {
	return t.collect(ctx, `select entry from events where seq = any($1) order by seq `+string(order), seqs)
}

func (t Trail) collect(ctx context.Context, sql string, args ...any) ([]*eventstore.Recorded, error) {
	rows, err := t.DB.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("audit: read entries: %w", err)
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*eventstore.Recorded, error) {
		var entry []byte
		if err := row.Scan(&entry); err != nil {
			return nil, err
		}
		return t.Store.Vocabulary().Decode(entry)
	})
	if err != nil {
		return nil, fmt.Errorf("audit: read entries: %w", err)
	}
	return events, nil
}
