package projections_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/board"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/projections"
)

// feedOf lists what the feed of an organization's comments shows.
func feedOf(t *testing.T, c *crowd) (lines []string) {
	t.Helper()
	frames, err := projections.Feed{Reader: c.Reader}.After(t.Context(), projections.TaskCommentsTopic(c.org), 0, c.Store.Head(), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		var shown struct {
			Comment struct {
				Message   string  `json:"message"`
				AgentName *string `json:"agent_name"`
				AgentRole *string `json:"agent_role"`
				TaskTitle string  `json:"task_title"`
				BoardName string  `json:"board_name"`
			} `json:"comment"`
		}
		if err := json.Unmarshal(f.Payload, &shown); err != nil {
			t.Fatal(err)
		}
		s, name, role := shown.Comment, "nobody", "none"
		if s.AgentName != nil {
			name = *s.AgentName
		}
		if s.AgentRole != nil {
			role = *s.AgentRole
		}
		lines = append(lines, fmt.Sprintf("%s: %s (%s) on %s of %s", s.Message, name, role, s.TaskTitle, s.BoardName))
	}
	return lines
}

// TestCommentFeedIsRebuilt: each frame shows what was around its comment when
// it was said, live and rebuilt.
func TestCommentFeedIsRebuilt(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Connect(t, pgtest.Clone(t)))
	c := p.crowd(t, 1)
	at := c.places[0]
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	a, err := p.Agents.Create(c.ctx, at, commands.NewAgent{Profile: agent.Profile{Name: "Ada", IdentityProfile: jsontext.Value(`{"role":" critic "}`)}})
	must(err)
	made, err := p.Tasks.Create(c.ctx, at, commands.NewTask{Created: task.Created{Title: "T", Status: task.Inbox, Priority: "low"}})
	must(err)
	byAgent := eventstore.WithCommand(t.Context(), &eventstore.Command{Actor: domain.Actor{Type: domain.Agent, ID: a.ID}})
	say := func(n int) {
		_, err := p.Comments.Create(byAgent, at, made.ID, fmt.Sprint(n))
		must(err)
	}
	say(1)
	_, err = p.Boards.Update(c.ctx, at, board.Changes{Name: domain.Some("Moon")})
	must(err)
	_, err = p.Tasks.Update(c.ctx, at, made.ID, commands.TaskEdit{Edit: task.Edit{Title: domain.Some("U")}, Comment: "2"})
	must(err)
	say(3)
	_, err = p.Agents.Update(c.ctx, c.org, a.ID, agent.Updated{Name: domain.Some("Eva"), IdentityProfile: domain.Some(jsontext.Value(`{"role":7}`))})
	must(err)
	say(4)
	live, rows := feedOf(t, c), contents(t, p.DB)
	want := []string{
		"1: Ada (critic) on T of Board 1-0", "2: nobody (none) on T of Moon", "3: Ada (critic) on U of Moon", "4: Eva (none) on U of Moon",
	}
	if diff := cmp.Diff(want, live); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	rebuild(t, p)
	if diff := cmp.Diff(rows, contents(t, p.DB)); diff != "" {
		t.Errorf("-live +rebuilt\n%s", diff)
	}
	must(p.Boards.Delete(c.ctx, at))
	must(projections.Removal{Reader: p.Reader}.Board(t.Context(), at.Board))
	if left := feedOf(t, c); len(left) > 0 {
		t.Errorf("of the deleted board there is left %v", left)
	}
	rows = contents(t, p.DB)
	rebuild(t, p)
	if diff := cmp.Diff(rows, contents(t, p.DB)); diff != "" {
		t.Errorf("after the board was deleted: -live +rebuilt\n%s", diff)
	}
}

// TestCommentFeedRace: comments and new names of their task at once; each
// comment shows the name that the log has put last before it.
func TestCommentFeedRace(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Connect(t, pgtest.Clone(t)))
	c := p.crowd(t, 1)
	at := c.places[0]
	made, err := p.Tasks.Create(c.ctx, at, commands.NewTask{Created: task.Created{Title: "T", Status: task.Inbox, Priority: "low"}})
	if err != nil {
		t.Fatal(err)
	}
	var g sync.WaitGroup
	for worker := range 4 {
		g.Go(func() {
			command := *eventstore.CommandFrom(c.ctx) // each worker has its own
			ctx := eventstore.WithCommand(c.ctx, &command)
			for i := range 20 {
				var err error
				if worker%2 == 0 {
					_, err = p.Comments.Create(ctx, at, made.ID, "x")
				} else {
					_, err = p.Tasks.Update(ctx, at, made.ID, commands.TaskEdit{Edit: task.Edit{Title: domain.Some(fmt.Sprint(worker, " ", i))}})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	g.Wait()
	live := contents(t, p.DB)
	rebuild(t, p)
	if diff := cmp.Diff(live["feed"], contents(t, p.DB)["feed"]); diff != "" {
		t.Errorf("-live +rebuilt\n%s", diff)
	}
}
