package projections_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/board"
	"missioncontrol/domain/group"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/projections"
)

// A planner is a crowd that also arranges boards in groups, and ends both.
type planner struct {
	*crowd
	groups []uuid.UUID
	gone   []func() error // what removes the rows of what has ended, in order
}

func (c *planner) step(t *testing.T) {
	t.Helper()
	if err := c.plan(t); err != nil && domain.ReasonOf(err) == "" {
		t.Error(err)
	}
}

func (c *planner) plan(t *testing.T) error {
	t.Helper()
	if len(c.places) < 2 {
		c.places = append(c.places, c.board(c.ctx, t, c.org, c.user, fmt.Sprint("Board ", c.rand.Int())))
	}
	at, text := pick(c.rand, c.places...), c.text()
	removal := projections.Removal{Reader: c.Reader}
	if len(c.groups) == 0 || c.rand.IntN(12) == 0 {
		made, err := c.Groups.Create(c.ctx, c.org, group.Created{Name: text, Slug: pick(c.rand, "", text), Description: &text})
		c.groups = append(c.groups, made.ID)
		return err
	}
	id := pick(c.rand, c.groups...)
	where := commands.GroupAt{Organization: c.org, Group: id}
	note := commands.Note{Content: text, Tags: pick(c.rand, nil, []string{"chat"}, []string{"broadcast", "x"})}
	var err error
	switch c.rand.IntN(16) {
	case 0:
		_, err = c.Groups.Update(c.ctx, where, group.Updated{Name: domain.Some(text), Slug: pick(c.rand, domain.Some(""), domain.Optional[string]{})})
	case 1, 2, 3:
		_, err = c.Boards.Update(c.ctx, at, board.Changes{Name: domain.Some(text), BoardGroupID: pick(c.rand, domain.Some(id), domain.Some(id), domain.Null[uuid.UUID]())})
	case 4, 5:
		_, err = c.Memories.Share(c.ctx, c.org, id, note)
	case 6:
		_, err = c.Memories.ShareFrom(c.ctx, at, note)
	case 7:
		_, err = c.Agents.Create(c.ctx, at, commands.NewAgent{Profile: agent.Profile{Name: fmt.Sprint(c.rand.Int())}, IsBoardLead: c.rand.IntN(3) == 0})
	case 8:
		_, err = c.Groups.PaceAgents(c.ctx, where, commands.Pace{Every: text, IncludeLeads: c.rand.IntN(2) == 0})
	case 9:
		if c.rand.IntN(2) == 0 {
			return nil
		}
		err = c.Groups.Delete(c.ctx, where)
		c.groups = slices.DeleteFunc(c.groups, func(other uuid.UUID) bool { return other == id })
		c.gone = append(c.gone, func() error { return removal.Group(t.Context(), id) })
	case 10:
		if c.rand.IntN(2) == 0 {
			return nil
		}
		err = c.Boards.Delete(c.ctx, at)
		c.places = slices.DeleteFunc(c.places, func(other commands.Place) bool { return other == at })
		c.ids = slices.DeleteFunc(c.ids, func(id uuid.UUID) bool { return c.tasks[id] == at })
		c.approvals = slices.DeleteFunc(c.approvals, func(a asked) bool { return a.at == at })
		c.gone = append(c.gone, func() error { return removal.Board(t.Context(), at.Board) })
	default:
		return c.try()
	}
	return err
}

// TestRebuiltGroups: groups and boards come and go; once the rows of what has
// ended are removed, a rebuild leads to the same tables.
func TestRebuiltGroups(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Connect(t, pgtest.Clone(t)))
	for n := range 3 {
		c := &planner{crowd: p.crowd(t, n)}
		for range 250 {
			c.step(t)
		}
		if n == 1 { // with its groups and boards
			by, err := projections.Members{Reader: p.Reader}.Of(t.Context(), nil, c.org, c.user)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Organizations.Delete(c.ctx, by); err != nil {
				t.Fatal(err)
			}
			c.gone = append(c.gone, func() error { return projections.Removal{Reader: p.Reader}.Organization(t.Context(), c.org) })
		}
		for _, remove := range c.gone {
			if err := remove(); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%d things have ended", len(c.gone))
	}
	live := contents(t, p.DB)
	for _, name := range []string{"board_groups", "board_group_memory", "boards", "agents", "tasks"} {
		if len(live[name]) == 0 {
			t.Errorf("%s is empty: the test shows nothing of it", name)
		}
	}
	rebuild(t, p)
	if diff := cmp.Diff(live, contents(t, p.DB)); diff != "" {
		t.Fatalf("the rebuild differs from live (-live +rebuilt)\n%s", diff)
	}
	var orphans int
	if err := p.DB.QueryRow(t.Context(), `select (select count(*) from tasks where board_id not in (select id from boards))
		+ (select count(*) from agents where board_id not in (select id from boards))
		+ (select count(*) from board_memory where board_id not in (select id from boards))
		+ (select count(*) from board_group_memory where board_group_id not in (select id from board_groups))
		+ (select count(*) from boards where board_group_id not in (select id from board_groups))
		+ (select count(*) from feed where topic like 'board/%' and substr(topic, 7, 36)::uuid not in (select id from boards))
		+ (select count(*) from feed where topic like 'group/%' and substr(topic, 7, 36)::uuid not in (select id from board_groups))`).Scan(&orphans); err != nil || orphans != 0 {
		t.Errorf("%d rows belong to nothing: %v", orphans, err)
	}
}

// TestRemovalInSlices: a board with more rows than go at once is removed
// whole.
func TestRemovalInSlices(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Connect(t, pgtest.Clone(t)))
	c := p.crowd(t, 1)
	at := c.places[0]
	if _, err := p.DB.Exec(t.Context(), `insert into board_memory (id, board_id, content, is_chat, created_at)
		select gen_random_uuid(), $1, 'x', false, now() from generate_series(1, 2500)`, at.Board); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Memories.Create(c.ctx, c.places[1], commands.Note{Content: "stays"}); err != nil {
		t.Fatal(err)
	}
	if err := c.Boards.Delete(c.ctx, at); err != nil {
		t.Fatal(err)
	}
	if err := (projections.Removal{Reader: p.Reader}).Board(t.Context(), at.Board); err != nil {
		t.Fatal(err)
	}
	var left, others int
	if err := p.DB.QueryRow(t.Context(), `select count(*) filter (where board_id = $1), count(*) filter (where board_id <> $1) from board_memory`, at.Board).
		Scan(&left, &others); err != nil || left != 0 || others != 1 {
		t.Errorf("%d of the board, %d of others: %v", left, others, err)
	}
}
