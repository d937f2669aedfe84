package projections

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/domain/approval"
	"missioncontrol/domain/field"
	"missioncontrol/domain/tag"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
)

// Around is what the view of a task shows of other streams. There are three:
// of the present (nearby), of a rebuild and of reads of the past (world).
type Around interface {
	// Status of a task; false if it does not exist.
	Status(task uuid.UUID) (task.Status, bool)
	// Tag as tasks show it; false if it does not exist.
	Tag(id uuid.UUID) (TagRef, bool)
	// Fields shows all custom fields of a board, given the values of a task.
	Fields(board uuid.UUID, values task.Values) map[string]jsontext.Value
}

// nearby is around tasks in the present.
type nearby struct {
	statuses map[uuid.UUID]task.Status
	tags     map[uuid.UUID]TagRef
	fields   map[uuid.UUID][]field.Definition // by board
}

func (n nearby) Status(id uuid.UUID) (task.Status, bool) { s, ok := n.statuses[id]; return s, ok }
func (n nearby) Tag(id uuid.UUID) (TagRef, bool)         { t, ok := n.tags[id]; return t, ok }
func (n nearby) Fields(board uuid.UUID, values task.Values) map[string]jsontext.Value {
	return field.Shown(n.fields[board], values)
}

// layer is what a decision has changed, over what the database holds: the state
// of a stream, if the decision knows it.
type layer func(stream uuid.UUID) (any, bool)

// nothing is the layer outside of decisions.
func nothing(uuid.UUID) (any, bool) { return nil, false }

func layerOf(d *eventstore.Decision) layer {
	if d == nil {
		return nothing
	}
	return d.State
}

// Around gathers what views of tasks show of other streams, at most one
// statement where memory does not hold it. Within a decision it notes what it
// reads, and sees what the decision has changed already.
func (t Tasks) Around(ctx context.Context, d *eventstore.Decision, rows ...TaskRow) (Around, error) {
	return t.around(ctx, d, layerOf(d), rows)
}

func (t Tasks) around(ctx context.Context, d *eventstore.Decision, changed layer, rows []TaskRow) (Around, error) {
	n := nearby{statuses: map[uuid.UUID]task.Status{}, tags: map[uuid.UUID]TagRef{}, fields: map[uuid.UUID][]field.Definition{}}
	var dependencies, tags []uuid.UUID
	for _, r := range rows {
		for _, id := range r.DependsOn {
			if s, ok := statusIn(changed, id); ok {
				n.statuses[id] = s
			} else {
				dependencies = union(dependencies, id)
			}
		}
		tags = union(tags, r.TagIDs...)
		if _, known := n.fields[r.BoardID]; !known {
			var err error
			if n.fields[r.BoardID], err = Fields(t).OnBoard(ctx, d, r.BoardID); err != nil {
				return nil, err
			}
		}
	}
	if err := readOfTasks(ctx, t.Reader, d, "status", dependencies, n.statuses); err != nil {
		return nil, err
	}
	return n, t.tags(ctx, d, tags, n.tags)
}

// tags reads tags; those that do not exist stay out.
func (t Tasks) tags(ctx context.Context, d *eventstore.Decision, ids []uuid.UUID, into map[uuid.UUID]TagRef) error {
	if len(ids) == 0 {
		return nil
	}
	rows, err := Tags(t).FindAll(ctx, d, ids)
	for _, row := range rows {
		if row != nil {
			into[row.ID] = refTag(*row)
		}
	}
	return err
}

func statusIn(changed layer, id uuid.UUID) (task.Status, bool) {
	state, _ := changed(id)
	t, ok := state.(task.Task)
	return t.Status, ok && t.Exists()
}

// readOfTasks reads a column of tasks; those that do not exist stay out.
func readOfTasks[V any](ctx context.Context, r Reader, d *eventstore.Decision, column string, ids []uuid.UUID, into map[uuid.UUID]V) error {
	if len(ids) == 0 {
		return nil
	}
	if d != nil {
		for _, id := range ids {
			d.Look(eventstore.Key(id, "task"))
		}
	}
	rows, err := r.DB.Query(ctx, "select id, "+column+" from tasks where id = any($1)", ids)
	if err != nil {
		return fmt.Errorf("projections: read the %s of tasks: %w", column, err)
	}
	var id uuid.UUID
	var v V
	if _, err := pgx.ForEachRow(rows, []any{&id, &v}, func() error { into[id] = v; return nil }); err != nil {
		return fmt.Errorf("projections: read the %s of tasks: %w", column, err)
	}
	return nil
}

// world is a past, or the part of the present that a decision changes, folded
// in memory: the states of streams by their ids, and what is found by board.
type world struct {
	states    map[uuid.UUID]any
	approvals map[uuid.UUID][]uuid.UUID            // by board, in the order of their first event
	fields    map[uuid.UUID]map[uuid.UUID]struct{} // by board that they are, or were, bound to
}

func newWorld() *world {
	return &world{map[uuid.UUID]any{}, map[uuid.UUID][]uuid.UUID{}, map[uuid.UUID]map[uuid.UUID]struct{}{}}
}

// take puts the state of a stream in place of the one before.
func (w *world) take(stream uuid.UUID, state any) {
	_, known := w.states[stream]
	w.states[stream] = state
	switch s := state.(type) {
	case approval.Approval:
		if !known {
			w.approvals[s.BoardID] = append(w.approvals[s.BoardID], stream)
		}
	case field.Definition:
		for _, board := range s.BoardIDs {
			if w.fields[board] == nil {
				w.fields[board] = map[uuid.UUID]struct{}{}
			}
			w.fields[board][stream] = struct{}{}
		}
	}
}

func (w *world) layer(id uuid.UUID) (any, bool) { state, ok := w.states[id]; return state, ok }

// Status implements Around.
func (w *world) Status(id uuid.UUID) (task.Status, bool) { return statusIn(w.layer, id) }

// Tag implements Around.
func (w *world) Tag(id uuid.UUID) (TagRef, bool) {
	t, ok := w.states[id].(tag.Tag)
	return RefTag(t), ok && t.Exists()
}

// Fields implements Around.
func (w *world) Fields(board uuid.UUID, values task.Values) map[string]jsontext.Value {
	var defs []field.Definition
	for id := range w.fields[board] {
		if d, ok := w.states[id].(field.Definition); ok && d.Exists() && slices.Contains(d.BoardIDs, board) {
			defs = append(defs, d)
		}
	}
	return field.Shown(defs, values)
}
