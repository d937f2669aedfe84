package projections

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"missioncontrol/domain/board"
	"missioncontrol/domain/organization"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
)

// metricsIndex counts what happens on boards, hour by hour of the time at which
// it was recorded. That never falls along the log, so that totals only grow and
// no row before the last one of a board changes. An organization has rows too,
// the sums of those of its boards: who reads all of them reads one.
func metricsIndex() eventstore.Index {
	return eventstore.Index{
		Name: "metrics.1", Tables: []string{"metrics_hours", "metrics_tasks", "metrics_cycles"},
		Write: func(ctx context.Context, tx pgx.Tx, events []*eventstore.Recorded) error {
			run := metricsRun{tx: tx, scopes: map[uuid.UUID]*metricsHour{}, tasks: map[uuid.UUID]*metricsTask{}, cycles: map[boardHour][]byte{}}
			return run.write(ctx, events)
		},
	}
}

// boardHour is one hour on one board.
type boardHour struct {
	board uuid.UUID
	hour  time.Time
}

// metricsHour is what had happened on a board, or on all of an organization, by
// the end of an hour.
type metricsHour struct {
	scope uuid.UUID
	hour  time.Time
	metricsTotals
	changed bool
}

// metricsTotals are counted from the beginning of the log.
type metricsTotals struct {
	completions, cycles, micros, events, failures int64
	inbox, inProgress, review, done               int64
}

// at is the number of tasks with a status.
func (n *metricsTotals) at(s task.Status) *int64 {
	switch s {
	case task.Inbox:
		return &n.inbox
	case task.InProgress:
		return &n.inProgress
	case task.Review:
		return &n.review
	case task.Done:
		return &n.done
	}
	return new(int64) // of no task
}

// metricsTask is where a task stands; of one that does not, status is empty.
type metricsTask struct {
	board   uuid.UUID
	status  task.Status
	since   time.Time
	changed bool
}

// metricsRun counts a run of events and writes what changed.
type metricsRun struct {
	tx     pgx.Tx
	scopes map[uuid.UUID]*metricsHour // the latest row of each
	full   []metricsHour              // rows that a later hour followed
	tasks  map[uuid.UUID]*metricsTask
	cycles map[boardHour][]byte
	ended  []uuid.UUID // boards, and organizations with all of theirs
	orgs   []uuid.UUID // of each that ended
}

func (m *metricsRun) write(ctx context.Context, events []*eventstore.Recorded) error {
	if err := m.read(ctx, events); err != nil {
		return err
	}
	for _, r := range events {
		m.take(r)
	}
	for _, put := range []func(context.Context) error{m.putHours, m.putTasks, m.putCycles, m.remove} {
		if err := put(ctx); err != nil {
			return fmt.Errorf("write metrics: %w", err)
		}
	}
	return nil
}

// counted is the board on which an event counts, Nil if it does not: one about
// a task, or a failure of whatever is of the board.
func counted(r *eventstore.Recorded) (on uuid.UUID, failed bool) {
	failed = r.Outcome == "failed" || strings.HasSuffix(r.Type, "failed")
	ofTask := r.Kind == "task"
	for _, ref := range r.Refs {
		switch {
		case ref.Kind == "task":
			ofTask = true
		case ref.Kind == "board" && on == uuid.Nil:
			on = ref.ID
		}
	}
	if r.Outcome == "denied" || !ofTask && !failed {
		return uuid.Nil, false
	}
	return on, failed
}

// take counts one event.
func (m *metricsRun) take(r *eventstore.Recorded) {
	switch r.Event.(type) {
	case board.Deleted, organization.Deleted:
		m.ended, m.orgs = append(m.ended, r.Stream), append(m.orgs, r.Org)
		return
	}
	on, failed := counted(r)
	if on == uuid.Nil {
		return
	}
	rows := []*metricsHour{m.hour(on, r.Recorded), m.hour(r.Org, r.Recorded)}
	for _, now := range rows {
		now.events++
		if failed {
			now.failures++
		}
	}
	switch e := r.Event.(type) {
	case task.Created:
		m.move(on, rows, r, e.Status)
	case task.StatusChanged:
		m.move(on, rows, r, e.Status)
	case task.Deleted:
		m.move(on, rows, r, "")
	}
}

// hour is the row of a scope that an event of a time counts in.
func (m *metricsRun) hour(scope uuid.UUID, recorded time.Time) *metricsHour {
	hour := recorded.UTC().Truncate(time.Hour)
	now := m.scopes[scope]
	switch {
	case now == nil:
		now = &metricsHour{scope: scope, hour: hour}
		m.scopes[scope] = now
	case now.hour.Before(hour):
		if now.changed {
			m.full = append(m.full, *now)
		}
		now.hour = hour
	}
	now.changed = true
	return now
}

// move takes a task to a status, "" off its board. Work ends when it is handed
// over, for review or as done; what goes back to the inbox was not finished.
func (m *metricsRun) move(on uuid.UUID, rows []*metricsHour, r *eventstore.Recorded, to task.Status) {
	t := m.tasks[r.Stream]
	if t == nil {
		t = &metricsTask{board: on}
		m.tasks[r.Stream] = t
	}
	handedOver := t.status == task.InProgress && (to == task.Review || to == task.Done)
	micros := max(0, r.Time.Sub(t.since).Microseconds()) // the clocks of two processes may differ
	for _, now := range rows {
		*now.at(t.status)--
		*now.at(to)++
		if to == task.Done && t.status != task.Done {
			now.completions++
		}
		if handedOver {
			now.cycles++
			now.micros += micros
		}
	}
	if handedOver {
		at := boardHour{on, rows[0].hour}
		m.cycles[at] = binary.BigEndian.AppendUint64(m.cycles[at], uint64(micros))
	}
	t.status, t.since, t.changed = to, r.Time, true
}

// read reads the latest rows of the scopes and tasks that events are about.
func (m *metricsRun) read(ctx context.Context, events []*eventstore.Recorded) error {
	var scopes, taskBoards, tasks []pgtype.UUID // pgx writes a uuid.UUID as text, which is slow
	seen := map[uuid.UUID]bool{}
	for _, r := range events {
		on, _ := counted(r)
		if on == uuid.Nil {
			continue
		}
		for _, scope := range [...]uuid.UUID{on, r.Org} {
			if !seen[scope] {
				seen[scope], scopes = true, append(scopes, wireID(scope))
			}
		}
		switch r.Event.(type) {
		case task.Created:
			seen[r.Stream] = true
		case task.StatusChanged, task.Deleted:
			if !seen[r.Stream] {
				seen[r.Stream], taskBoards, tasks = true, append(taskBoards, wireID(on)), append(tasks, wireID(r.Stream))
			}
		}
	}
	if err := m.readHours(ctx, scopes); err != nil {
		return err
	}
	return m.readTasks(ctx, taskBoards, tasks)
}

func (m *metricsRun) readHours(ctx context.Context, scopes []pgtype.UUID) error {
	if len(scopes) == 0 {
		return nil
	}
	rows, err := m.tx.Query(ctx, `select h.* from unnest($1::uuid[]) as s(id)
		cross join lateral (select * from metrics_hours where scope = s.id order by hour desc limit 1) h`, scopes)
	if err != nil {
		return fmt.Errorf("read what was counted: %w", err)
	}
	var h metricsHour
	_, err = pgx.ForEachRow(rows, []any{
		&h.scope, &h.hour, &h.completions, &h.cycles, &h.micros, &h.events, &h.failures, &h.inbox, &h.inProgress, &h.review, &h.done,
	}, func() error {
		row := h
		row.hour = row.hour.UTC()
		m.scopes[row.scope] = &row
		return nil
	})
	if err != nil {
		return fmt.Errorf("read what was counted: %w", err)
	}
	return nil
}

func (m *metricsRun) readTasks(ctx context.Context, boards, tasks []pgtype.UUID) error {
	if len(tasks) == 0 {
		return nil
	}
	rows, err := m.tx.Query(ctx, `select t.* from unnest($1::uuid[], $2::uuid[]) as u(board_id, task_id)
		join metrics_tasks t on t.board_id = u.board_id and t.task_id = u.task_id`, boards, tasks)
	if err != nil {
		return fmt.Errorf("read where tasks stand: %w", err)
	}
	var t metricsTask
	var id uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&t.board, &id, &t.status, &t.since}, func() error {
		row := t
		m.tasks[id] = &row
		return nil
	})
	if err != nil {
		return fmt.Errorf("read where tasks stand: %w", err)
	}
	return nil
}

func (m *metricsRun) putHours(ctx context.Context) error {
	rows := m.full
	for _, h := range m.scopes {
		if h.changed {
			rows = append(rows, *h)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	scopes, hours := make([]pgtype.UUID, len(rows)), make([]time.Time, len(rows))
	var counts [9][]int64
	for i, h := range rows {
		scopes[i], hours[i] = wireID(h.scope), h.hour
		for k, n := range [...]int64{h.completions, h.cycles, h.micros, h.events, h.failures, h.inbox, h.inProgress, h.review, h.done} {
			counts[k] = append(counts[k], n)
		}
	}
	_, err := m.tx.Exec(ctx, `insert into metrics_hours (scope, hour, completions, cycles, cycle_micros, events, failures, inbox, in_progress, review, done)
		select * from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
			$8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])
		on conflict (scope, hour) do update set completions = excluded.completions, cycles = excluded.cycles,
			cycle_micros = excluded.cycle_micros, events = excluded.events, failures = excluded.failures, inbox = excluded.inbox,
			in_progress = excluded.in_progress, review = excluded.review, done = excluded.done`,
		scopes, hours, counts[0], counts[1], counts[2], counts[3], counts[4], counts[5], counts[6], counts[7], counts[8])
	return err
}

func (m *metricsRun) putTasks(ctx context.Context) error {
	var boards, tasks, goneBoards, gone []pgtype.UUID
	var statuses []string
	var since []time.Time
	for id, t := range m.tasks {
		switch {
		case !t.changed:
		case t.status == "":
			goneBoards, gone = append(goneBoards, wireID(t.board)), append(gone, wireID(id))
		default:
			boards, tasks = append(boards, wireID(t.board)), append(tasks, wireID(id))
			statuses, since = append(statuses, string(t.status)), append(since, t.since)
		}
	}
	if len(tasks) > 0 {
		if _, err := m.tx.Exec(ctx, `insert into metrics_tasks (board_id, task_id, status, since)
			select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[])
			on conflict (board_id, task_id) do update set status = excluded.status, since = excluded.since`, boards, tasks, statuses, since); err != nil {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	_, err := m.tx.Exec(ctx, `delete from metrics_tasks t using unnest($1::uuid[], $2::uuid[]) as u(board_id, task_id)
		where t.board_id = u.board_id and t.task_id = u.task_id`, goneBoards, gone)
	return err
}

func (m *metricsRun) putCycles(ctx context.Context) error {
	if len(m.cycles) == 0 {
		return nil
	}
	var boards []pgtype.UUID
	var hours []time.Time
	var micros [][]byte
	for at, lengths := range m.cycles {
		boards, hours, micros = append(boards, wireID(at.board)), append(hours, at.hour), append(micros, lengths)
	}
	_, err := m.tx.Exec(ctx, `insert into metrics_cycles (board_id, hour, micros)
		select * from unnest($1::uuid[], $2::timestamptz[], $3::bytea[])
		on conflict (board_id, hour) do update set micros = metrics_cycles.micros || excluded.micros`, boards, hours, micros)
	return err
}

// remove takes out boards that ended, by themselves or with their organization:
// the log still knows which those were.
func (m *metricsRun) remove(ctx context.Context) error {
	if len(m.ended) == 0 {
		return nil
	}
	if err := m.subtract(ctx); err != nil {
		return err
	}
	for table, column := range map[string]string{"metrics_hours": "scope", "metrics_tasks": "board_id", "metrics_cycles": "board_id"} {
		if _, err := m.tx.Exec(ctx, `delete from `+table+` where `+column+` in (select unnest($1::uuid[])
			union select stream from events where org = any($1::uuid[]) and type = 'board.created')`, m.ended); err != nil {
			return err
		}
	}
	return nil
}

// subtract takes boards that ended out of the sums of their organizations, of
// all hours.
func (m *metricsRun) subtract(ctx context.Context) error {
	_, err := m.tx.Exec(ctx, `update metrics_hours o set completions = o.completions - x.completions, cycles = o.cycles - x.cycles,
			cycle_micros = o.cycle_micros - x.cycle_micros, events = o.events - x.events, failures = o.failures - x.failures,
			inbox = o.inbox - x.inbox, in_progress = o.in_progress - x.in_progress, review = o.review - x.review, done = o.done - x.done
		from (select o.scope, o.hour, sum(h.completions)::bigint completions, sum(h.cycles)::bigint cycles, sum(h.cycle_micros)::bigint cycle_micros,
				sum(h.events)::bigint events, sum(h.failures)::bigint failures, sum(h.inbox)::bigint inbox, sum(h.in_progress)::bigint in_progress,
				sum(h.review)::bigint review, sum(h.done)::bigint done
			from unnest($1::uuid[], $2::uuid[]) as e(board, org) join metrics_hours o on o.scope = e.org and e.board <> e.org
				cross join lateral (select * from metrics_hours where scope = e.board and hour <= o.hour order by hour desc limit 1) h
			group by 1, 2) x
		where o.scope = x.scope and o.hour = x.hour`, m.ended, m.orgs)
	return err
}

func wireID(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: true} }
