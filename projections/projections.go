// Package projections is what the log looks like when it is read: for each
// noun a row, a view, the frames that streams show of it, and its queries.
//
// A row is the mapping of one stream's state and is written in the transaction
// of its events. A view is what callers see, one Go function over rows, used
// by lists, answers, frames and reads of the past alike. SQL fetches and
// filters; it computes no fields.
package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"missioncontrol/domain"
	"missioncontrol/eventstore"
)

// Reader is what queries need: the database, and the store's memory of facts.
type Reader struct {
	DB      *pgxpool.Pool
	Store   *eventstore.Store
	Indexed *eventstore.Indexer // of Indexes; nil: their queries are not asked
}

// Time is an instant as callers see it: UTC without a zone, the fraction left
// out when it is zero, else six digits.
type Time time.Time

// String is the time as callers see it.
func (t Time) String() string {
	u := time.Time(t).UTC()
	layout := "2006-01-02T15:04:05.000000"
	if u.Nanosecond()/1000 == 0 {
		layout = "2006-01-02T15:04:05"
	}
	return u.Format(layout)
}

// MarshalJSONTo writes the time.
func (t Time) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteToken(jsontext.String(t.String()))
}

// UnmarshalJSONFrom reads what MarshalJSONTo writes.
func (t *Time) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	u, err := time.Parse("2006-01-02T15:04:05.999999", tok.String())
	*t = Time(u)
	return err
}

// wireTime is a nullable Time.
func wireTime(t *time.Time) *Time {
	if t == nil {
		return nil
	}
	w := Time(*t)
	return &w
}

// Personal is a sealed value on its way to a caller: eventstore's
// Vault.OpenJSON opens it in the encoded answer or frame.
type Personal string

// MarshalJSONTo writes the sealed string behind the mark that callers cannot
// forge.
func (p Personal) MarshalJSONTo(enc *jsontext.Encoder) error {
	if plain, opened := strings.CutPrefix(string(p), eventstore.SealMark); opened {
		return enc.WriteToken(jsontext.String(plain))
	}
	return enc.WriteToken(jsontext.String(eventstore.SealMark + string(p)))
}

// Opened is a personal value that was opened before, for an answer whose key
// may be gone when it is sent. No text of callers begins with the mark.
func Opened(text string) Personal { return Personal(eventstore.SealMark + text) }

// located returns the nullable column of a personal value.
func located(p domain.Personal) *string {
	if text := p.Located(); text != "" {
		return &text
	}
	return nil
}

func personal(column *string) *Personal {
	return (*Personal)(column)
}

// Page is one page of a list.
type Page[V any] struct {
	Items  []V `json:"items"`
	Total  int `json:"total" ge:"0"`
	Limit  int `json:"limit" ge:"1"`
	Offset int `json:"offset" ge:"0"`
}

// Slice asks for one page of a list.
type Slice struct{ Limit, Offset int }

// list reads one page of the rows that where selects, sorted by order.
func list[R, V any](ctx context.Context, db *pgxpool.Pool, t *eventstore.Table, where, order string, args []any, s Slice, view func(R) V) (Page[V], error) {
	return listViews(ctx, db, t, where, order, args, s, func(_ context.Context, rows []R) ([]V, error) {
		items := make([]V, len(rows))
		for i, r := range rows {
			items[i] = view(r)
		}
		return items, nil
	})
}

// listViews is list for views that show what other tables hold: views reads it
// once for all rows of the page, and may leave rows out. It is not asked about
// an empty page.
func listViews[R, V any](ctx context.Context, db *pgxpool.Pool, t *eventstore.Table, where, order string, args []any, s Slice, views func(context.Context, []R) ([]V, error)) (Page[V], error) {
	page := Page[V]{Items: []V{}, Limit: s.Limit, Offset: s.Offset}
	rows, total, err := readPage[R](ctx, db, t, where, order, args, s)
	page.Total = total
	if err != nil || len(rows) == 0 {
		return page, err
	}
	items, err := views(ctx, rows)
	page.Items = append(page.Items, items...)
	return page, err
}

// readPage counts the rows that where selects and reads those of a page, in one
// round trip.
func readPage[R any](ctx context.Context, db *pgxpool.Pool, t *eventstore.Table, where, order string, args []any, s Slice) (page []R, total int, err error) {
	var batch pgx.Batch
	batch.Queue("select count(*) from "+t.Name+" where "+where, args...)
	batch.Queue(fmt.Sprintf("select %s from %s where %s order by %s limit %d offset %d",
		t.SQLColumns(), t.Name, where, order, s.Limit, s.Offset), args...)
	results := db.SendBatch(ctx, &batch)
	defer results.Close() //nolint:errcheck // reading reported it
	if err := results.QueryRow().Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("projections: count %s: %w", t.Name, err)
	}
	rows, err := results.Query()
	if err != nil {
		return nil, 0, fmt.Errorf("projections: list %s: %w", t.Name, err)
	}
	if page, err = pgx.CollectRows(rows, pgx.RowToStructByName[R]); err != nil {
		return nil, 0, fmt.Errorf("projections: list %s: %w", t.Name, err)
	}
	return page, total, nil
}

// find reads the one row that where selects, nil if there is none.
func find[R any](ctx context.Context, db *pgxpool.Pool, t *eventstore.Table, where string, args ...any) (*R, error) {
	found, err := findAll[R](ctx, db, t, where, args...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// findAll reads the rows that where selects.
func findAll[R any](ctx context.Context, db *pgxpool.Pool, t *eventstore.Table, where string, args ...any) ([]R, error) {
	return collect(ctx, db, t, t.SQLColumns(), where, args, pgx.RowToStructByName[R])
}

// findIDs reads the ids of the rows that where selects.
func findIDs(ctx context.Context, db *pgxpool.Pool, t *eventstore.Table, where string, args ...any) ([]uuid.UUID, error) {
	return collect(ctx, db, t, "id", where, args, pgx.RowTo[uuid.UUID])
}

func collect[R any](ctx context.Context, db *pgxpool.Pool, t *eventstore.Table, columns, where string, args []any, read pgx.RowToFunc[R]) ([]R, error) {
	rows, err := db.Query(ctx, "select "+columns+" from "+t.Name+" where "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("projections: read %s: %w", t.Name, err)
	}
	found, err := pgx.CollectRows(rows, read)
	if err != nil {
		return nil, fmt.Errorf("projections: read %s: %w", t.Name, err)
	}
	return found, nil
}

// union appends to ids those of more that it lacks.
func union(ids []uuid.UUID, more ...uuid.UUID) []uuid.UUID {
	for _, id := range more {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Ok is the answer to what has nothing else to show.
type Ok struct {
	OK bool `json:"ok" default:"true"`
}

// OK says that it is done.
func OK() Ok { return Ok{true} }
