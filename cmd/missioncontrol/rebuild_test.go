package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

func execute(t testing.TB, url, sql string) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer db.Close(context.Background()) //nolint:errcheck // the statement was answered
	_, err = db.Exec(t.Context(), sql)
	must(t, err)
}

// tables are digests of every table that does not follow the log by itself.
func tables(t testing.TB, url string) map[string]string {
	t.Helper()
	db, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer db.Close(context.Background()) //nolint:errcheck // it only reads
	names := rowsOf[struct{ Name string }](t, db, `select tablename from pg_tables where schemaname = 'public'
		and tablename not in ('event_refs', 'checkpoints', 'goose_db_version') and tablename not like 'audit\_%'`)
	digests := map[string]string{}
	for _, n := range names {
		var digest string
		var rows int
		must(t, db.QueryRow(t.Context(), fmt.Sprintf(
			`select count(*), coalesce(md5(string_agg(r::text, '|' order by r::text)), '') from %s r`, n.Name)).Scan(&rows, &digest))
		digests[n.Name] = fmt.Sprint(rows, " rows ", digest)
	}
	return digests
}

// reads are the answers to everything that can be read.
func reads(t testing.TB, a api, boards ...string) map[string]string {
	t.Helper()
	paths := []string{"/users/me", "/boards", "/activity?include=all"}
	for _, board := range boards {
		of := "/boards/" + board
		paths = append(paths, of, of+"/tasks?limit=200", of+"/tasks?status=inbox", of+"/memory")
	}
	answers := map[string]string{}
	for _, path := range paths {
		answers[path] = string(a.ok(t, http.MethodGet, path, nil).body)
	}
	return answers
}

// frames are what a client is shown who begins at a position.
func frames(t testing.TB, a api, board, from string, n int) []frame {
	t.Helper()
	f := follow(t, a, board, from)
	f.await(t, n)
	f.stop()
	return f.seen()
}

// rebuild runs the command, which must succeed and tell how far it is.
func rebuildWith(t testing.TB, e env) {
	t.Helper()
	e = maps.Clone(e)
	delete(e, "HTTP_ADDR")
	p := launch(t, nil, e, "rebuild")
	if code := p.wait(); code != 0 {
		t.Fatalf("rebuild ended with %d: %s", code, p.stderr.String())
	}
	if len(p.stdout.lines()) == 0 {
		t.Error("rebuild told nothing")
	}
	t.Logf("rebuild took %v: %s", p.took.Round(time.Millisecond), p.stdout.tail(2))
}

// After a rebuild of a stopped server's data everything reads as before.
func TestRebuildOfStoppedServer(t *testing.T) {
	t.Parallel()
	server, e, dir := startPrivate(t)
	a := newAPI(t, e["HTTP_ADDR"])
	a.ok(t, http.MethodPatch, "/users/me", map[string]any{"name": "Ada", "notes": nil, "timezone": "UTC"})
	board, position := a.board(t, "b")
	empty, _ := a.board(t, "empty")
	for i := range 12 {
		path := "/boards/" + board + "/tasks"
		task := a.task(t, board, fmt.Sprint("task ", i))
		switch i % 4 {
		case 0:
			a.ok(t, http.MethodPatch, path+"/"+task, map[string]any{"priority": "high", "description": "ü\n", "due_at": "2030-01-02T03:04:05Z"})
		case 1:
			a.ok(t, http.MethodDelete, path+"/"+task, nil)
		case 2:
			a.ok(t, http.MethodPost, "/boards/"+board+"/memory", map[string]any{"content": "note", "tags": []string{"chat", "x"}})
		}
	}
	shown := frames(t, a, board, position, 18)
	wantReads, wantTables := reads(t, a, board, empty), tables(t, socketURL(dir))
	server.stop(syscall.SIGTERM)
	rebuildWith(t, e)
	noPostgres(t, dir)
	server, _ = serve(t, e)
	if diff := cmp.Diff(wantReads, reads(t, a, board, empty)); diff != "" {
		t.Errorf("reads differ: %s", diff)
	}
	gotTables := tables(t, socketURL(dir))
	for _, log := range []string{"events", "log_head", "org_head"} { // each start is in the log
		delete(wantTables, log)
		delete(gotTables, log)
	}
	if diff := cmp.Diff(wantTables, gotTables); diff != "" {
		t.Errorf("tables differ: %s", diff)
	}
	if diff := cmp.Diff(shown, frames(t, a, board, position, 18), cmp.AllowUnexported(frame{})); diff != "" {
		t.Errorf("a client is shown something else: %s", diff)
	}
	server.stop(syscall.SIGTERM)
}

// A rebuild of a live database disturbs neither writers nor followers, and
// changes nothing.
func TestRebuildUnderLoad(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	l := startLoad(t, 6, p.api[:]...)
	l.progress(enough)
	for i := range rounds(t, 1) + 1 {
		rebuildWith(t, p.env[i%2])
		l.progress(enough)
	}
	l.check(p.url)
	if n := l.retried.Load(); n > 0 {
		t.Errorf("%d commands were refused during a rebuild", n)
	}
	wantReads, wantTables := reads(t, p.api[0], l.boards...), tables(t, p.url)
	rebuildWith(t, p.env[0])
	for _, a := range p.api {
		if diff := cmp.Diff(wantReads, reads(t, a, l.boards...)); diff != "" {
			t.Errorf("reads differ: %s", diff)
		}
	}
	if diff := cmp.Diff(wantTables, tables(t, p.url)); diff != "" {
		t.Errorf("tables differ: %s", diff)
	}
}
