package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"missioncontrol/audit"
	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/eventstore"
	"missioncontrol/httpapi"
	"missioncontrol/postgres"
	"missioncontrol/projections"
	"missioncontrol/streams"
)

// poolSize is serve's default.
const poolSize = 16

// open connects a pool that counts statements.
func open(ctx context.Context, url string) (*pgxpool.Pool, *statements, error) {
	plain, err := postgres.Connect(ctx, url, poolSize)
	if err != nil {
		return nil, nil, err
	}
	defer plain.Close()
	cfg, counted := plain.Config(), &statements{}
	cfg.ConnConfig.Tracer = counted
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	return pool, counted, err
}

// log is a store with its committer running.
type log struct {
	*eventstore.Store
	db         *pgxpool.Pool
	statements *statements
	stop       context.CancelFunc
	running    errgroup.Group
}

// openLog opens a store on url; edit may add to it.
func openLog(ctx context.Context, url string, edit func(*eventstore.Config)) (*log, error) {
	l := &log{stop: func() {}}
	var err error
	if l.db, l.statements, err = open(ctx, url); err != nil {
		return nil, err
	}
	cfg := eventstore.Config{DB: l.db, Vocabulary: commands.Vocabulary(), Log: slog.New(slog.DiscardHandler)}
	if cfg.Vault, err = eventstore.NewVault(l.db, make([]byte, eventstore.InstallationKeySize)); err == nil {
		edit(&cfg)
		l.Store, err = eventstore.Open(ctx, cfg)
	}
	if err != nil {
		l.db.Close()
		return nil, err
	}
	return l, nil
}

// run starts the committer and other workers.
func (l *log) run(ctx context.Context, workers ...func(context.Context) error) {
	alive, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	for _, work := range append(workers, l.Run) {
		l.running.Go(func() error { return work(alive) })
	}
}

func (l *log) close() error {
	l.stop()
	defer l.db.Close()
	return l.running.Wait()
}

// indexes are all that serve fills.
func indexes() []eventstore.Index { return append(projections.Indexes(), audit.Index()) }

// app is the whole program, as cmd/missioncontrol assembles it.
type app struct {
	*log
	read  projections.Reader
	use   commands.Commands
	known *auth.Agents
	hub   *streams.Hub
	bus   *streams.Bus
	web   *http.Server
	addr  string
	clock clock                            // when each position was committed
	shown atomic.Pointer[eventstore.Frame] // the newest
	most  atomic.Int64                     // statements of a marked request
}

var token = strings.Repeat("bench-", 10) // at least 50 characters

func startApp(ctx context.Context, url string) (_ *app, err error) {
	a := &app{}
	a.clock.began = time.Now()
	a.log, err = openLog(ctx, url, func(c *eventstore.Config) {
		c.Projector, c.Published = projections.Projector{}, a.published
	})
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	if a.bus, err = streams.StartBus(ctx, streams.BusConfig{Log: quiet}); err != nil {
		return nil, errors.Join(err, a.log.close())
	}
	a.read = projections.Reader{DB: a.db, Store: a.Store, Indexed: eventstore.NewIndexer(a.Store, indexes()...)}
	a.known = auth.NewAgents(a.Store, a.read, make([]byte, 32))
	a.use = commands.New(a.Store, a.read, a.known)
	a.hub = streams.NewHub(context.WithoutCancel(ctx), streams.Config{
		Epoch: a.Epoch(), Head: a.Head(), History: projections.Feed{Reader: a.read}, Log: quiet,
		Open: func(payload []byte) []byte {
			opened, err := a.Vault().OpenJSON(context.WithoutCancel(ctx), payload)
			if err != nil {
				return payload
			}
			return opened
		},
	})
	a.run(ctx, a.read.Indexed.Run)
	if err := a.serve(ctx, quiet); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

func (a *app) counted(n int64) {
	if n > a.most.Load() { // marked requests come one after the other
		a.most.Store(n)
	}
}

// published is what a process does with a batch; the clock is ours.
func (a *app) published(b eventstore.Batch) {
	if !b.Whole {
		a.hub.Advance(b.Last)
		return
	}
	a.clock.mark(b.First, b.Last)
	a.hub.Publish(b.First, b.Last, b.Frames)
	if len(b.Frames) > 0 {
		a.shown.Store(&b.Frames[len(b.Frames)-1])
	}
	entries := make([][]byte, len(b.Events))
	for i, e := range b.Events {
		entries[i] = e.Entry
	}
	a.bus.Publish(streams.Batch{Epoch: a.Epoch(), First: b.First, Last: b.Last, Entries: entries, Frames: b.Frames})
}

// serve answers on a port of the loopback.
func (a *app) serve(ctx context.Context, quiet *slog.Logger) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	limiter, err := auth.NewMemoryLimiter(auth.Policy{Name: auth.AgentAuthPolicy, Limit: 20, Window: time.Minute}, nil)
	if err != nil {
		return err
	}
	gate, err := auth.NewAgentGate(limiter, auth.CountFailures)
	if err != nil {
		return err
	}
	api := &httpapi.API{
		Transport: httpapi.Transport{
			Log: quiet, MaxBodyBytes: httpapi.DefaultMaxBodyBytes, SlowRequest: time.Second,
			SecurityHeaders: httpapi.SecurityHeaders{ContentTypeOptions: "nosniff", FrameOptions: "DENY", ReferrerPolicy: "strict-origin-when-cross-origin"},
		},
		Store: a.Store, Commands: a.use, Read: a.read,
		Rules:  auth.NewRules(a.Store, a.read),
		Agents: a.known, AgentGate: gate, Proxies: auth.ParseTrustedProxies("127.0.0.1", quiet),
		SignIn: httpapi.LocalSignIn{Token: auth.NewLocal(token)}, Hub: a.hub, Ready: func(context.Context) error { return nil },
		RefusalPause: httpapi.DefaultRefusalPause,
	}
	a.addr = listener.Addr().String()
	a.web = &http.Server{Handler: counting(api.Handler(), a.counted), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	a.running.Go(func() error {
		if err := a.web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return nil
}

func (a *app) close() error {
	if a.web != nil {
		_ = a.web.Close() // whoever is still there has nothing more to measure
	}
	a.bus.Close()
	return a.log.close()
}
