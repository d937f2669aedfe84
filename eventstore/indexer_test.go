package eventstore_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"missioncontrol/eventstore"
)

// seen is an index of positions, in a table that remembers each writing.
func seen(name string) eventstore.Index {
	return eventstore.Index{Name: name, Tables: []string{"seen"}, Write: func(ctx context.Context, tx pgx.Tx, events []*eventstore.Recorded) error {
		for _, r := range events {
			if _, err := tx.Exec(ctx, `insert into seen values ($1, $2)`, name, r.Seq); err != nil {
				return err
			}
		}
		return nil
	}}
}

func indexed(t *testing.T, db *pgxpool.Pool) map[string][]int64 {
	t.Helper()
	rows, err := db.Query(t.Context(), `select name, array_agg(seq order by id) from seen group by name`)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]int64{}
	var name string
	var seqs []int64
	if _, err := pgx.ForEachRow(rows, []any{&name, &seqs}, func() error { found[name] = slices.Clone(seqs); return nil }); err != nil {
		t.Fatal(err)
	}
	return found
}

// runIndexer runs x; the function that it returns stops it in the middle of
// whatever it does.
func runIndexer(t *testing.T, x *eventstore.Indexer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestIndexerWritesEachEventOnce: two processes index the same log while it
// grows, each is stopped and started again now and then, and an index joins
// later than the others.
func TestIndexerWritesEachEventOnce(t *testing.T) {
	t.Parallel()
	db := freshLog(t)
	a, b := start(t, db), start(t, db)
	if _, err := db.Exec(t.Context(), `create table seen (name text, seq bigint, id bigserial)`); err != nil {
		t.Fatal(err)
	}
	org, id := newID(t), newID(t)
	for _, names := range [][]string{{"one"}, {"one", "two"}, {"two", "one"}} {
		for range 4 {
			var indexes []eventstore.Index
			for _, name := range names {
				indexes = append(indexes, eventstore.Index{Name: name, Write: seen(name).Write})
			}
			xa, xb := eventstore.NewIndexer(a.Store, indexes...), eventstore.NewIndexer(b.Store, indexes...)
			stopA, stopB := runIndexer(t, xa), runIndexer(t, xb)
			for range 20 {
				if err := a.count(t.Context(), org, id, 1); err != nil {
					t.Fatal(err)
				}
			}
			if err := xb.Reach(t.Context(), a.Head()-5); err != nil {
				t.Fatal(err)
			}
			stopA()
			if err := xb.Reach(t.Context(), a.Head()); err != nil {
				t.Fatal(err)
			}
			stopB()
		}
	}
	var all []int64
	for seq := range a.Head() {
		all = append(all, seq+1)
	}
	if diff := cmp.Diff(map[string][]int64{"one": all, "two": all}, indexed(t, db)); diff != "" {
		t.Error(diff)
	}
}

// TestIndexerBeginsAgain: an index whose shape took a new name, or that is to
// be forgotten, is derived from an empty table.
func TestIndexerBeginsAgain(t *testing.T) {
	t.Parallel()
	db := freshLog(t)
	p := start(t, db)
	if _, err := db.Exec(t.Context(), `create table seen (name text, seq bigint, id bigserial)`); err != nil {
		t.Fatal(err)
	}
	org, id := newID(t), newID(t)
	for range 3 {
		if err := p.count(t.Context(), org, id, 1); err != nil {
			t.Fatal(err)
		}
	}
	fill := func(name string, forget bool) {
		t.Helper()
		x := eventstore.NewIndexer(p.Store, seen(name))
		if forget {
			if err := x.ForgetIndexes(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		defer runIndexer(t, x)()
		if err := x.Reach(t.Context(), p.Head()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string][]int64{name: {1, 2, 3}}, indexed(t, db)); diff != "" {
			t.Error(diff)
		}
	}
	fill("seen.1", false)
	fill("seen.1", false)
	fill("seen.2", false)
	fill("seen.2", true)
}

// TestIndexerBehind: a reader is not kept for longer than two seconds.
func TestIndexerBehind(t *testing.T) {
	t.Parallel()
	p := start(t, freshLog(t))
	x := eventstore.NewIndexer(p.Store, eventstore.Refs())
	if err := x.Reach(t.Context(), 1); !errors.Is(err, eventstore.ErrIndexing) {
		t.Error(err)
	}
}
