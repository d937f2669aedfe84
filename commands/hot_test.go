package commands_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"missioncontrol/commands"
	"missioncontrol/domain/task"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/projections"
)

// TestHotBoard: 2 000 tasks on one board from 64 callers, and no decision is
// made twice: what happens on a board is no fact that another task rests on.
func TestHotBoard(t *testing.T) {
	t.Parallel()
	const callers, tasks = 64, 2000
	p := start(t, pgtest.Connect(t, pgtest.Clone(t)))
	person, at := p.board(t)
	before := p.store.Stats()
	var g errgroup.Group
	g.SetLimit(callers)
	for i := range tasks {
		g.Go(func() error {
			_, err := p.Tasks.Create(as(t, person), at, commands.NewTask{Created: task.Created{Title: fmt.Sprint(i), Status: task.Inbox, Priority: "medium"}})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if stats := p.store.Stats(); stats.Conflicts != before.Conflicts || stats.Events != before.Events+tasks {
		t.Errorf("%+v", stats)
	}
	var rows, frames int
	if err := p.read.DB.QueryRow(t.Context(), `select (select count(*) from tasks where board_id = $1), (select count(*) from feed where topic = $2)`, at.Board, projections.TasksTopic(at.Board)).Scan(&rows, &frames); err != nil || rows != tasks || frames != tasks {
		t.Errorf("%d rows, %d frames, %v", rows, frames, err)
	}
}

// TestRegisterOnce: whoever signs in for the first time, many times at once
// and through two processes, is one person with one organization.
func TestRegisterOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.Connect(t, pgtest.Clone(t))
	ps := []*process{start(t, db), start(t, db)}
	who := commands.Identity{ID: "x", Email: "x@example.org", Name: "X", Auth: "clerk"}
	ids := make([]uuid.UUID, 40)
	var g errgroup.Group
	for i := range ids {
		g.Go(func() error {
			u, err := ps[i%2].Users.SignIn(t.Context(), who)
			ids[i] = u.ID
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("people %v", ids)
		}
	}
	var users, organizations, members int
	if err := db.QueryRow(t.Context(), `select (select count(*) from users), (select count(*) from organizations), (select count(*) from members)`).Scan(&users, &organizations, &members); err != nil ||
		users != 1 || organizations != 1 || members != 1 {
		t.Errorf("%d users, %d organizations, %d members, %v", users, organizations, members, err)
	}
}
