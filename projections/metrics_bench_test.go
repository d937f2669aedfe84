package projections_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
)

// fill puts metrics in place as a million events leave them: spread over two
// years, so that nearly each has an hour of its own, while a quarter of them
// hands work over within the last week.
func (m *metered) fill(t testing.TB, boards []uuid.UUID) {
	t.Helper()
	for _, on := range boards {
		for sql, args := range map[string][]any{
			`insert into metrics_hours select $1, h, n, n, n * 3600000000::bigint, 4 * n, n / 50, n % 40, n % 7, n % 5, n
				from generate_series(date_trunc('hour', $2::timestamptz) - interval '730 days', $2::timestamptz, interval '105 minutes') with ordinality as s(at, n),
					date_trunc('hour', at) h on conflict do nothing`: {on, m.now},
			`insert into metrics_cycles select $1, h, (select string_agg(int8send((random() * 9e10)::bigint), '')
					from generate_series(1, 250000 / (168 * $3::int)) where h is not null)
				from generate_series(date_trunc('hour', $2::timestamptz) - interval '167 hours', $2::timestamptz, interval '1 hour') h`: {on, m.now, len(boards)},
		} {
			if _, err := m.db.Exec(m.ctx, sql, args...); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := m.db.Exec(m.ctx, `vacuum analyze`); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkDashboard shows a hundred boards of a million events.
func BenchmarkDashboard(b *testing.B) {
	m := newMetered(b)
	var boards []uuid.UUID
	for range 100 {
		boards = append(boards, uuid.New())
	}
	m.fill(b, boards)
	for _, n := range []int{10, 100} {
		for _, key := range []string{"24h", "7d", "1m", "6m", "1y"} {
			b.Run(fmt.Sprintf("%s/boards=%d", key, n), func(b *testing.B) {
				var took []time.Duration
				for b.Loop() {
					began := time.Now()
					m.dashboard(b, key, boards[:n]...)
					took = append(took, time.Since(began))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[0].Microseconds())/1000, "best-ms") // of a machine that does other things too
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			})
		}
	}
}

// BenchmarkMetricsIndex counts events in runs of the indexer's size: of four
// events a task is made, begun, handed over and done.
func BenchmarkMetricsIndex(b *testing.B) {
	m := newMetered(b)
	on := uuid.New()
	events := 0
	for b.Loop() {
		var run []*eventstore.Recorded
		for range 500 {
			id, from := uuid.New(), task.Inbox
			run = append(run, m.happened(on, id, "task", "task.created", "ok", task.Created{BoardID: on, Status: from}))
			for _, to := range []task.Status{task.InProgress, task.Review, task.Done} {
				run = append(run, m.happened(on, id, "task", "task.status_changed", "ok", task.StatusChanged{From: from, Status: to}))
				from = to
			}
		}
		if err := pgx.BeginFunc(m.ctx, m.db, func(tx pgx.Tx) error { return m.index.Write(m.ctx, tx, run) }); err != nil {
			b.Fatal(err)
		}
		events += len(run)
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}
