package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/projections"
)

// load is writers who never give up a command, and followers of everything
// that they do, on one log. What both have seen is compared with the log at
// the end.
type load struct {
	t         testing.TB
	servers   []api
	boards    []string
	followers []*follower

	ctx  context.Context
	halt context.CancelFunc // of the writers, between two commands
	work sync.WaitGroup

	acked, retried, replayed atomic.Int64

	mu    sync.Mutex
	sent  map[string]bool  // titles
	tasks map[string]*made // acknowledged, by title
}

// made is what is known of an acknowledged task.
type made struct {
	id      string
	changes int  // acknowledged changes of it
	deleted bool // acknowledged
}

// startLoad begins writing on two boards, each followed twice at each server.
func startLoad(t testing.TB, writers int, servers ...api) *load {
	t.Helper()
	l := &load{t: t, servers: servers, sent: map[string]bool{}, tasks: map[string]*made{}}
	l.ctx, l.halt = context.WithCancel(t.Context())
	t.Cleanup(l.stop)
	for i := range 2 {
		board, position := servers[0].board(t, fmt.Sprint("board-", i))
		l.boards = append(l.boards, board)
		for _, server := range servers {
			for range 2 {
				l.followers = append(l.followers, follow(t, server, board, position))
			}
		}
	}
	for i := range writers {
		l.work.Go(func() { l.write(i) })
	}
	return l
}

// stop lets the writers finish their commands.
func (l *load) stop() {
	l.halt()
	l.work.Wait()
}

// write sends commands, each with a key of its own, until it is told to stop.
func (l *load) write(writer int) {
	servers := append(slices.Clone(l.servers[writer%len(l.servers):]), l.servers[:writer%len(l.servers)]...)
	path := "/boards/" + l.boards[writer/2%len(l.boards)] + "/tasks"
	for n := 0; l.ctx.Err() == nil; n++ {
		title := fmt.Sprintf("writer %d task %d", writer, n)
		l.mu.Lock()
		l.sent[title] = true
		l.mu.Unlock()
		var task named
		if !l.carryOut(servers, http.MethodPost, path, map[string]any{"title": title}, &task) {
			return
		}
		m := &made{id: task.ID}
		if n%3 == 0 && l.carryOut(servers, http.MethodPatch, path+"/"+task.ID, map[string]any{"priority": "high"}, nil) {
			m.changes = 1
		}
		if n%7 == 0 {
			m.deleted = l.carryOut(servers, http.MethodDelete, path+"/"+task.ID, nil, nil)
		}
		l.mu.Lock()
		l.tasks[title] = m
		l.mu.Unlock()
	}
}

// carryOut sends a command until it is acknowledged.
func (l *load) carryOut(servers []api, method, path string, body, into any) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), 2*patience)
	defer cancel()
	got, tries, err := insist(ctx, servers, method, path, uuid.NewString(), body)
	if err != nil {
		l.t.Errorf("%s %s after %d tries: %v (%d %s)", method, path, tries, err, got.status, got.body)
		return false
	}
	l.acked.Add(1)
	l.retried.Add(int64(min(tries, 1)))
	if got.header.Get("Idempotency-Replayed") != "" {
		l.replayed.Add(1)
	}
	if into != nil {
		got.into(l.t, into)
	}
	return true
}

// progress waits until n more commands are acknowledged.
func (l *load) progress(n int64) {
	l.t.Helper()
	until := l.acked.Load() + n
	eventually(l.t, 2*patience, "commands are carried out", func() bool { return l.acked.Load() >= until || l.t.Failed() })
}

// check stops the load and compares what callers and followers have seen with
// the log and the read models.
func (l *load) check(databaseURL string) {
	l.t.Helper()
	l.stop()
	db, err := pgx.Connect(l.t.Context(), databaseURL)
	must(l.t, err)
	defer db.Close(context.Background()) //nolint:errcheck // only reads
	l.checkDense(db)
	l.checkTasks(db)
	for _, board := range l.boards {
		l.checkFollowers(db, board)
	}
	var connects int64
	for _, f := range l.followers {
		connects += f.connects.Load()
	}
	l.t.Logf("%d commands acknowledged, %d of them at a later try, %d as replays; %d followers connected %d times",
		l.acked.Load(), l.retried.Load(), l.replayed.Load(), len(l.followers), connects)
}

// checkDense verifies positions, chains and versions of the whole log.
func (l *load) checkDense(db *pgx.Conn) {
	l.t.Helper()
	var events, last, head, chains, versions int64
	err := db.QueryRow(l.t.Context(), `select count(*), max(seq), (select seq from log_head),
		(select count(*) from (select org from events group by org having count(*) <> max(org_seq)) x),
		(select count(*) from (select stream from events group by stream having count(*) <> max(version)) x)
		from events`).Scan(&events, &last, &head, &chains, &versions)
	must(l.t, err)
	if events != last || last != head || chains != 0 || versions != 0 {
		l.t.Errorf("%d events up to %d under the head %d; %d organizations and %d streams with holes", events, last, head, chains, versions)
	}
}

// stored is an event of a task as the log has it.
type stored struct {
	Seq               int64
	Kind, Task, Title string
}

func rowsOf[T any](t testing.TB, db *pgx.Conn, sql string, args ...any) []T {
	t.Helper()
	rows, err := db.Query(t.Context(), sql, args...)
	must(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	must(t, err)
	return all
}

// checkTasks verifies that each acknowledged command stands in the log exactly
// once, and nothing else.
func (l *load) checkTasks(db *pgx.Conn) {
	l.t.Helper()
	events := rowsOf[stored](l.t, db, `select seq, type, stream::text, coalesce(convert_from(entry, 'UTF8')::json->'body'->>'title', '')
		from events where type like 'task.%' order by seq`)
	created, changes, deleted := map[string][]string{}, map[string]int{}, map[string]int{}
	for _, e := range events {
		switch e.Kind {
		case "task.created":
			created[e.Title] = append(created[e.Title], e.Task)
		case "task.deleted":
			deleted[e.Task]++
		default:
			changes[e.Task]++
		}
	}
	for title, ids := range created {
		if !l.sent[title] || len(ids) != 1 {
			l.t.Errorf("%q, which was sent: %v, was created %d times", title, l.sent[title], len(ids))
		}
	}
	want := map[string]bool{}
	for title, m := range l.tasks {
		if !slices.Equal(created[title], []string{m.id}) || changes[m.id] != m.changes || (deleted[m.id] == 1) != m.deleted || deleted[m.id] > 1 {
			l.t.Errorf("%q: acknowledged %+v, the log has %v, changed %d, deleted %d", title, *m, created[title], changes[m.id], deleted[m.id])
		}
		if !m.deleted {
			want[title] = true
		}
	}
	got := map[string]bool{}
	for _, board := range l.boards {
		for _, task := range l.servers[len(l.servers)-1].pages(l.t, "/boards/"+board+"/tasks") {
			if got[task.Title] {
				l.t.Errorf("%q is listed twice", task.Title)
			}
			got[task.Title] = true
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)), cmpopts.EquateEmpty()); diff != "" {
		l.t.Errorf("the list of tasks is not what was acknowledged: %s", diff)
	}
}

// checkFollowers verifies that each follower of a board saw each of its frames
// once and in order.
func (l *load) checkFollowers(db *pgx.Conn, board string) {
	l.t.Helper()
	frames := rowsOf[stored](l.t, db, `select f.seq, e.type, e.stream::text, coalesce(convert_from(e.entry, 'UTF8')::json->'body'->>'title', '')
		from feed f join events e using (seq) where f.topic = $1 order by f.seq`, projections.TasksTopic(uuid.MustParse(board)))
	for i, f := range l.followers {
		if f.board != board {
			continue
		}
		f.await(l.t, len(frames))
		seen := f.seen()
		if len(seen) != len(frames) {
			l.t.Errorf("follower %d saw %d frames of %d", i, len(seen), len(frames))
		}
		for j := range min(len(seen), len(frames)) {
			if s, e := seen[j], frames[j]; s.seq != e.Seq || s.task != e.Task || s.kind != e.Kind || e.Kind == "task.created" && s.title != e.Title {
				l.t.Errorf("frame %d of follower %d: saw %+v where the log has %+v", j, i, s, e)
				break
			}
		}
	}
}
