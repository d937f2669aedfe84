package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// audit replay shows what was recorded, ends where it was told to, and follows
// what comes.
func TestAuditReplay(t *testing.T) {
	t.Parallel()
	server, e, _ := startPrivate(t)
	a := newAPI(t, e["HTTP_ADDR"])
	board, _ := a.board(t, "b")
	a.task(t, board, "one")
	auditEnv := env{"BASE_URL": a.base, "LOCAL_AUTH_TOKEN": testToken}
	live := launch(t, nil, auditEnv, "audit", "replay", "--filter", "action=task.", "--speed", "1000x")
	shows := func(n int, last string) {
		t.Helper()
		eventually(t, patience, last, func() bool {
			lines := live.stdout.lines()
			return len(lines) == n && strings.HasSuffix(lines[n-1], last+"\n")
		})
	}
	shows(1, "Local User  Local User created task “one” on board “b”.")
	a.task(t, board, "two")
	shows(2, "Local User  Local User created task “two” on board “b”.")

	whole := launch(t, nil, auditEnv, "audit", "replay", "--to", "3")
	if code := whole.wait(); code != 0 || len(whole.stdout.lines()) != 3 || !strings.Contains(whole.stdout.String(), "Local User signed in for the first time.") {
		t.Errorf("ended with %d: %s%s", code, whole.stdout.String(), whole.stderr.String())
	}
	launch(t, nil, auditEnv, "audit", "replay", "--speed", "0").fails("speed must be")
	live.stop(os.Interrupt)
	server.stop(syscall.SIGTERM)
}
