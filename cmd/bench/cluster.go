package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"missioncontrol/migrations"
	"missioncontrol/postgres"
)

// cluster is the private Postgres of a run: as serve runs it, but for the
// connections that pgbench needs.
type cluster struct {
	server  *postgres.Server
	running errgroup.Group
	stop    context.CancelFunc
	dir     string
	pgbench string
	version string // of Postgres, with what makes a commit durable
	made    int    // databases
}

const mostConnections = 320

func startCluster(ctx context.Context, progress io.Writer) (_ *cluster, err error) {
	c := &cluster{stop: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if c.dir, err = os.MkdirTemp("", "missioncontrol-bench-"); err != nil {
		return nil, err
	}
	if err := os.Chmod(c.dir, 0o711); err != nil { // the database user passes through
		return nil, err
	}
	if c.server, err = postgres.Start(ctx, postgres.Config{
		DataDir: c.dir, BinDir: os.Getenv("PG_BIN"), Progress: progress, Install: true,
		Settings: map[string]string{
			"max_connections": strconv.Itoa(mostConnections), "shared_buffers": "256MB",
			"max_wal_size": "4GB", "checkpoint_timeout": "15min",
		},
	}); err != nil {
		return nil, err
	}
	alive, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	c.running.Go(func() error { return c.server.Run(alive) })
	if c.pgbench, err = findPgbench(c.server.Pid()); err != nil {
		return nil, err
	}
	return c, c.prepare(ctx)
}

// findPgbench looks beside the program that runs as pid, then in PATH.
func findPgbench(pid int) (string, error) {
	if program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
		path := filepath.Join(filepath.Dir(program), "pgbench")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath("pgbench")
	if err != nil {
		return "", errors.New("pgbench was found neither beside the PostgreSQL server's programs nor in PATH: install it, or put its directory into PATH")
	}
	return path, nil
}

// prepare fills the template of all databases.
func (c *cluster) prepare(ctx context.Context) error {
	url := c.server.URL(postgres.Database)
	if err := migrations.Apply(ctx, url, nil); err != nil {
		return err
	}
	if err := execute(ctx, url, yardstickTable); err != nil {
		return err
	}
	return withConn(ctx, url, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `select format('PostgreSQL %s, fsync %s, synchronous_commit %s', split_part(current_setting('server_version'), ' ', 1),
			current_setting('fsync'), current_setting('synchronous_commit'))`).Scan(&c.version)
	})
}

// database makes an empty, migrated database and returns its address. What was
// written before is flushed first, so that every row begins alike.
func (c *cluster) database(ctx context.Context) (string, error) {
	c.made++
	name := "bench" + strconv.Itoa(c.made)
	err := withConn(ctx, c.server.URL("postgres"), func(conn *pgx.Conn) error {
		for _, sql := range []string{"create database " + name + " template " + postgres.Database, "checkpoint"} {
			if _, err := conn.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("make a database: %w", err)
	}
	return c.server.URL(name), nil
}

func (c *cluster) close() error {
	c.stop()
	return errors.Join(c.running.Wait(), os.RemoveAll(c.dir))
}

func execute(ctx context.Context, url, sql string) error {
	return withConn(ctx, url, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql)
		return err
	})
}

func withConn(ctx context.Context, url string, use func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return errors.Join(use(conn), conn.Close(ctx))
}
