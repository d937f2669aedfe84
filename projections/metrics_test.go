package projections_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/board"
	"missioncontrol/domain/comment"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/projections"
)

// A metered database is one whose metrics are derived of events that were never
// appended.
type metered struct {
	ctx   context.Context
	db    *pgxpool.Pool
	index eventstore.Index
	read  projections.Metrics
	now   time.Time
	org   uuid.UUID
}

func newMetered(t testing.TB) *metered {
	t.Helper()
	m := &metered{ctx: t.Context(), db: pgtest.Connect(t, pgtest.Clone(t)), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), org: uuid.New()}
	vault, err := eventstore.NewVault(m.db, make([]byte, eventstore.InstallationKeySize))
	if err != nil {
		t.Fatal(err)
	}
	store, err := eventstore.Open(t.Context(), eventstore.Config{
		DB: m.db, Vocabulary: commands.Vocabulary(), Vault: vault, Projector: projections.Projector{}, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return m.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	indexes := projections.Indexes()
	m.index = indexes[slices.IndexFunc(indexes, func(i eventstore.Index) bool { return i.Name == "metrics.1" })]
	m.read = projections.Metrics{Reader: projections.Reader{DB: m.db, Store: store, Indexed: eventstore.NewIndexer(store)}}
	return m
}

func (m *metered) take(t rapid.TB, events ...*eventstore.Recorded) {
	t.Helper()
	if err := pgx.BeginFunc(m.ctx, m.db, func(tx pgx.Tx) error { return m.index.Write(m.ctx, tx, events) }); err != nil {
		t.Fatal(err)
	}
}

func (m *metered) dashboard(t rapid.TB, rangeKey string, boards ...uuid.UUID) projections.Dashboard {
	t.Helper()
	return m.shown(t, rangeKey, projections.MetricsOf{Boards: boards})
}

func (m *metered) shown(t rapid.TB, rangeKey string, of projections.MetricsOf) projections.Dashboard {
	t.Helper()
	d, err := m.read.Dashboard(m.ctx, of, rangeKey)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// happened is an event of a task, or of something else on a board.
func (m *metered) happened(on, stream uuid.UUID, kind, name, outcome string, event any) *eventstore.Recorded {
	return &eventstore.Recorded{
		Org: m.org, Stream: stream, Kind: kind, Type: name, Outcome: outcome, Time: m.now, Recorded: m.now,
		Refs: []domain.Ref{{Kind: "board", ID: on}}, Event: event,
	}
}

// A fold counts the log without any roll-up.
type fold struct {
	log   []*eventstore.Recorded
	now   time.Time
	names func(time.Time) string // of the steps, in order
}

// figures are those of one step, or of a whole window.
type figures struct {
	Done, Error, Cycle float64
	Stock              [4]int64
	cycles             []float64
}

// figures counts what happened on boards from one time to before another.
func (f fold) figures(on map[uuid.UUID]bool, from, to time.Time) (n figures) {
	var events, failed float64
	standing, began := map[uuid.UUID]task.Status{}, map[uuid.UUID]time.Time{}
	for _, r := range f.log {
		if !on[r.Refs[0].ID] || !r.Recorded.Before(to) {
			continue
		}
		counts := !r.Recorded.Before(from) && r.Outcome != "denied"
		bad := r.Outcome == "failed"
		if counts && (bad || r.Kind == "task" || r.Kind == "comment") {
			events++
			if bad {
				failed++
			}
		}
		before, after := standing[r.Stream], standing[r.Stream]
		switch e := r.Event.(type) {
		case task.Created:
			after = e.Status
		case task.StatusChanged:
			after = e.Status
		case task.Deleted:
			after = ""
		}
		standing[r.Stream] = after
		if before == after {
			continue
		}
		if counts && after == task.Done {
			n.Done++
		}
		if counts && before == task.InProgress && (after == task.Review || after == task.Done) {
			n.cycles = append(n.cycles, r.Time.Sub(began[r.Stream]).Hours())
		}
		began[r.Stream] = r.Time
	}
	for _, s := range standing {
		if at := slices.Index([]task.Status{task.Inbox, task.InProgress, task.Review, task.Done}, s); at >= 0 {
			n.Stock[at]++
		}
	}
	for _, hours := range n.cycles {
		n.Cycle += hours / float64(len(n.cycles))
	}
	if events > 0 {
		n.Error = 100 * failed / events
	}
	return n
}

// window counts each step that holds a moment of a window, hour by hour.
func (f fold) window(on map[uuid.UUID]bool, from, to time.Time) map[string]figures {
	ends, last := map[string][2]time.Time{f.names(to): {to, to}}, ""
	for t := from; t.Before(to); t = t.Add(time.Hour) {
		name := f.names(t)
		if name != last {
			ends[name] = [2]time.Time{t, to}
			if last != "" {
				ends[last] = [2]time.Time{ends[last][0], t}
			}
		}
		last = name
	}
	found := map[string]figures{}
	for name, span := range ends {
		n := f.figures(on, span[0], span[1])
		n.cycles = nil
		found[name] = n
	}
	return found
}

// shown are the figures of a dashboard by the name of their step.
func shown(names func(time.Time) string, done, cycle, failed projections.DashboardCurve, stock projections.DashboardStock) map[string]figures {
	found := map[string]figures{}
	for i, p := range stock.Points {
		found[names(time.Time(p.Period))] = figures{
			Done: float64(done.Points[i].Value), Cycle: float64(cycle.Points[i].Value), Error: float64(failed.Points[i].Value),
			Stock: [4]int64{p.Inbox, p.InProgress, p.Review, p.Done},
		}
	}
	return found
}

// spans are what the range keys mean: hours, and the name of the step of a time.
func spans() map[string]fold {
	hours := func(t time.Time) string { return t.Format("2006-01-02T15") }
	days := func(t time.Time) string { return t.Format("2006-01-02") }
	weeks := func(t time.Time) string { year, week := t.ISOWeek(); return fmt.Sprintf("%d-%02d", year, week) }
	months := func(t time.Time) string { return t.Format("2006-01") }
	return map[string]fold{
		"24h": {names: hours}, "3d": {names: days}, "7d": {names: days}, "14d": {names: days}, "1m": {names: days},
		"3m": {names: weeks}, "6m": {names: weeks}, "1y": {names: months},
	}
}

func hoursOf(key string) time.Duration {
	return 24 * time.Hour * map[string]time.Duration{"24h": 1, "3d": 3, "7d": 7, "14d": 14, "1m": 30, "3m": 90, "6m": 180, "1y": 365}[key]
}

// TestDashboardIsAFold: whatever happens when, and in whatever runs it is
// indexed, the dashboard shows what a plain fold over the log counts.
func TestDashboardIsAFold(t *testing.T) {
	t.Parallel()
	m := newMetered(t)
	rapid.Check(t, func(t *rapid.T) {
		boards := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
		var tasks []*standing
		m.now, m.org = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), uuid.New()
		var log, run []*eventstore.Recorded
		for range rapid.IntRange(1, 120).Draw(t, "events") {
			m.now = m.now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, 17 * time.Minute, time.Hour, 9 * time.Hour, 50 * time.Hour, 400 * time.Hour}).Draw(t, "pause"))
			run = append(run, m.something(t, boards, &tasks))
			if rapid.IntRange(0, 4).Draw(t, "run ends") == 0 {
				m.take(t, run...)
				log, run = append(log, run...), nil
			}
		}
		m.take(t, run...)
		log = append(log, run...)
		m.now = m.now.Add(rapid.SampledFrom([]time.Duration{0, time.Hour, 30 * time.Hour, 300 * time.Hour}).Draw(t, "later"))
		scope := boards[:rapid.IntRange(1, 3).Draw(t, "boards")]
		on := map[uuid.UUID]bool{}
		for _, id := range scope {
			on[id] = true
		}
		for key, f := range spans() {
			f.log, f.now = log, m.now
			compare(t, m.dashboard(t, key, scope...), f, on, key)
			whole := projections.MetricsOf{Boards: boards, Organization: &m.org}
			if diff := cmp.Diff(m.dashboard(t, key, boards...), m.shown(t, key, whole), times()); diff != "" {
				t.Fatalf("%s: -board by board +the organization\n%s", key, diff)
			}
		}
	})
}

func times() cmp.Option { return cmp.Transformer("time", projections.Time.String) }

func compare(t *rapid.T, d projections.Dashboard, f fold, on map[uuid.UUID]bool, key string) {
	t.Helper()
	approx := cmp.Options{cmpopts.EquateApprox(1e-9, 1e-9), cmp.Transformer("number", func(f projections.Float) float64 { return float64(f) }), cmpopts.IgnoreUnexported(figures{})}
	end := f.now.Add(time.Microsecond) // what is recorded now has happened
	start := f.now.Truncate(time.Hour).Add(-hoursOf(key))
	primary := shown(f.names, d.Throughput.Primary, d.CycleTime.Primary, d.ErrorRate.Primary, d.WIP.Primary)
	if diff := cmp.Diff(f.window(on, start, end), primary, approx); diff != "" {
		t.Fatalf("%s at %v: -fold +primary\n%s", key, f.now, diff)
	}
	comparison := shown(f.names, d.Throughput.Comparison, d.CycleTime.Comparison, d.ErrorRate.Comparison, d.WIP.Comparison)
	if diff := cmp.Diff(f.window(on, start.Add(-hoursOf(key)), start), comparison, approx); diff != "" {
		t.Fatalf("%s at %v: -fold +comparison\n%s", key, f.now, diff)
	}
	whole := f.figures(on, start, end)
	kpis := projections.DashboardKPIs{
		TasksInProgress: whole.Stock[1], InboxTasks: whole.Stock[0], InProgressTasks: whole.Stock[1], ReviewTasks: whole.Stock[2], DoneTasks: whole.Stock[3],
		ErrorRatePct: projections.Float(whole.Error),
	}
	week := f.figures(on, f.now.Truncate(time.Hour).Add(-hoursOf("7d")), end).cycles
	slices.Sort(week)
	if n := len(week); n > 0 {
		median := projections.Float((week[(n-1)/2] + week[n/2]) / 2)
		kpis.MedianCycleHours = &median
	}
	if diff := cmp.Diff(kpis, d.KPIs, approx); diff != "" {
		t.Fatalf("%s at %v: -fold +kpis\n%s", key, f.now, diff)
	}
}

// standing is a task that random events are about.
type standing struct {
	id, on uuid.UUID
	status task.Status
}

// something happens on one of some boards.
func (m *metered) something(t *rapid.T, boards []uuid.UUID, tasks *[]*standing) *eventstore.Recorded {
	status := rapid.SampledFrom([]task.Status{task.Inbox, task.InProgress, task.InProgress, task.Review, task.Done}).Draw(t, "status")
	what := rapid.IntRange(0, 11).Draw(t, "what")
	if what < 2 || len(*tasks) == 0 {
		made := &standing{uuid.New(), rapid.SampledFrom(boards).Draw(t, "board"), status}
		*tasks = append(*tasks, made)
		return m.happened(made.on, made.id, "task", "task.created", "ok", task.Created{BoardID: made.on, Status: status})
	}
	i := rapid.IntRange(0, len(*tasks)-1).Draw(t, "task")
	now := (*tasks)[i]
	from := now.status
	switch {
	case what == 2:
		*tasks = slices.Delete(*tasks, i, i+1)
		return m.happened(now.on, now.id, "task", "task.deleted", "ok", task.Deleted{})
	case what == 3:
		r := m.happened(now.on, uuid.New(), "comment", "task.comment", "ok", comment.Created{})
		r.Refs = append(r.Refs, domain.Ref{Kind: "task", ID: now.id})
		return r
	case what == 4:
		return m.happened(now.on, uuid.New(), "agent", "agent.something_failed", "failed", nil)
	case what == 5:
		return m.happened(now.on, uuid.New(), "agent", "agent.something", "ok", nil)
	case what == 6:
		return m.happened(now.on, now.id, "task", "task.updated", rapid.SampledFrom([]string{"failed", "denied"}).Draw(t, "outcome"), task.Updated{})
	case what == 7 || from == status:
		return m.happened(now.on, now.id, "task", "task.updated", "ok", task.Updated{})
	}
	now.status = status
	return m.happened(now.on, now.id, "task", "task.status_changed", "ok", task.StatusChanged{From: from, Status: status})
}

// TestMetricsOfBoardsThatEnd: nothing is kept of them, neither by themselves nor
// in the sums of their organization.
func TestMetricsOfBoardsThatEnd(t *testing.T) {
	t.Parallel()
	m := newMetered(t)
	gone, kept := uuid.New(), uuid.New()
	for _, on := range []uuid.UUID{gone, kept, gone} {
		id := uuid.New()
		m.now = m.now.Add(5 * time.Hour)
		m.take(t, m.happened(on, id, "task", "task.created", "ok", task.Created{BoardID: on, Status: task.InProgress}))
		m.take(t, m.happened(on, id, "task", "task.status_changed", "ok", task.StatusChanged{From: task.InProgress, Status: task.Done}))
	}
	m.take(t, m.happened(gone, uuid.New(), "task", "task.created", "ok", task.Created{BoardID: gone, Status: task.Done}),
		m.happened(gone, gone, "board", "board.deleted", "ok", board.Deleted{}))
	for table, column := range map[string]string{"metrics_hours": "scope", "metrics_tasks": "board_id", "metrics_cycles": "board_id"} {
		var wrong int
		if err := m.db.QueryRow(t.Context(), `select count(*) from `+table+` where `+column+` not in ($1, $2)`, kept, m.org).Scan(&wrong); err != nil || wrong > 0 {
			t.Errorf("%s keeps %d rows of what is gone, %v", table, wrong, err)
		}
	}
	for _, key := range []string{"24h", "7d", "1y"} {
		left := m.dashboard(t, key, kept)
		if diff := cmp.Diff(left, m.shown(t, key, projections.MetricsOf{Boards: []uuid.UUID{kept}, Organization: &m.org}), times()); diff != "" || left.KPIs.DoneTasks != 1 {
			t.Errorf("%s: -the board that is left +the organization\n%s", key, diff)
		}
	}
}

// TestMetricsOfClocks: work that ended before it began, by another clock, took
// no time.
func TestMetricsOfClocks(t *testing.T) {
	t.Parallel()
	m := newMetered(t)
	on, id := uuid.New(), uuid.New()
	began := m.happened(on, id, "task", "task.created", "ok", task.Created{BoardID: on, Status: task.InProgress})
	ended := m.happened(on, id, "task", "task.status_changed", "ok", task.StatusChanged{From: task.InProgress, Status: task.Review})
	ended.Time = began.Time.Add(-time.Minute)
	ended.Recorded = began.Recorded.Add(3 * time.Hour) // a clock ahead of ours: it counts at once
	m.take(t, began, ended)
	d := m.dashboard(t, "24h", on)
	if k := d.KPIs; k.ReviewTasks != 1 || k.MedianCycleHours == nil || *k.MedianCycleHours != 0 {
		t.Errorf("%+v", k)
	}
}
