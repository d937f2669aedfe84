package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"missioncontrol/postgres/pgtest"
)

// asProgram makes this test binary the program: the tests run it as processes
// of their own, which can be killed, with the race detector on.
const asProgram = "MISSIONCONTROL_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	// These tests wait for other processes most of the time.
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(max(4, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	pgtest.Main(m)
}

const (
	testToken = "a-token-of-local-mode-that-is-longer-than-fifty-characters"
	testKey   = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	// patience is how long a test waits for what should take a second, on a
	// machine that runs other tests too.
	patience = 30 * time.Second
)

// env is the environment of a program beside what every program needs.
type env map[string]string

func (e env) with(more env) env {
	out := maps.Clone(e)
	maps.Copy(out, more)
	return out
}

// program is a run of the program.
type program struct {
	t              testing.TB
	cmd            *exec.Cmd
	stdout, stderr text
	began          time.Time
	took           time.Duration // valid after ended
	ended          chan struct{}
}

// launch starts the program. It is stopped when the test ends.
func launch(t testing.TB, as *user.User, e env, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.Command(executable(t, as), args...), ended: make(chan struct{})}
	p.cmd.Dir = "/"
	p.cmd.Env = []string{asProgram + "=1", "PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GORACE=atexit_sleep_ms=0"}
	for _, name := range []string{"PG_BIN", "LD_LIBRARY_PATH", "TMPDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			p.cmd.Env = append(p.cmd.Env, name+"="+v)
		}
	}
	for name, v := range e {
		p.cmd.Env = append(p.cmd.Env, name+"="+v)
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if as != nil {
		p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential(t, as)}
	}
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // its state says how it ended
		p.took = time.Since(p.began)
		close(p.ended)
	}()
	t.Cleanup(func() { p.finish() })
	return p
}

// finish stops the program if need be, and looks at what it has left behind.
func (p *program) finish() {
	if !p.over() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(patience):
			p.t.Errorf("the program did not stop:\n%s", p.stderr.String())
			p.kill()
		}
	}
	for _, bad := range []string{"DATA RACE", "panic:", "goroutine ", "unhandled_exception"} {
		if strings.Contains(p.stderr.String(), bad) {
			p.t.Errorf("the program wrote %q:\n%s", bad, p.stderr.String())
			return
		}
	}
	if p.t.Failed() {
		p.t.Logf("stderr of process %d:\n%s", p.cmd.Process.Pid, p.stderr.tail(30))
	}
}

func (p *program) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// wait returns the exit code, -1 if a signal ended the program.
func (p *program) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("the program did not end:\n%s", p.stderr.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

// stop ends the program with a signal and returns how long that took.
func (p *program) stop(sig os.Signal) time.Duration {
	p.t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
	if code := p.wait(); code != 0 {
		p.t.Errorf("after %v the program ended with %d:\n%s", sig, code, p.stderr.String())
	}
	return time.Since(began)
}

func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// serve starts a server and waits until it is ready, which it returns how long
// that took.
func serve(t testing.TB, e env) (*program, time.Duration) {
	t.Helper()
	p := launch(t, nil, e)
	p.awaitReady("http://" + e["HTTP_ADDR"])
	return p, time.Since(p.began)
}

// startPrivate starts a server with a private cluster of its own.
func startPrivate(t testing.TB) (p *program, e env, dir string) {
	t.Helper()
	dir = pgtest.DataDir(t)
	e = private(t, dir)
	p, _ = serve(t, e)
	return p, e, dir
}

func (p *program) awaitReady(base string) {
	p.t.Helper()
	eventually(p.t, patience, "the server is ready", func() bool {
		if p.over() {
			p.t.Fatalf("the server ended with %d:\n%s", p.cmd.ProcessState.ExitCode(), p.stderr.String())
		}
		return readiness(base) == http.StatusOK
	})
}

// probe is for requests that must not wait for, or keep, a connection.
var probe = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// readiness is the status of /readyz, 0 without an answer.
func readiness(base string) int {
	resp, err := probe.Get(base + "/readyz")
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// private is the configuration of a server with a private cluster.
func private(t testing.TB, dir string) env {
	t.Helper()
	return env{"DATA_DIR": dir, "HTTP_ADDR": address(t), "LOCAL_AUTH_TOKEN": testToken}
}

// ports counts upwards below the range that the system gives to clients, so
// that a server can have its port again after a crash.
var ports atomic.Int64

func address(t testing.TB) string {
	t.Helper()
	const lowest, most = 12_000, 20_000
	for range most {
		port := lowest + (int64(os.Getpid())*97+ports.Add(1))%most
		addr := net.JoinHostPort("127.0.0.1", strconv.FormatInt(port, 10))
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// nobody is an ordinary user to run as, nil if this is one already.
func nobody(t testing.TB) *user.User {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func credential(t testing.TB, u *user.User) *syscall.Credential {
	t.Helper()
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// give makes a directory the user's own; nil leaves it.
func give(t testing.TB, dir string, u *user.User) {
	t.Helper()
	if u == nil {
		return
	}
	c := credential(t, u)
	if err := os.Chown(dir, int(c.Uid), int(c.Gid)); err != nil {
		t.Fatal(err)
	}
}

// executable is this test binary, where the user can run it.
func executable(t testing.TB, as *user.User) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if as == nil {
		return path
	}
	copied := filepath.Join(pgtest.Dir(t), "missioncontrol")
	if out, err := exec.Command("install", "-m", "755", path, copied).CombinedOutput(); err != nil {
		t.Fatalf("copy the program: %v: %s", err, out)
	}
	return copied
}

// text collects what a program writes.
type text struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *text) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(b)
}

func (w *text) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// lines are the whole lines so far.
func (w *text) lines() []string {
	all := strings.SplitAfter(w.String(), "\n")
	return all[:len(all)-1]
}

func (w *text) tail(n int) string {
	lines := strings.Split(w.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// eventually waits for a condition of another process.
func eventually(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(within)
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("not within %v: %s", within, what)
		case <-ticks.C:
		}
	}
}

// rounds is how often a fault is made: n, or n times what ROUNDS asks for.
func rounds(t testing.TB, n int) int {
	t.Helper()
	factor := os.Getenv("ROUNDS")
	if factor == "" {
		return n
	}
	k, err := strconv.Atoi(factor)
	if err != nil {
		t.Fatalf("ROUNDS must be a number, not %q", factor)
	}
	return n * k
}

// must is for what a test takes for granted.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// postgresOf finds the processes of the cluster under a data directory.
func postgresOf(t testing.TB, dir string) (pids []int) {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(t, err)
	for _, path := range found {
		line, err := os.ReadFile(path)
		cwd, _ := os.Readlink(filepath.Join(filepath.Dir(path), "cwd"))
		if err != nil || !bytes.Contains(line, []byte("postgres")) || !strings.HasPrefix(cwd, dir) && !bytes.Contains(line, []byte(dir)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// noPostgres fails if a postgres of the directory has outlived its program.
func noPostgres(t testing.TB, dir string) {
	t.Helper()
	if left := postgresOf(t, dir); len(left) > 0 {
		t.Errorf("postgres processes %v are left", left)
	}
}

// postmaster is the process id of the cluster under a data directory.
func postmaster(t testing.TB, dir string) int {
	t.Helper()
	claim, err := os.ReadFile(filepath.Join(dir, "postgres", "postmaster.pid"))
	must(t, err)
	line, _, _ := strings.Cut(string(claim), "\n")
	pid, err := strconv.Atoi(line)
	must(t, err)
	return pid
}

// socketURL reaches the private cluster of a data directory.
func socketURL(dir string) string {
	return fmt.Sprintf("postgres://missioncontrol@/missioncontrol?host=%s/socket&port=5432&sslmode=disable", dir)
}
