package projections_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/projections"
)

// activityIndex is the index of what happened.
func activityIndex(t testing.TB) eventstore.Index {
	t.Helper()
	for _, x := range projections.Indexes() {
		if slices.Contains(x.Tables, "activity") {
			return x
		}
	}
	t.Fatal("there is no index of what happened")
	return eventstore.Index{}
}

// TestActivityInAnyRuns: what the index holds does not depend on how the log
// was cut into runs, and counts agree with the lines.
func TestActivityInAnyRuns(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Connect(t, pgtest.Clone(t)))
	for n := range 2 {
		c := p.crowd(t, n)
		for range 150 {
			c.step(t)
		}
		if n == 1 {
			if err := p.Boards.Delete(c.ctx, c.places[0]); err != nil {
				t.Fatal(err)
			}
		}
	}
	events, err := p.Store.Range(t.Context(), 0, p.Store.Head(), 100_000)
	if err != nil {
		t.Fatal(err)
	}
	index := activityIndex(t)
	filled := func(size int) (rows []string) {
		t.Helper()
		if _, err := p.DB.Exec(t.Context(), `truncate activity, activity_counts, activity_names`); err != nil {
			t.Fatal(err)
		}
		for from := 0; from < len(events); from += size {
			run := events[from:min(from+size, len(events))]
			if err := pgx.BeginFunc(t.Context(), p.DB, func(tx pgx.Tx) error { return index.Write(t.Context(), tx, run) }); err != nil {
				t.Fatal(err)
			}
		}
		for _, table := range []string{"activity", "(select * from activity_counts where n > 0)", "activity_names"} { // a count may have been none before
			found, err := p.DB.Query(t.Context(), `select t::text from `+table+` t order by 1`)
			if err != nil {
				t.Fatal(err)
			}
			lines, err := pgx.CollectRows(found, pgx.RowTo[string])
			if err != nil || len(lines) == 0 {
				t.Fatal(table, err)
			}
			rows = append(rows, lines...)
		}
		return rows
	}
	whole := filled(len(events))
	for _, size := range []int{1, 7, 100} {
		if diff := cmp.Diff(whole, filled(size)); diff != "" {
			t.Errorf("runs of %d (-whole +ours)\n%s", size, diff)
		}
	}
	var wrong int
	if err := p.DB.QueryRow(t.Context(), `select count(*) from activity_counts c
		where n <> (select count(*) from activity a where (a.scope = c.scope or a.agent_id = c.scope) and a.listed = c.listed)`).Scan(&wrong); err != nil || wrong > 0 {
		t.Errorf("%d counts are wrong, %v", wrong, err)
	}
}

// BenchmarkActivity fills the index with events of tasks, 2000 in a run.
func BenchmarkActivity(b *testing.B) {
	p := start(b, pgtest.Connect(b, pgtest.Clone(b)))
	c := p.crowd(b, 1)
	const run = 2000
	var events []*eventstore.Recorded
	id := p.making(b, c, c.places[0], 1)[0]
	for range 3 {
		if _, err := p.Tasks.Update(c.ctx, c.places[0], id, commands.TaskEdit{Edit: task.Edit{Title: domain.Some("x")}}); err != nil {
			b.Fatal(err)
		}
	}
	if err := p.Store.ReadStream(b.Context(), id, func(r *eventstore.Recorded) error { events = append(events, r); return nil }); err != nil {
		b.Fatal(err)
	}
	seq := int64(0)
	next := func() (batch []*eventstore.Recorded) {
		for len(batch) < run {
			stream := uuid.New()
			for _, r := range events {
				seq++
				e := *r
				e.Seq, e.ID, e.Stream, e.Refs = seq, uuid.New(), stream, append([]domain.Ref{{Kind: "task", ID: stream}}, r.Refs...)
				batch = append(batch, &e)
			}
		}
		return batch
	}
	index, written, took := activityIndex(b), 0, time.Duration(0)
	for b.Loop() {
		batch := next()
		began := time.Now()
		if err := pgx.BeginFunc(context.Background(), p.DB, func(tx pgx.Tx) error {
			if _, err := tx.Exec(b.Context(), `set local synchronous_commit = off`); err != nil {
				return err
			}
			return index.Write(b.Context(), tx, batch)
		}); err != nil {
			b.Fatal(err)
		}
		written, took = written+len(batch), took+time.Since(began)
	}
	b.ReportMetric(float64(written)/took.Seconds(), "events/s")
	b.ReportMetric(0, "ns/op")
	b.Log(fmt.Sprint(written, " events"))
}
