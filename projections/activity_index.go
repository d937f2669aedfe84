package projections

import (
	"context"
	"fmt"
	"slices"
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

// activityIndex fills the list of what happened. A line is written once and is
// as of its event; those of a deleted task go with it, those of a board or an
// organization in slices.
func activityIndex() eventstore.Index {
	return eventstore.Index{
		Name: "activity.1", Tables: []string{"activity", "activity_counts", "activity_names"},
		Write: func(ctx context.Context, tx pgx.Tx, events []*eventstore.Recorded) error {
			w := activityWriter{ctx: ctx, tx: tx, names: map[uuid.UUID]name{}}
			return w.write(events)
		},
	}
}

// activitySlice is how many lines of something that is gone one run removes.
const activitySlice = 5000

// activityLine is a row that is about to be written.
type activityLine struct {
	seq        int64
	id         uuid.UUID
	scope, org uuid.UUID
	listed     bool
	wire, text string
	agent      *uuid.UUID
	task       *uuid.UUID
	at         time.Time
}

// name is what a stream is called, and where it is.
type name struct {
	text  string
	scope uuid.UUID
}

// activityWriter derives the lines of one run of events.
type activityWriter struct {
	ctx context.Context
	tx  pgx.Tx

	lines   []activityLine
	names   map[uuid.UUID]name // as of the event that is looked at
	renamed []uuid.UUID        // streams whose name is to be written
	unnamed []uuid.UUID        // streams that ended
	tasks   []uuid.UUID        // that were deleted
	gone    []uuid.UUID        // boards and organizations that were deleted
}

func (w *activityWriter) write(events []*eventstore.Recorded) error {
	if err := w.readNames(events); err != nil {
		return err
	}
	for _, r := range events {
		if r.Org != uuid.Nil && !unseen(r) { // the system's own is nobody's activity
			w.take(r)
		}
	}
	for _, step := range []func() error{w.removeTasks, w.copyLines, w.count, w.writeNames, w.markGone, w.sweep} {
		if err := step(); err != nil {
			return fmt.Errorf("projections: write activity: %w", err)
		}
	}
	return nil
}

// readNames reads what the streams of events were called before them.
func (w *activityWriter) readNames(events []*eventstore.Recorded) error {
	seen := map[uuid.UUID]bool{}
	var ids []pgtype.UUID
	for _, r := range events {
		if isNamed(r.Kind) && !seen[r.Stream] && r.Version > 1 {
			seen[r.Stream] = true
			ids = append(ids, raw(r.Stream))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := w.tx.Query(w.ctx, `select stream, scope, name from activity_names where stream = any($1)`, ids)
	if err != nil {
		return fmt.Errorf("projections: read names: %w", err)
	}
	var id uuid.UUID
	var n name
	if _, err := pgx.ForEachRow(rows, []any{&id, &n.scope, &n.text}, func() error { w.names[id] = n; return nil }); err != nil {
		return fmt.Errorf("projections: read names: %w", err)
	}
	return nil
}

// take derives the line of an event.
func (w *activityWriter) take(r *eventstore.Recorded) {
	scope := scopeOf(r)
	if text := nameIn(r.Event); text != nil {
		w.names[r.Stream] = name{*text, scope}
		w.renamed = append(w.renamed, r.Stream)
	}
	switch r.Event.(type) {
	case task.Deleted:
		w.tasks = append(w.tasks, r.Stream)
		w.lines = slices.DeleteFunc(w.lines, func(l activityLine) bool { return l.task != nil && *l.task == r.Stream })
	case board.Deleted, organization.Deleted:
		w.gone = append(w.gone, r.Stream)
	}
	w.lines = append(w.lines, activityLine{
		seq: r.Seq, id: r.ID, scope: scope, org: r.Org, listed: listed(r.Type), wire: r.Type, text: messageOf(r, w.names[r.Stream].text),
		agent: agentOf(r), task: firstRef(r, "task"), at: r.Time,
	})
	if isNamed(r.Kind) && strings.HasSuffix(r.Type, ".deleted") {
		w.unnamed = append(w.unnamed, r.Stream)
		delete(w.names, r.Stream)
	}
}

// uncount removes lines that a condition on them selects, and counts them off
// their scopes and agents.
const uncount = `with dead as (delete from activity where %s returning scope, agent_id, listed),
	less as (select v.scope, d.listed, count(*) n from dead d cross join lateral (values (d.scope), (d.agent_id)) v(scope)
		where v.scope is not null group by 1, 2),
	counted as (update activity_counts c set n = c.n - less.n from less where c.scope = less.scope and c.listed = less.listed)
	select count(*) from dead`

// removeTasks removes the lines of deleted tasks, all from before this run.
func (w *activityWriter) removeTasks() error {
	if len(w.tasks) == 0 {
		return nil
	}
	_, err := w.tx.Exec(w.ctx, fmt.Sprintf(uncount, `task_id = any($1)`), w.tasks)
	return err
}

func (w *activityWriter) copyLines() error {
	columns := []string{"seq", "id", "scope", "organization_id", "listed", "type", "message", "agent_id", "task_id", "created_at"}
	_, err := w.tx.CopyFrom(w.ctx, pgx.Identifier{"activity"}, columns, pgx.CopyFromSlice(len(w.lines), func(i int) ([]any, error) {
		l := &w.lines[i]
		return []any{l.seq, raw(l.id), raw(l.scope), raw(l.org), l.listed, l.wire, l.text, rawOrNull(l.agent), rawOrNull(l.task), l.at}, nil
	}))
	return err
}

// raw is an id as pgx sends it fastest: a uuid.UUID goes as text.
func raw(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: true} }

func rawOrNull(id *uuid.UUID) pgtype.UUID {
	if id == nil {
		return pgtype.UUID{}
	}
	return raw(*id)
}

// count adds the lines to the counts of their scopes and agents.
func (w *activityWriter) count() error {
	type key struct {
		scope  uuid.UUID
		listed bool
	}
	counts, homes := map[key]int64{}, map[uuid.UUID]uuid.UUID{}
	for _, l := range w.lines {
		counts[key{l.scope, l.listed}]++
		homes[l.scope] = l.org
		if l.agent != nil {
			counts[key{*l.agent, l.listed}]++
			homes[*l.agent] = l.org
		}
	}
	var scopes, orgs []pgtype.UUID
	var listed []bool
	var ns []int64
	for k, n := range counts {
		scopes, orgs, listed, ns = append(scopes, raw(k.scope)), append(orgs, raw(homes[k.scope])), append(listed, k.listed), append(ns, n)
	}
	_, err := w.tx.Exec(w.ctx, `insert into activity_counts as c (scope, organization_id, listed, n)
		select * from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::bigint[])
		on conflict (scope, listed) do update set n = c.n + excluded.n`, scopes, orgs, listed, ns)
	return err
}

func (w *activityWriter) writeNames() error {
	var streams, scopes []pgtype.UUID
	var texts []string
	written := map[uuid.UUID]bool{}
	for _, id := range w.renamed {
		if n, named := w.names[id]; named && !written[id] {
			written[id] = true
			streams, scopes, texts = append(streams, raw(id)), append(scopes, raw(n.scope)), append(texts, n.text)
		}
	}
	if len(streams) > 0 {
		if _, err := w.tx.Exec(w.ctx, `insert into activity_names (stream, scope, name) select * from unnest($1::uuid[], $2::uuid[], $3::text[])
			on conflict (stream) do update set scope = excluded.scope, name = excluded.name`, streams, scopes, texts); err != nil {
			return err
		}
	}
	if len(w.unnamed) == 0 {
		return nil
	}
	_, err := w.tx.Exec(w.ctx, `delete from activity_names where stream = any($1)`, w.unnamed)
	return err
}

func (w *activityWriter) markGone() error {
	if len(w.gone) == 0 {
		return nil
	}
	_, err := w.tx.Exec(w.ctx, `update activity_counts set gone = true where scope = any($1) or organization_id = any($1)`, w.gone)
	return err
}

// sweep removes a slice of what belonged to boards and organizations that are
// gone, so that no run takes long.
func (w *activityWriter) sweep() error {
	for left := activitySlice; left > 0; {
		scope, err := w.nextGone()
		if err != nil || scope == uuid.Nil {
			return err
		}
		n, err := w.sweepOne(scope, left)
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// nextGone is a scope that is gone and not swept yet, Nil if there is none.
func (w *activityWriter) nextGone() (scope uuid.UUID, err error) {
	err = w.tx.QueryRow(w.ctx, `select coalesce((select scope from activity_counts where gone limit 1), $1)`, uuid.Nil).Scan(&scope)
	return scope, err
}

// sweepOne removes at most limit lines of a scope, and then the rest of it.
func (w *activityWriter) sweepOne(scope uuid.UUID, limit int) (n int, err error) {
	err = w.tx.QueryRow(w.ctx, fmt.Sprintf(uncount, `seq = any(array(select seq from activity where scope = $1 limit $2))`), scope, limit).Scan(&n)
	if err != nil || n == limit {
		return n, err
	}
	if _, err := w.tx.Exec(w.ctx, `delete from activity_names where scope = $1`, scope); err != nil {
		return n, err
	}
	_, err = w.tx.Exec(w.ctx, `delete from activity_counts where scope = $1 and gone`, scope)
	return n, err
}
