package postgres_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"missioncontrol/postgres"
	"missioncontrol/postgres/pgtest"
)

func TestRun(t *testing.T) {
	t.Run("starts_a_killed_postgres_again_with_its_data", func(t *testing.T) {
		t.Parallel()
		server, _ := start(t, config(pgtest.DataDir(t)))
		url, killed := server.URL(postgres.Database), server.Pid()
		must(t, execute(t.Context(), url, "create table kept (x int)"))
		must(t, syscall.Kill(killed, syscall.SIGKILL))
		began := time.Now()
		eventually(t, 5*time.Second, "postgres answers again", func() bool {
			return server.Pid() != killed && execute(t.Context(), url, "insert into kept values (1)") == nil
		})
		t.Log("back after", time.Since(began))
	})

	t.Run("does_not_wait_for_a_busy_child_of_a_killed_postgres", func(t *testing.T) {
		t.Parallel()
		server, _ := start(t, config(pgtest.DataDir(t)))
		url, killed := server.URL(postgres.Database), server.Pid()
		busy, err := pgx.Connect(t.Context(), url)
		must(t, err)
		ended := make(chan error, 1)
		go func() {
			_, err := busy.Exec(context.WithoutCancel(t.Context()), "do $$ begin loop end loop; end $$")
			ended <- err
		}()
		eventually(t, 20*time.Second, "the child is busy", func() bool {
			return execute(t.Context(), url, `select 1 / count(*) from pg_stat_activity
				where state = 'active' and query like 'do %loop%'`) == nil
		})
		must(t, syscall.Kill(killed, syscall.SIGKILL))
		began := time.Now()
		eventually(t, 20*time.Second, "postgres answers again", func() bool {
			return server.Pid() != killed && execute(t.Context(), url, "select 1") == nil
		})
		t.Log("back after", time.Since(began))
		if err := <-ended; !postgres.Unavailable(err) {
			t.Errorf("the statement that was cut off: %v", err)
		}
	})

	t.Run("keeps_trying_while_postgres_cannot_start", func(t *testing.T) {
		t.Parallel()
		dir := pgtest.DataDir(t)
		server, _ := start(t, config(dir))
		control := filepath.Join(dir, "postgres", "global", "pg_control")
		must(t, os.Rename(control, control+".away"))
		killed := server.Pid()
		must(t, syscall.Kill(killed, syscall.SIGKILL))
		logFile := filepath.Join(dir, "postgres.log")
		eventually(t, 20*time.Second, "a failed start", func() bool {
			text, err := os.ReadFile(logFile)
			return err == nil && strings.Contains(string(text), "could not find the database system")
		})
		must(t, os.Rename(control+".away", control))
		eventually(t, 20*time.Second, "postgres answers again", func() bool {
			return server.Pid() != killed && execute(t.Context(), server.URL(postgres.Database), "select 1") == nil
		})
	})

	t.Run("a_killed_program_leaves_no_postgres_behind", func(t *testing.T) {
		t.Parallel()
		dir := pgtest.DataDir(t)
		pid, url, kill := program(t, dir)
		must(t, execute(t.Context(), url, "create table kept (x int)"))
		kill()
		// At once: the old postgres may still be shutting down.
		server, _ := start(t, config(dir))
		must(t, execute(t.Context(), server.URL(postgres.Database), "insert into kept values (1)"))
		if runs(pid) {
			t.Errorf("postgres %d still runs", pid)
		}

		other := pgtest.DataDir(t)
		pid, _, kill = program(t, other)
		kill()
		eventually(t, 20*time.Second, "postgres ends by itself", func() bool {
			return !runs(pid)
		})
	})
}

// program runs the cluster of a directory in another process, and returns the
// process id of its postgres.
func program(t *testing.T, dir string) (pid int, url string, kill func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	if _, err := fmt.Sscan(line, &pid, &url); err != nil {
		t.Fatalf("the program says %q", line)
	}
	return pid, url, func() {
		must(t, cmd.Process.Kill())
		_ = cmd.Wait() // killed
	}
}

// runs reports whether a process still does something: one that has ended may
// wait for its new parent to notice.
func runs(pid int) bool {
	out, err := exec.CommandContext(context.Background(), "ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(string(out), "Z")
}

// Without root's rights the database user is the user itself, which takes other
// ways through the package.
func TestOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		return // every test here is one
	}
	t.Parallel()
	const uid = 65534
	dir := pgtest.Dir(t)
	must(t, os.Chown(dir, uid, uid))
	binary := filepath.Join(dir, "postgres.test")
	must(t, copyFile(os.Args[0], binary))
	cmd := exec.CommandContext(t.Context(), binary, "-test.v", "-test.run=^(TestStart|TestRun)$/"+
		"(keeps_data|in_use|something_else|killed_program)")
	cmd.Dir = dir
	cmd.Env = []string{"TMPDIR=" + dir, "HOME=" + dir, "PATH=" + os.Getenv("PATH"), "PG_BIN=" + os.Getenv("PG_BIN")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "--- PASS") < 7 {
		t.Fatalf("as user %s: %v\n%s", strconv.Itoa(uid), err, out)
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}
