package audit

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/projections"
)

// BoardDiff is what differs on a board between two moments, of what reads of
// the past show. What only tells that something changed is not compared, nor is
// the presence of agents.
type BoardDiff struct {
	BoardID   uuid.UUID   `json:"board_id"`
	From      Moment      `json:"from"`
	To        Moment      `json:"to"`
	Board     []Change    `json:"board"`
	Tasks     Differences `json:"tasks"`
	Approvals Differences `json:"approvals"`
	Agents    Differences `json:"agents"`
	Memory    Count       `json:"memory"`
	Text      string      `json:"text"` // the same in English, a line each
}

// Moment is one of the two.
type Moment struct {
	Position string     `json:"position"` // for the transport to say
	Time     *time.Time `json:"time"`     // of the event there; nil: before all events
	Exists   bool       `json:"exists"`   // the board did
}

// Differences are those among things of one kind.
type Differences struct {
	Added   []Named   `json:"added"`
	Removed []Named   `json:"removed"`
	Changed []Changed `json:"changed"`
}

// Named is a thing under the name that it had at the later moment that it was
// there.
type Named struct {
	ID    uuid.UUID `json:"id"`
	Title string    `json:"title"`
}

// Changed is a thing that was there at both moments.
type Changed struct {
	Named
	Changes []Change `json:"changes"`
}

// Count tells of things that come and go, but never change.
type Count struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
}

// Diff compares a board at two positions. At one where it was not there, nothing
// was on it.
func (t Trail) Diff(ctx context.Context, board uuid.UUID, from, to int64) (*BoardDiff, error) {
	d := BoardDiff{BoardID: board}
	before, err := t.stood(ctx, board, from, &d.From)
	if err != nil {
		return nil, err
	}
	after, err := t.stood(ctx, board, to, &d.To)
	if err != nil {
		return nil, err
	}
	if err := d.compare(before, after); err != nil {
		return nil, err
	}
	d.Text = strings.Join(newDiffTeller(before, after).lines(&d), "\n")
	return &d, nil
}

// stood returns a board as it was at a position, empty if it was not there.
func (t Trail) stood(ctx context.Context, board uuid.UUID, at int64, m *Moment) (*projections.BoardSnapshot, error) {
	there, err := t.Store.Range(ctx, at-1, at, 1)
	if err != nil {
		return nil, err
	}
	for _, r := range there {
		m.Time = &r.Recorded
	}
	whole, err := projections.Boards{Reader: t.Reader}.WholeAt(ctx, board, at)
	if m.Exists = whole != nil; !m.Exists {
		whole = &projections.BoardSnapshot{}
	}
	return whole, err
}

func (d *BoardDiff) compare(before, after *projections.BoardSnapshot) (err error) {
	if d.Board, err = changed(shownIf(d.From.Exists, before.Board), shownIf(d.To.Exists, after.Board)); err != nil {
		return err
	}
	d.Tasks, err = compared(before.Tasks, after.Tasks, func(v projections.TaskCard) Named { return Named{v.ID, v.Title} })
	if err != nil {
		return err
	}
	d.Approvals, err = compared(before.Approvals, after.Approvals, func(v projections.Approval) Named { return Named{v.ID, v.ActionType} })
	if err != nil {
		return err
	}
	d.Agents, err = compared(before.Agents, after.Agents, func(v projections.Agent) Named { return Named{v.ID, v.Name} }, "status", "last_seen_at")
	if err != nil {
		return err
	}
	d.Memory = count(before.Chat, after.Chat)
	return nil
}

func count(before, after []projections.Memory) Count {
	old := make(map[uuid.UUID]bool, len(before))
	for _, v := range before {
		old[v.ID] = true
	}
	var c Count
	for _, v := range after {
		if !old[v.ID] {
			c.Added++
		}
		delete(old, v.ID)
	}
	c.Removed = len(old)
	return c
}

// compared compares things of one kind but for some fields.
func compared[V any](before, after []V, name func(V) Named, but ...string) (Differences, error) {
	d := Differences{Added: []Named{}, Removed: []Named{}, Changed: []Changed{}}
	old := make(map[uuid.UUID]*V, len(before))
	for i := range before {
		old[name(before[i]).ID] = &before[i]
	}
	for i := range after {
		n := name(after[i])
		was, there := old[n.ID]
		if delete(old, n.ID); !there {
			d.Added = append(d.Added, n)
			continue
		}
		changes, err := changed(was, &after[i], but...)
		if err != nil {
			return d, err
		}
		if len(changes) > 0 {
			d.Changed = append(d.Changed, Changed{n, changes})
		}
	}
	for i := range before { // in their order
		if n := name(before[i]); old[n.ID] != nil {
			d.Removed = append(d.Removed, n)
		}
	}
	return d, nil
}

func shownIf[V any](exists bool, v V) *V {
	if !exists {
		return nil
	}
	return &v
}

// changed lists the fields of a view that differ, each null where there is no
// view.
func changed[V any](before, after *V, but ...string) ([]Change, error) {
	changes := []Change{}
	was, err := viewFields(before)
	if err != nil {
		return nil, err
	}
	is, err := viewFields(after)
	if err != nil {
		return nil, err
	}
	null := jsontext.Value("null")
	for i := range max(len(was), len(is)) {
		c := Change{Before: null, After: null}
		if i < len(was) {
			c.Field, c.Before = was[i].name, was[i].value
		}
		if i < len(is) {
			c.Field, c.After = is[i].name, is[i].value
		}
		if !bytes.Equal(c.Before, c.After) && c.Field != "updated_at" && !slices.Contains(but, c.Field) {
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// viewField is a field of a view as its JSON has it.
type viewField struct {
	name  string
	value jsontext.Value
}

// viewFields are the fields of a view, the same of every view of a type.
func viewFields[V any](v *V) ([]viewField, error) {
	if v == nil {
		return nil, nil
	}
	asIs := json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true), json.Deterministic(true))
	text, err := json.Marshal(v, asIs)
	if err != nil {
		return nil, err
	}
	var fields []viewField
	d := jsontext.NewDecoder(bytes.NewReader(text), asIs)
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		f := viewField{name: name.String()}
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		f.value = value.Clone()
		fields = append(fields, f)
	}
	return fields, nil
}
