package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"missioncontrol/migrations"
	"missioncontrol/postgres"
	"missioncontrol/streams"
)

// serveCmd runs the server.
type serveCmd struct {
	state    `embed:"" group:"State"`
	listen   `embed:"" group:"HTTP"`
	identity `embed:"" group:"Sign-in"`
	limits   `embed:"" group:"Limits"`
	bus      `embed:"" group:"Other processes"`

	AcceptRestore bool `name:"accept-restore" help:"Go on with a log that is older or other than the newest checkpoint in DATA_DIR, as a new one. For one start after a backup was restored."`
}

// How long a shutdown may take, whole and for the streams alone.
const (
	shutdownLimit = 3500 * time.Millisecond
	drainLimit    = 3 * time.Second
)

// Run starts everything in order, serves until ctx ends, and stops everything
// in the opposite order.
func (s *serveCmd) Run(ctx context.Context, log *slog.Logger, out output) error {
	if err := s.check(); err != nil {
		return err
	}
	dir, err := s.dataDir()
	if err != nil {
		return err
	}
	doors, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer doors.close()
	return s.withDatabase(ctx, dir, log, out, func(ctx context.Context, db database) error {
		return s.serve(ctx, dir, db, doors, log, out)
	})
}

// check refuses a wrong configuration before anything slow or lasting is done.
func (s *serveCmd) check() error {
	for _, err := range []error{s.state.check(), s.listen.check(), s.identity.check(), s.busConfig(nil).Check()} {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *serveCmd) busConfig(log *slog.Logger) streams.BusConfig {
	return streams.BusConfig{URL: s.NATSURL, Listen: s.NATSListen, Token: s.NATSToken, Log: log}
}

// doors are the claimed addresses.
type doors struct {
	base    string // under which clients reach http
	http    net.Listener
	metrics net.Listener // nil: not served
}

// open claims the addresses, before anything slow or lasting is done.
func (l listen) open(ctx context.Context) (d doors, err error) {
	if d.http, err = claim(ctx, "HTTP_ADDR", l.HTTPAddr); err != nil {
		return d, err
	}
	if d.base, err = l.baseURL(d.http.Addr()); err == nil && l.MetricsAddr != "" {
		d.metrics, err = claim(ctx, "METRICS_ADDR", l.MetricsAddr)
	}
	if err != nil {
		d.close()
	}
	return d, err
}

// close gives back what no server has closed before.
func (d doors) close() {
	_ = d.http.Close()
	if d.metrics != nil {
		_ = d.metrics.Close()
	}
}

func claim(ctx context.Context, variable, addr string) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, fmt.Errorf("%s must be host:port, such as 127.0.0.1:8000, not %q", variable, addr)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err == nil {
		return listener, nil
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s: %s is in use by another program: stop it or choose another address", variable, addr)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // without the address, which was named
	}
	return nil, fmt.Errorf("%s: %s cannot be served on: %w", variable, addr, err)
}

// database says how the migrated database is reached: as the application, and
// as the owner of the tables. Both may be the same.
type database struct{ url, owner string }

// withDatabase runs use while a migrated database is there: the one of
// DATABASE_URL, or a private cluster that lives as long as use.
func (s state) withDatabase(ctx context.Context, dir string, log *slog.Logger, out output, use func(context.Context, database) error) error {
	if s.DatabaseURL != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("DATA_DIR: %w", err)
		}
		return s.withOutside(ctx, log, use)
	}
	private, err := postgres.Start(ctx, postgres.Config{
		DataDir: dir, BinDir: s.PGBin, Log: log, Progress: out, Install: true,
		Settings: map[string]string{
			"max_connections": fmt.Sprint(s.DatabaseConns + 20), "shared_buffers": "256MB",
			"max_wal_size": "4GB", "checkpoint_timeout": "15min",
		},
	})
	if err != nil {
		return err
	}
	alive, stop := context.WithCancel(context.WithoutCancel(ctx))
	var cluster errgroup.Group
	cluster.Go(func() error { return private.Run(alive) })
	db := database{private.ApplicationURL(postgres.Database), private.URL(postgres.Database)}
	err = db.migrated(ctx, postgres.Application, log, use)
	stop()
	return errors.Join(err, cluster.Wait())
}

// withOutside uses the databases of the variables, after it has shown which of
// them is wrong.
func (s state) withOutside(ctx context.Context, log *slog.Logger, use func(context.Context, database) error) error {
	role, err := postgres.Probe(ctx, "DATABASE_URL", s.DatabaseURL)
	if err != nil {
		return err
	}
	if s.DatabaseAdminURL == "" {
		return database{s.DatabaseURL, s.DatabaseURL}.migrated(ctx, "", log, use)
	}
	if _, err := postgres.Probe(ctx, "DATABASE_ADMIN_URL", s.DatabaseAdminURL); err != nil {
		return err
	}
	return database{s.DatabaseURL, s.DatabaseAdminURL}.migrated(ctx, role, log, use)
}

// migrated uses the database when the owner has migrated it, and granted role,
// if any, what the application needs.
func (d database) migrated(ctx context.Context, role string, log *slog.Logger, use func(context.Context, database) error) error {
	if err := migrations.Apply(ctx, d.owner, log); err != nil {
		return err
	}
	if role != "" {
		if err := migrations.Grant(ctx, d.owner, role); err != nil {
			return err
		}
	}
	return use(ctx, d)
}

// serve runs the parts of the program that need the database.
func (s *serveCmd) serve(ctx context.Context, dir string, db database, d doors, log *slog.Logger, out output) error {
	token, err := s.localToken(dir)
	if err != nil {
		return err
	}
	p, err := s.assemble(ctx, dir, db.url, token, log)
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.sayExposure(ctx); err != nil {
		return err
	}
	server, err := s.server(p.api.Handler(), log)
	if err != nil {
		return err
	}
	if err := upToDate(ctx, p.api.Read, db.owner, out); err != nil {
		return err
	}
	g, working := errgroup.WithContext(context.WithoutCancel(ctx))
	background, stop := context.WithCancel(working)
	g.Go(func() error { return p.store.Run(background) })
	err = p.recordRestore(working) // next to where the log was restored, before anything else
	if err == nil {
		err = p.recordStart(working, s)
	}
	if err != nil {
		stop()
		return errors.Join(err, g.Wait())
	}
	p.run(background, g)
	p.runEvidence(background, g)
	g.Go(func() error { return serveOn(d.http, server) })
	if d.metrics != nil {
		p.serveMetrics(background, g, d.metrics)
	}
	banner(out, d.base, token, s.LocalAuthToken == "")
	if key := p.evidence.news; key != "" {
		_, _ = fmt.Fprintf(out, "Checkpoints of the log verify with this key; keep it elsewhere:\n  %s\n\n", key)
	}
	select {
	case <-ctx.Done():
	case <-working.Done(): // a part has failed
	}
	err = p.drain(server)
	p.recordEnd()
	stop()
	return errors.Join(g.Wait(), err)
}

// drain lets clients go: no new connections, streams in slices, then whoever is
// left.
func (p *process) drain(server *http.Server) error {
	p.log.Info("stopping")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), shutdownLimit)
	defer cancel()
	var g errgroup.Group
	g.Go(func() error {
		ctx, cancel := context.WithTimeout(ctx, drainLimit)
		defer cancel()
		return p.hub.Drain(ctx)
	})
	g.Go(func() error { return server.Shutdown(ctx) })
	if err := g.Wait(); err != nil {
		p.log.Warn("some clients were cut off", "error", err)
		return server.Close()
	}
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// banner tells a person how to begin.
func banner(out output, base, token string, ours bool) {
	const auth = `-H "Authorization: Bearer $TOKEN"`
	lines := []string{"Mission Control serves " + base, ""}
	shown := "$LOCAL_AUTH_TOKEN"
	if ours {
		shown = token
	}
	lines = append(lines,
		"Try it:",
		"  export TOKEN="+shown,
		fmt.Sprintf(`  curl -s %s -X POST %s/api/v1/auth/bootstrap`, auth, base),
		fmt.Sprintf(`  curl -s %s --json '{"name":"First","slug":"first","description":"A first board","board_type":"general"}' %s/api/v1/boards`, auth, base),
		fmt.Sprintf(`  curl -s %s '%s/api/v1/boards'`, auth, base),
		"", "Ctrl-C stops it.", "")
	_, _ = out.Write([]byte(strings.Join(lines, "\n")))
}
