package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"missioncontrol/postgres"
	"missioncontrol/postgres/pgtest"
)

// helperDir makes this binary a program that runs the cluster of a directory
// until it is killed, and says so in one line.
const helperDir = "POSTGRES_TEST_HELPER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		helper(dir)
		return
	}
	pgtest.Main(m)
}

func helper(dir string) {
	server, err := postgres.Start(context.Background(), config(dir))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(server.Pid(), server.URL(postgres.Database))
	if err := server.Run(context.Background()); err != nil {
		panic(err)
	}
}

func config(dir string) postgres.Config {
	return postgres.Config{DataDir: dir, BinDir: os.Getenv("PG_BIN")}
}

// start runs the cluster of a directory until the test ends or stop is called.
func start(t *testing.T, cfg postgres.Config) (server *postgres.Server, stop func()) {
	t.Helper()
	began := time.Now()
	server, err := postgres.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("started in", time.Since(began))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	running := true
	stop = func() {
		if !running {
			return
		}
		running = false
		began := time.Now()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		t.Log("stopped in", time.Since(began))
	}
	t.Cleanup(stop)
	return server, stop
}

// execute runs one statement on a connection of its own.
func execute(ctx context.Context, url, sql string) (err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	_, err = conn.Exec(ctx, sql)
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition of another process.
func eventually(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(within)
	ticks := time.NewTicker(10 * time.Millisecond)
	defer ticks.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("not within %v: %s", within, what)
		case <-ticks.C:
		}
	}
}
