package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const tick = 5 * time.Millisecond

// process is a postgres that was started.
type process struct {
	cmd   *exec.Cmd
	began time.Time
	done  chan struct{} // closed when it has ended
	err   error         // how it ended; to be read after done
}

// run starts cmd in a goroutine that keeps its thread until the child has
// ended: the kernel ends the child when the thread that started it goes away.
func run(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, began: time.Now(), done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		<-p.done
		return nil, err
	}
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the process: an orderly shutdown, then one that leaves recovery to
// the next start, then none at all. Data is safe with each.
func (p *process) stop() {
	for _, step := range []struct {
		signal   os.Signal
		patience time.Duration
	}{
		{syscall.SIGINT, 2 * time.Second},
		{syscall.SIGQUIT, time.Second},
		{os.Kill, time.Minute},
	} {
		_ = p.cmd.Process.Signal(step.signal) // it may have ended
		select {
		case <-p.done:
			return
		case <-time.After(step.patience):
		}
	}
}

// launch starts postgres and returns when it answers and has the database.
func (s *Server) launch(ctx context.Context) error {
	if err := s.cluster.clear(ctx, s.log); err != nil {
		return err
	}
	logFile, err := openLog(filepath.Join(s.cluster.dataDir, "postgres.log"))
	if err != nil {
		return err
	}
	start, err := logFile.Seek(0, io.SeekEnd)
	if err != nil {
		return errors.Join(err, logFile.Close())
	}
	cmd := s.cluster.account.command(ctx, s.cluster.dir, s.cluster.binaries.postgres(), s.cluster.settings...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	endWithParent(cmd, syscall.SIGINT)
	p, err := run(cmd)
	err = errors.Join(err, logFile.Close())
	if err != nil {
		return fmt.Errorf("start PostgreSQL in DATA_DIR %s: %w", s.cluster.dataDir, err)
	}
	if err := s.await(ctx, p); err != nil {
		p.stop()
		return &Error{Kind: ErrStart, Cause: err, Text: fmt.Sprintf(
			"PostgreSQL did not start in DATA_DIR %s (%s); %s ends with: %s",
			s.cluster.dataDir, oneLine(err.Error()), logFile.Name(), logTail(logFile.Name(), start))}
	}
	s.mu.Lock()
	s.child = p
	s.mu.Unlock()
	s.log.Info("PostgreSQL is ready", "version", s.cluster.binaries.version, "pid", p.pid(),
		"took", time.Since(p.began).Round(time.Millisecond))
	return nil
}

// await returns when p answers. Recovery after a crash takes as long as it
// takes; only the end of p or of ctx gives up.
func (s *Server) await(ctx context.Context, p *process) error {
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	patience := time.NewTicker(5 * time.Second)
	defer patience.Stop()
	for {
		err := s.ensureDatabase(ctx)
		if err == nil || !Unavailable(err) {
			return err
		}
		select {
		case <-p.done:
			return fmt.Errorf("it ended with %w", p.err)
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			s.log.Warn("PostgreSQL does not answer yet", "reason", err)
			if s.cluster.saysReady() {
				return fmt.Errorf("it is ready but does not answer: %w", err)
			}
		case <-ticks.C:
		}
	}
}

// saysReady reports whether the server accepts connections by its own account.
func (c cluster) saysReady() bool {
	const statusLine = 7 // from 0
	text, err := os.ReadFile(filepath.Join(c.dir, "postmaster.pid"))
	lines := strings.Split(string(text), "\n")
	return err == nil && len(lines) > statusLine && strings.TrimSpace(lines[statusLine]) == "ready"
}

// ensureDatabase connects to the program's database, and makes it and the
// application's role if they are missing.
func (s *Server) ensureDatabase(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL(Database))
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "3D000" {
		conn, err = pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			_, err = conn.Exec(ctx, "create database "+Database)
		}
	}
	if err == nil {
		err = ensureApplication(ctx, conn)
	}
	if conn != nil {
		err = errors.Join(err, conn.Close(ctx))
	}
	return err
}

func ensureApplication(ctx context.Context, conn *pgx.Conn) error {
	var there bool
	err := conn.QueryRow(ctx, `select exists (select from pg_roles where rolname = $1)`, Application).Scan(&there)
	if err == nil && !there {
		_, err = conn.Exec(ctx, "create role "+Application+" login")
	}
	return err
}

// openLog opens the file for what postgres writes; a big one is moved aside
// first. Where root runs the cluster of an ordinary user, that user must not
// lead it to another file.
func openLog(path string) (*os.File, error) {
	const big = 16 << 20
	if info, err := os.Stat(path); err == nil && info.Size() > big {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
}

func logTail(path string, start int64) string {
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.NewSectionReader(file, start, 1<<20))
	if err != nil {
		return err.Error()
	}
	return lastLines(text)
}

// lastLines returns the end of an output on one line.
func lastLines(text []byte) string {
	const most = 6
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return oneLine(strings.Join(lines[max(0, len(lines)-most):], " | "))
}
