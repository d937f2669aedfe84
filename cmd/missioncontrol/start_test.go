package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"missioncontrol/postgres/pgtest"
)

// slowest is what a start or a stop may take here, with the race detector and
// other tests beside it; the figures are logged.
const slowest = 10 * time.Second

// A first start needs nothing but a directory; what it prints works as it
// stands; a second start keeps everything.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"the_user_of_the_tests", "an_ordinary_user"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			dir := pgtest.Dir(t)
			e := env{"DATA_DIR": dir, "HTTP_ADDR": address(t)}
			as := nobody(t)
			if who != "an_ordinary_user" {
				as = nil
			} else {
				give(t, dir, as)
			}
			p := launch(t, as, e)
			p.awaitReady("http://" + e["HTTP_ADDR"])
			t.Logf("first start took %v", time.Since(p.began).Round(time.Millisecond))
			lists := paste(t, p)
			stopped := p.stop(os.Interrupt)
			noPostgres(t, dir)

			again := launch(t, as, e)
			again.awaitReady("http://" + e["HTTP_ADDR"])
			took := time.Since(again.began)
			t.Logf("stop took %v, second start %v", stopped.Round(time.Millisecond), took.Round(time.Millisecond))
			if stopped > slowest || took > slowest {
				t.Errorf("stop took %v, second start %v", stopped, took)
			}
			if diff := cmp.Diff(lists, shell(t, lastCurl(t, again))); diff != "" {
				t.Errorf("the second start lost something: %s", diff)
			}
			for _, secret := range []string{installationKeyFile, localTokenFile} {
				info, err := os.Stat(filepath.Join(dir, secret))
				if err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v, %v", secret, info.Mode(), err)
				}
			}
		})
	}
}

// paste runs what a first start prints, as a person would, and returns what
// its last line shows.
func paste(t *testing.T, p *program) string {
	t.Helper()
	var script []string
	for _, line := range p.banner() {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "export TOKEN=") || strings.HasPrefix(line, "curl ") {
			script = append(script, line)
		}
	}
	if len(script) != 4 {
		t.Fatalf("printed %q, want a token and three curl lines", script)
	}
	out := shell(t, strings.Join(script, "\necho\n"))
	lines := strings.Fields(strings.ReplaceAll(strings.TrimSpace(out), " ", "·"))
	if len(lines) != 3 {
		t.Fatalf("three curl lines answered %q", out)
	}
	for i, want := range []string{`"email":"admin@home.local"`, `"slug":"first"`, `"total":1`} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("curl line %d answered %s, want %s", i+1, lines[i], want)
		}
	}
	return strings.TrimSpace(strings.ReplaceAll(lines[2], "·", " "))
}

// banner is what a server prints when it serves, which may be a moment after
// it is ready.
func (p *program) banner() []string {
	p.t.Helper()
	eventually(p.t, patience, "the start is announced", func() bool {
		return strings.Contains(p.stdout.String(), "Ctrl-C stops it.")
	})
	return p.stdout.lines()
}

// lastCurl is the last command that a server prints, with its token.
func lastCurl(t *testing.T, p *program) string {
	t.Helper()
	var token, last string
	for _, line := range p.banner() {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "export ") {
			token = line
		} else if strings.HasPrefix(line, "curl ") {
			last = line
		}
	}
	return token + "\n" + last
}

func shell(t *testing.T, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
	return strings.TrimSpace(string(out))
}

// Both signals stop everything, although clients follow streams and one of
// them does not read.
func TestStop(t *testing.T) {
	t.Parallel()
	for sig, streams := range map[syscall.Signal]int{syscall.SIGINT: 30, syscall.SIGTERM: 2} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			dir := pgtest.DataDir(t)
			e := private(t, dir)
			p, _ := serve(t, e)
			a := newAPI(t, e["HTTP_ADDR"])
			board, _ := a.board(t, "b")
			var followers []*follower
			for range streams {
				followers = append(followers, follow(t, a, board, ""))
			}
			a.task(t, board, "seen by all")
			for _, f := range followers {
				f.await(t, 1)
			}
			if sig == syscall.SIGTERM {
				stall(t, a, board)
			}
			took := p.stop(sig)
			t.Logf("%v with %d open streams took %v", sig, streams, took.Round(time.Millisecond))
			if took > slowest {
				t.Errorf("stopping took %v", took)
			}
			noPostgres(t, dir)
			for _, f := range followers {
				eventually(t, patience, "a follower knows that its stream has ended", func() bool { return f.retry.Load() > 0 })
			}
			again, _ := serve(t, e)
			for _, f := range followers {
				f.stop()
			}
			if tasks := a.pages(t, "/boards/"+board+"/tasks"); tasks[len(tasks)-1].Title != "seen by all" {
				t.Errorf("tasks after a stop: %v", tasks)
			}
			again.stop(sig)
		})
	}
}

// stall opens a stream and never reads it, while more is written to it than
// sockets hold.
func stall(t *testing.T, a api, board string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(a.base, "http://"))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err = fmt.Fprintf(conn, "GET /api/v1/boards/%s/tasks/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", board, a.token)
	must(t, err)
	_, err = conn.Read(make([]byte, 1)) // it is open
	must(t, err)
	big := strings.Repeat("x", 500_000)
	for range 16 {
		a.ok(t, http.MethodPost, "/boards/"+board+"/tasks", map[string]any{"title": "big", "description": big})
	}
}

// A signal while the program still starts is not a failure, and leaves nothing
// running.
func TestStopDuringStart(t *testing.T) {
	t.Parallel()
	dir := pgtest.Dir(t)
	e := private(t, dir)
	p := launch(t, nil, e)
	eventually(t, patience, "postgres or initdb runs", func() bool { return p.over() || len(postgresOf(t, dir)) > 0 })
	took := p.stop(syscall.SIGTERM)
	t.Logf("took %v", took.Round(time.Millisecond))
	eventually(t, patience, "postgres has ended", func() bool { return len(postgresOf(t, dir)) == 0 })
	if out := p.stderr.String(); strings.Contains(out, "missioncontrol:") {
		t.Errorf("a stop was reported as a failure: %s", out)
	}
	p, _ = serve(t, e)
	p.stop(syscall.SIGTERM)
}

// What was killed is up again, and its postgres is not its orphan.
func TestKilledServerStartsAgain(t *testing.T) {
	t.Parallel()
	dir := pgtest.DataDir(t)
	e := private(t, dir)
	p, _ := serve(t, e)
	a := newAPI(t, e["HTTP_ADDR"])
	board, _ := a.board(t, "b")
	first := a.task(t, board, "before the crash")
	p.kill()
	_, took := serve(t, e)
	t.Logf("start after kill -9 took %v", took.Round(time.Millisecond))
	if tasks := a.pages(t, "/boards/"+board+"/tasks"); len(tasks) != 1 || tasks[0].ID != first {
		t.Errorf("tasks after a crash: %v", tasks)
	}
	// Without a server that cares for it, postgres ends by itself.
	q, _ := serve(t, private(t, pgtest.DataDir(t)))
	q.kill()
	eventually(t, patience, "the orphan has ended", func() bool { return len(postgresOf(t, q.dataDir())) == 0 })
}

func (p *program) dataDir() string {
	for _, v := range p.cmd.Env {
		if dir, ok := strings.CutPrefix(v, "DATA_DIR="); ok {
			return dir
		}
	}
	return ""
}

// The base of links and of what is printed follows from where the server
// really listens.
func TestAnyPort(t *testing.T) {
	t.Parallel()
	p := launch(t, nil, private(t, pgtest.DataDir(t)).with(env{"HTTP_ADDR": "127.0.0.1:0"}))
	base := strings.TrimSpace(strings.TrimPrefix(p.banner()[0], "Mission Control serves "))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/healthz", nil)
	must(t, err)
	resp, err := probe.Do(req)
	must(t, err)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s answers %d", base, resp.StatusCode)
	}
}
