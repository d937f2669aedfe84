package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"missioncontrol/postgres"
	"missioncontrol/postgres/pgtest"
)

// audits runs missioncontrol audit and returns how it ended.
func audits(t testing.TB, e env, what string) (code int, p *program) {
	t.Helper()
	e = e.with(nil)
	delete(e, "HTTP_ADDR")
	p = launch(t, nil, e, "audit", what)
	return p.wait(), p
}

// proved waits for a checkpoint that covers the newest task of a board.
func proved(t testing.TB, a api, position string) {
	t.Helper()
	seq := position[strings.LastIndexByte(position, '-')+1:]
	eventually(t, patience, "a checkpoint covers "+seq, func() bool {
		got, err := a.call(t.Context(), http.MethodGet, "/audit/proof/"+seq, "", nil)
		return err == nil && got.status == http.StatusOK
	})
}

// A database is backed up, goes on, and is restored from the backup. The start
// recognises it; accepting it makes a new log, which clients are told of.
func TestRestoreOfBackup(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Server(t, false)
	url, dir := cluster.URL(postgres.Database), pgtest.Dir(t)
	e := env{
		"DATA_DIR": dir, "DATABASE_URL": url, "HTTP_ADDR": address(t), "LOCAL_AUTH_TOKEN": testToken,
	}
	a := newAPI(t, e["HTTP_ADDR"])
	server, _ := serve(t, e)
	a.ok(t, http.MethodPost, "/auth/bootstrap", nil)
	board, position := a.board(t, "b")
	a.task(t, board, "before the backup")
	proved(t, a, position)
	server.stop(syscall.SIGTERM)
	execute(t, cluster.URL("postgres"), "create database backup template "+postgres.Database)

	server, _ = serve(t, e)
	for i := range 5 {
		a.task(t, board, fmt.Sprint("lost ", i))
	}
	last := a.ok(t, http.MethodPost, "/boards/"+board+"/tasks", map[string]any{"title": "lost, too"}).header.Get("Log-Position")
	proved(t, a, last)
	server.stop(syscall.SIGTERM)
	if code, p := audits(t, e, "check"); code != 0 {
		t.Errorf("audit check ends with %d: %s", code, p.stderr.String())
	}
	execute(t, cluster.URL("postgres"), "drop database "+postgres.Database)
	execute(t, cluster.URL("postgres"), "alter database backup rename to "+postgres.Database)

	launch(t, nil, e).fails("--accept-restore")
	if code, p := audits(t, e, "check"); code != 1 || !strings.Contains(p.stderr.String(), "missing") {
		t.Errorf("audit check of a restored backup ends with %d: %s", code, p.stderr.String())
	}
	server = launch(t, nil, e, "serve", "--accept-restore")
	server.awaitReady(a.base)
	if got := firstFrame(t, a, board, last); !strings.Contains(got, "event: reset") || !strings.Contains(got, `"epoch"`) {
		t.Errorf("a client of the old log is sent %q", got)
	}
	_, position = a.board(t, "after")
	proved(t, a, position)
	server.stop(syscall.SIGTERM)

	server, _ = serve(t, e) // without the flag
	server.stop(syscall.SIGTERM)
	if code, p := audits(t, e, "check"); code != 0 {
		t.Errorf("audit check ends with %d: %s", code, p.stderr.String())
	}
	if code, p := audits(t, e, "keys"); code != 0 || len(p.stdout.lines()) != 2 {
		t.Errorf("audit keys ends with %d: %q", code, p.stdout.lines())
	}
	execute(t, url, `set session_replication_role = replica; update events set type = 'task.updated' where seq = 5`)
	if code, p := audits(t, e, "check"); code != 1 || !strings.Contains(p.stderr.String(), "position 5 of the log: its column type") {
		t.Errorf("audit check of a changed log ends with %d: %s", code, p.stderr.String())
	}
	launch(t, nil, e)
	eventually(t, patience, "/readyz says that the log was changed", func() bool { return readiness(a.base) == http.StatusServiceUnavailable })
}

// firstFrame is the first frame of a board's stream after a position.
func firstFrame(t testing.TB, a api, board, after string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.base+"/api/v1/boards/"+board+"/tasks/stream", nil)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Last-Event-ID", after)
	resp, err := a.http.Do(req)
	must(t, err)
	defer resp.Body.Close()
	var frame strings.Builder
	for lines := bufio.NewScanner(resp.Body); lines.Scan() && !strings.Contains(frame.String(), "data:"); {
		frame.WriteString(lines.Text() + "\n")
	}
	return frame.String()
}

// Two processes sign one log, and are killed while they do. Nothing that either
// has signed contradicts the log or the other. One with another key does not
// sign, and says so.
func TestSignersKilled(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	l := startLoad(t, 4, p.api[:]...)
	for i := range rounds(t, 1) * 4 {
		l.progress(20)
		p.restart(i % 2)
	}
	l.check(p.url)
	last := p.api[0].ok(t, http.MethodPatch, "/users/me", map[string]any{"name": "last"}).header.Get("Log-Position")
	p.proved(last)
	for _, e := range p.env {
		if code, c := audits(t, e, "check"); code != 0 {
			t.Errorf("audit check ends with %d: %s", code, c.stderr.String())
		}
		info, err := os.Stat(filepath.Join(e["DATA_DIR"], "checkpoints"))
		t.Log(info, err)
	}
	t.Logf("%d checkpoints", p.count(`select count(*) from audit_checkpoints`))

	p.program[1].kill()
	p.env[1]["AUDIT_SIGNING_KEY"] = strings.Repeat("77", 32)
	p.program[1] = launch(t, nil, p.env[1])
	p.becomes(1, http.StatusServiceUnavailable, "AUDIT_SIGNING_KEY")
	p.program[1].stop(syscall.SIGTERM)
	if code, c := audits(t, p.env[1], "rotate"); code != 0 {
		t.Fatalf("audit rotate ends with %d: %s", code, c.stderr.String())
	}
	p.restart(1)
	p.becomes(1, http.StatusOK, "")
	p.api[1].ok(t, http.MethodPatch, "/users/me", map[string]any{"name": "changed"})
	p.becomes(0, http.StatusServiceUnavailable, "AUDIT_SIGNING_KEY")
	if code, c := audits(t, p.env[1], "check"); code != 0 {
		t.Errorf("audit check ends with %d: %s", code, c.stderr.String())
	}
}

// proved waits for a checkpoint up to a position.
func (p *pair) proved(position string) {
	p.t.Helper()
	seq := position[strings.LastIndexByte(position, '-')+1:]
	eventually(p.t, patience, "a checkpoint covers "+seq, func() bool {
		return p.count(`select coalesce(max(size), 0) from audit_checkpoints`) >= p.count(`select `+seq+`::bigint`)
	})
}

// A checkpoint follows what was written within a second.
func TestCheckpointsFollow(t *testing.T) {
	t.Parallel()
	server, e, _ := startPrivate(t)
	a := newAPI(t, e["HTTP_ADDR"])
	a.ok(t, http.MethodPost, "/auth/bootstrap", nil)
	board, _ := a.board(t, "b")
	for range 3 {
		position := a.ok(t, http.MethodPost, "/boards/"+board+"/tasks", map[string]any{"title": "T"}).header.Get("Log-Position")
		began := time.Now()
		proved(t, a, position)
		t.Logf("proved after %v", time.Since(began).Round(time.Millisecond))
	}
	server.stop(syscall.SIGTERM)
}

// TestExportVerifies: a bundle that is downloaded verifies with the key that
// the start has printed, and not when it was changed.
func TestExportVerifies(t *testing.T) {
	t.Parallel()
	server, e, _ := startPrivate(t)
	a := newAPI(t, e["HTTP_ADDR"])
	a.ok(t, http.MethodPost, "/auth/bootstrap", nil)
	board, _ := a.board(t, "b")
	a.task(t, board, "one")
	key := strings.TrimSpace(string(a.ok(t, http.MethodGet, "/audit/keys", nil).body))
	if !strings.Contains(server.stdout.String(), key) {
		t.Errorf("the start has not printed the key %s:\n%s", key, server.stdout.String())
	}
	var job struct{ ID, Status string }
	read := func(b []byte) {
		t.Helper()
		if err := json.Unmarshal(b, &job, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatal(err)
		}
	}
	read(a.ok(t, http.MethodPost, "/audit/exports", map[string]any{}).body)
	eventually(t, patience, "the export is done", func() bool {
		read(a.ok(t, http.MethodGet, "/audit/exports/"+job.ID, nil).body)
		return job.Status == "done"
	})
	packed := a.ok(t, http.MethodGet, "/audit/exports/"+job.ID+"/file", nil).body
	path := filepath.Join(t.TempDir(), "bundle.tar.gz")
	verify := func(status int, says string, args ...string) {
		t.Helper()
		if err := os.WriteFile(path, packed, 0o600); err != nil {
			t.Fatal(err)
		}
		p := launch(t, nil, nil, append([]string{"audit", "verify", path}, args...)...)
		if code := p.wait(); code != status || !strings.Contains(p.stdout.String()+p.stderr.String(), says) {
			t.Errorf("%v: %d: %s%s", args, code, p.stdout.String(), p.stderr.String())
		}
	}
	verify(0, "verified: ", "--key", key)
	verify(3, "consistent, signer not checked: ")
	packed[len(packed)/2] ^= 1
	verify(1, "not verified: ", "--key", key)
	server.stop(syscall.SIGTERM)
}
