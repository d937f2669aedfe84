package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"missioncontrol/postgres/pgtest"
)

// tailed is a line of tail --json.
type tailed struct {
	ID, Event string
	Data      struct {
		Type string
		Task named
	}
}

// titles are those of the tasks in what tail has printed so far, and the ids
// of the lines.
func titles(t testing.TB, p *program) (titles, ids []string) {
	t.Helper()
	for _, text := range p.stdout.lines() {
		var line tailed
		if err := json.Unmarshal([]byte(text), &line, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatalf("tail printed %q: %v", text, err)
		}
		if line.Event != "task" || line.Data.Type != "task.created" {
			t.Errorf("tail printed %q", text)
		}
		titles, ids = append(titles, line.Data.Task.Title), append(ids, line.ID)
	}
	return titles, ids
}

// prints waits until tail has printed exactly these tasks.
func prints(t testing.TB, p *program, want ...string) (ids []string) {
	t.Helper()
	var got []string
	eventually(t, patience, "tail prints "+strings.Join(want, ", "), func() bool {
		if p.over() {
			t.Fatalf("tail has ended: %s", p.stderr.String())
		}
		got, ids = titles(t, p)
		return len(got) >= len(want)
	})
	if strings.Join(got, ",") != strings.Join(want, ",") {
		t.Fatalf("tail printed %q, want %q", got, want)
	}
	return ids
}

// tail outlives the server that it follows and goes on exactly where it was.
func TestTail(t *testing.T) {
	t.Parallel()
	server, e, dir := startPrivate(t)
	a := newAPI(t, e["HTTP_ADDR"])
	board, position := a.board(t, "b")
	before := time.Now().UTC()
	tailEnv := env{"BASE_URL": a.base, "LOCAL_AUTH_TOKEN": testToken}
	stream := "boards/" + board + "/tasks"
	p := launch(t, nil, tailEnv, "tail", stream, "--json", "--from="+position)
	a.task(t, board, "one")
	prints(t, p, "one")
	a.task(t, board, "two")
	prints(t, p, "one", "two")
	server.kill()
	server, _ = serve(t, e)
	a.task(t, board, "three")
	a.task(t, board, "four")
	began := time.Now()
	ids := prints(t, p, "one", "two", "three", "four")
	t.Logf("tail caught up %v after the restart", time.Since(began).Round(time.Millisecond))

	fromPosition := launch(t, nil, tailEnv, "tail", "--json", stream, "--from", ids[1])
	fromTime := launch(t, nil, tailEnv, "tail", "--json", "/api/v1/"+stream+"/stream", "--from", before.Format(time.RFC3339Nano))
	// The token is found where the server keeps it.
	must(t, os.WriteFile(dir+"/"+localTokenFile, []byte(testToken+"\n"), 0o600))
	forPeople := launch(t, nil, env{"BASE_URL": a.base, "DATA_DIR": dir}, "tail", stream, "--from", position)
	prints(t, fromPosition, "three", "four")
	prints(t, fromTime, "one", "two", "three", "four")
	eventually(t, patience, "four lines for people", func() bool { return len(forPeople.stdout.lines()) == 4 })
	if out := forPeople.stdout.String(); strings.Contains(out, "\x1b") || !strings.Contains(out, "three") || !strings.Contains(out, "user") {
		t.Errorf("for people: %q", out)
	}
	a.task(t, board, "five")
	prints(t, p, "one", "two", "three", "four", "five")
	prints(t, fromPosition, "three", "four", "five")

	stranger := launch(t, nil, env{"BASE_URL": a.base, "LOCAL_AUTH_TOKEN": "wrong"}, "tail", stream)
	stranger.fails("401")
	nowhere := launch(t, nil, tailEnv, "tail", "boards/00000000-0000-0000-0000-000000000000/tasks")
	nowhere.fails("404")
	for _, tail := range []*program{p, fromPosition, fromTime, forPeople} {
		tail.stop(os.Interrupt)
	}
	server.stop(syscall.SIGTERM)
}

// A server whose log lost events under it stops with one sentence.
func TestLogWentBack(t *testing.T) {
	t.Parallel()
	server, e, dir := startPrivate(t)
	newAPI(t, e["HTTP_ADDR"]).board(t, "b")
	execute(t, socketURL(dir), "update log_head set seq = seq - 1")
	server.fails("older backup")
	noPostgres(t, dir)
}

// What is printed leads to the address that was given, and keeps a given token.
func TestBannerNamesTheGivenBase(t *testing.T) {
	t.Parallel()
	p := launch(t, nil, private(t, pgtest.DataDir(t)).with(env{"BASE_URL": "https://mc.example/base/"}))
	if want := "Mission Control serves https://mc.example/base\n"; p.banner()[0] != want {
		t.Errorf("printed %q, want %q", p.banner()[0], want)
	}
	for _, line := range p.banner() {
		if strings.Contains(line, testToken) {
			t.Errorf("a token that was given is printed: %s", line)
		}
	}
}
