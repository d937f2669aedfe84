// Package pgtest gives tests a real PostgreSQL. The first test of a process that
// asks starts one private cluster, which all tests of the process share; a test
// usually isolates itself with fresh ids, and takes a database of its own
// (Clone) or a cluster of its own (Server) only when it needs one. Nothing is
// skipped: without PostgreSQL the test fails with the sentence that says how to
// install it.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"missioncontrol/migrations"
	"missioncontrol/postgres"
)

// What the tests of this process share. A test binary cannot pass a value from
// TestMain to its tests by any other way.
var shared struct {
	start  sync.Once
	server *postgres.Server
	stop   func()
	dir    string
	err    error
	clones atomic.Int64
}

// sharedDatabase is a clone of the migrated template, because a template that
// somebody is connected to cannot be cloned.
const sharedDatabase = "shared"

// Main is the whole of a TestMain: it runs the tests, stops the cluster if one
// was started, fails if a goroutine was left behind, and exits.
func Main(m *testing.M) {
	code := m.Run()
	err := errors.Join(stopShared(), removeMade())
	if err == nil && code == 0 {
		err = goleak.Find()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// URL returns the migrated database that the tests of this process share.
func URL(tb testing.TB) string {
	tb.Helper()
	return sharedServer(tb).URL(sharedDatabase)
}

// Pool connects to the database that the tests of this process share.
func Pool(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	return Connect(tb, URL(tb))
}

// Connect returns a pool that is closed when the test ends.
func Connect(tb testing.TB, url string) *pgxpool.Pool {
	tb.Helper()
	pool, err := postgres.Connect(tb.Context(), url, 8)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	return pool
}

// Clone returns a migrated database of the test's own, dropped when it ends.
func Clone(tb testing.TB) string {
	tb.Helper()
	server := sharedServer(tb)
	name := "clone" + strconv.FormatInt(shared.clones.Add(1), 10)
	if err := execute(tb.Context(), server, "create database "+name+" template "+postgres.Database); err != nil {
		tb.Fatalf("clone the migrated database: %v", err)
	}
	tb.Cleanup(func() {
		if err := execute(context.WithoutCancel(tb.Context()), server, "drop database "+name+" with (force)"); err != nil {
			tb.Errorf("drop the clone: %v", err)
		}
	})
	return server.URL(name)
}

// Server returns a running cluster of the test's own, for tests that kill it;
// its database postgres.Database is empty. An unsafe one loses the last commits
// when postgres is killed.
func Server(tb testing.TB, unsafe bool) *postgres.Server {
	tb.Helper()
	server, stop, err := start(tb.Context(), DataDir(tb), unsafe)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(stop)
	return server
}

func sharedServer(tb testing.TB) *postgres.Server {
	tb.Helper()
	shared.start.Do(func() { shared.err = startShared(context.WithoutCancel(tb.Context())) })
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	return shared.server
}

func startShared(ctx context.Context) (err error) {
	if shared.dir, err = makeDir(); err != nil {
		return err
	}
	if shared.server, shared.stop, err = start(ctx, shared.dir, true); err != nil {
		return err
	}
	if err := migrations.Apply(ctx, shared.server.URL(postgres.Database), nil); err != nil {
		return err
	}
	return execute(ctx, shared.server, "create database "+sharedDatabase+" template "+postgres.Database)
}

func stopShared() error {
	if shared.stop != nil {
		shared.stop()
	}
	if shared.dir == "" {
		return nil
	}
	return os.RemoveAll(shared.dir)
}

// start returns a server that is being run, and what stops it and waits.
func start(ctx context.Context, dir string, unsafe bool) (*postgres.Server, func(), error) {
	server, err := postgres.Start(ctx, postgres.Config{
		DataDir: dir, BinDir: os.Getenv("PG_BIN"), Unsafe: unsafe, Install: true, Progress: os.Stderr,
	})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Run(ctx) // it only ends when it is told to
	}()
	return server, func() { cancel(); <-ended }, nil
}

// execute runs a statement that no transaction can hold.
func execute(ctx context.Context, server *postgres.Server, sql string) (err error) {
	conn, err := pgx.Connect(ctx, server.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, sql)
	return err
}
