package projections

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

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
	fields   map[uuid.UUID]func(task.Values) map[string]jsontext.Value // by board
}

func (n nearby) Status(id uuid.UUID) (task.Status, bool) { s, ok := n.statuses[id]; return s, ok }
func (n nearby) Tag(id uuid.UUID) (TagRef, bool)         { t, ok := n.tags[id]; return t, ok }
func (n nearby) Fields(board uuid.UUID, values task.Values) map[string]jsontext.Value {
	if show := n.fields[board]; show != nil {
		return show(values)
	}
	return nil
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
	n := nearby{statuses: map[uuid.UUID]task.Status{}, tags: map[uuid.UUID]TagRef{}, fields: map[uuid.UUID]func(task.Values) map[string]jsontext.Value{}}
	var ids []uuid.UUID
	for _, r := range rows {
		for _, id := range r.DependsOn {
			if _, known := n.statuses[id]; known {
				continue
			}
			if s, ok := statusIn(changed, id); ok {
				n.statuses[id] = s
				continue
			}
			ids = append(ids, id)
		}
	}
	if err := t.statuses(ctx, d, ids, n.statuses); err != nil {
		return nil, err
	}
	return n, nil
}

func statusIn(changed layer, id uuid.UUID) (task.Status, bool) {
	state, _ := changed(id)
	t, ok := state.(task.Task)
	return t.Status, ok && t.Exists()
}

// statuses reads how tasks stand; those that do not exist stay out.
func (t Tasks) statuses(ctx context.Context, d *eventstore.Decision, ids []uuid.UUID, into map[uuid.UUID]task.Status) error {
	if len(ids) == 0 {
		return nil
	}
	if d != nil {
		for _, id := range ids {
			d.Look(eventstore.Key(id, "task"))
		}
	}
	rows, err := t.DB.Query(ctx, `select id, status from tasks where id = any($1)`, ids)
	if err != nil {
		return fmt.Errorf("projections: read statuses of tasks: %w", err)
	}
	var id uuid.UUID
	var status task.Status
	if _, err := pgx.ForEachRow(rows, []any{&id, &status}, func() error { into[id] = status; return nil }); err != nil {
		return fmt.Errorf("projections: read statuses of tasks: %w", err)
	}
	return nil
}

// world is around tasks in a past that is folded in memory: the states of all
// streams by their ids.
type world map[uuid.UUID]any

func (w world) layer(id uuid.UUID) (any, bool) { state, ok := w[id]; return state, ok }

func (w world) Status(id uuid.UUID) (task.Status, bool) {
	t, ok := w[id].(task.Task)
	return t.Status, ok && t.Exists()
}

func (w world) Tag(uuid.UUID) (TagRef, bool) { return TagRef{}, false }

func (w world) Fields(uuid.UUID, task.Values) map[string]jsontext.Value { return nil }
