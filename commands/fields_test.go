package commands_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/board"
	"missioncontrol/domain/field"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/projections"
)

func textField(key string, boards ...uuid.UUID) field.Created {
	return field.Created{Key: key, Label: key, Type: field.Text, Visibility: field.Always, BoardIDs: boards}
}

// secondBoard is another board of the same organization.
func (p *process) secondBoard(t *testing.T, person uuid.UUID, at commands.Place) commands.Place {
	t.Helper()
	by, err := projections.Members{Reader: p.read}.Of(t.Context(), nil, at.Organization, person)
	if err != nil {
		t.Fatal(err)
	}
	made, err := p.Boards.Create(as(t, person), by, board.Settings{Name: "Second", Slug: "second", Description: "d", BoardType: "general"})
	if err != nil {
		t.Fatal(err)
	}
	return commands.Place{Organization: at.Organization, Board: made.ID}
}

func (p *process) keysOn(t *testing.T, board uuid.UUID) []string {
	t.Helper()
	defs, err := projections.Fields{Reader: p.read}.OnBoard(t.Context(), nil, board)
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{}
	for _, d := range defs {
		keys = append(keys, d.Key)
	}
	return keys
}

func TestFields(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Connect(t, pgtest.Clone(t)))
	person, at := p.board(t)
	ctx, second := as(t, person), p.secondBoard(t, person, at)
	_, foreign := p.board(t)

	e := textField("Ticket", at.Board)
	e.Type, e.Default = field.Decimal, jsontext.Value("80.0")
	ticket, err := p.Fields.Create(ctx, at.Organization, e)
	if err != nil || ticket.Key != "Ticket" || string(ticket.Default) != "80.0" || !cmp.Equal(ticket.BoardIDs, []uuid.UUID{at.Board}) {
		t.Fatal(ticket, err)
	}
	for name, c := range map[string]struct {
		e      field.Created
		reason domain.Reason
	}{
		"a key twice":            {textField("Ticket", second.Board), domain.Conflict},
		"another case is no key": {textField("ticket", at.Board), ""},
		"a foreign board":        {textField("x", at.Board, foreign.Board), domain.Invalid},
		"no board":               {textField("x", uuid.New()), domain.Invalid},
	} {
		if _, err := p.Fields.Create(ctx, at.Organization, c.e); domain.ReasonOf(err) != c.reason {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Run("are on the boards that they are bound to", func(t *testing.T) {
		if got := p.keysOn(t, at.Board); !cmp.Equal(got, []string{"Ticket", "ticket"}) && !cmp.Equal(got, []string{"ticket", "Ticket"}) {
			t.Error(got)
		}
		if got := p.keysOn(t, second.Board); len(got) > 0 {
			t.Error(got)
		}
		if _, err := p.Fields.Update(ctx, at.Organization, ticket.ID, field.Updated{BoardIDs: domain.Some([]uuid.UUID{second.Board})}); err != nil {
			t.Fatal(err)
		}
		if got := p.keysOn(t, at.Board); !cmp.Equal(got, []string{"ticket"}) {
			t.Errorf("the board before: %v", got)
		}
		if got := p.keysOn(t, second.Board); !cmp.Equal(got, []string{"Ticket"}) {
			t.Errorf("the board after: %v", got)
		}
	})
	t.Run("are read anew when they are defined otherwise", func(t *testing.T) {
		if _, err := p.Fields.Update(ctx, at.Organization, ticket.ID, field.Updated{Required: domain.Some(true)}); err != nil {
			t.Fatal(err)
		}
		defs, err := projections.Fields{Reader: p.read}.OnBoard(ctx, nil, second.Board)
		if err != nil || len(defs) != 1 || !defs[0].Required || string(defs[0].Default) != "80.0" {
			t.Errorf("%+v, %v", defs, err)
		}
	})
	t.Run("of another organization are not there", func(t *testing.T) {
		_, err := p.Fields.Update(ctx, foreign.Organization, ticket.ID, field.Updated{Label: domain.Some("x")})
		if domain.ReasonOf(err) != domain.NotFound {
			t.Error(err)
		}
		if err := p.Fields.Delete(ctx, foreign.Organization, ticket.ID); domain.ReasonOf(err) != domain.NotFound {
			t.Error(err)
		}
	})
	t.Run("with values stay, wherever those are", func(t *testing.T) {
		id := p.carrier(ctx, t, at, task.Values{ticket.ID: jsontext.Value("1.50")}) // the field has left this board
		if err := p.Fields.Delete(ctx, at.Organization, ticket.ID); domain.ReasonOf(err) != domain.Conflict {
			t.Fatal(err)
		}
		if err := p.Tasks.Delete(ctx, at, id); err != nil {
			t.Fatal(err)
		}
		if err := p.Fields.Delete(ctx, at.Organization, ticket.ID); err != nil {
			t.Fatal(err)
		}
		if got := p.keysOn(t, second.Board); len(got) > 0 {
			t.Error(got)
		}
		if _, err := p.Fields.Create(ctx, at.Organization, textField("Ticket", second.Board)); err != nil {
			t.Errorf("its key is not free: %v", err)
		}
	})
	t.Run("do not show boards that are gone", func(t *testing.T) {
		made, err := p.Fields.Create(ctx, at.Organization, textField("both", at.Board, second.Board))
		if err != nil || len(made.BoardIDs) != 2 {
			t.Fatal(made, err)
		}
		if err := p.Boards.Delete(ctx, second); err != nil {
			t.Fatal(err)
		}
		changed, err := p.Fields.Update(ctx, at.Organization, made.ID, field.Updated{Label: domain.Some("Both")})
		if err != nil || !cmp.Equal(changed.BoardIDs, []uuid.UUID{at.Board}) {
			t.Errorf("%+v, %v", changed, err)
		}
	})
}

// TestUniqueFieldKey: of many who want one key at once, through two processes,
// exactly one gets it.
func TestUniqueFieldKey(t *testing.T) {
	t.Parallel()
	db := pgtest.Connect(t, pgtest.Clone(t))
	ps := []*process{start(t, db), start(t, db)}
	person, at := ps[0].board(t)
	for round := range 80 {
		var won atomic.Int64
		var g errgroup.Group
		for i := range 8 {
			g.Go(func() error {
				_, err := ps[i%2].Fields.Create(as(t, person), at.Organization, textField(fmt.Sprint("key ", round), at.Board))
				if err == nil {
					won.Add(1)
				} else if domain.ReasonOf(err) == domain.Conflict {
					err = nil
				}
				return err
			})
		}
		if err := g.Wait(); err != nil || won.Load() != 1 {
			t.Fatalf("round %d: %d got it, %v", round, won.Load(), err)
		}
	}
}

// TestFieldGoesWhileItIsFilled: no task keeps a value of a field that is gone.
func TestFieldGoesWhileItIsFilled(t *testing.T) {
	t.Parallel()
	db := pgtest.Connect(t, pgtest.Clone(t))
	ps := []*process{start(t, db), start(t, db)}
	person, at := ps[0].board(t)
	tasks := eventstore.For[task.Task, task.Event](ps[1].store, "task")
	for round := range 100 {
		key := fmt.Sprint("f", round)
		made, err := ps[0].Fields.Create(as(t, person), at.Organization, textField(key, at.Board))
		if err != nil {
			t.Fatal(err)
		}
		id := uuid.New()
		var g errgroup.Group
		g.Go(func() error {
			err := ps[0].Fields.Delete(as(t, person), at.Organization, made.ID)
			if domain.ReasonOf(err) == domain.Conflict {
				return nil
			}
			return err
		})
		g.Go(func() error {
			err := ps[1].store.Do(as(t, person), func(d *eventstore.Decision) error {
				defs, err := projections.Fields{Reader: ps[1].read}.OnBoard(t.Context(), d, at.Board)
				if err != nil {
					return err
				}
				values, err := field.Values(defs, nil, map[string]jsontext.Value{key: jsontext.Value(`"v"`)}, true)
				if err != nil {
					return err
				}
				return tasks.New(d, at.Organization, id).Decide(happened{task.Created{BoardID: at.Board, Title: "x", Status: task.Inbox, Priority: "medium", Values: values}})
			})
			if domain.ReasonOf(err) == domain.Invalid {
				return nil
			}
			return err
		})
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		var filled, defined bool
		if err := db.QueryRow(t.Context(), `select exists (select from tasks where id = $1), exists (select from custom_fields where id = $2)`, id, made.ID).
			Scan(&filled, &defined); err != nil || filled != defined {
			t.Fatalf("round %d: filled %v, defined %v, %v", round, filled, defined, err)
		}
	}
}
