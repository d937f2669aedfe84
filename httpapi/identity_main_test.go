package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"missioncontrol/audit"
	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/user"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/processes"
	"missioncontrol/projections"
	"missioncontrol/streams"
)

// A node is a server with everything that the program runs beside it: rights
// that are checked again on open streams, signs of life, a limit of tries, and
// the processes that erase, remove and tell.
type node struct {
	*server
	clock *offsetClock
}

// offsetClock is the clock of the machine, moved by tests.
type offsetClock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *offsetClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *offsetClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// nodeConfig says how a node differs from a usual one.
type nodeConfig struct {
	url     string       // of the database; empty: one of its own
	signIn  SignIn       // nil: crowdSignIn
	clock   *offsetClock // nil: one of its own
	tries   int          // wrong agent tokens of an address in a minute; 0: no end of them
	counts  string       // which requests count (auth.NewAgentGate)
	proxies string
	tell    func(eventstore.Batch) // is told of this node's own batches
	level   slog.Level             // of its log
}

var tokenKey = []byte("a key that all processes share")

func startNode(t testing.TB, c nodeConfig) *node {
	t.Helper()
	if c.url == "" {
		c.url = pgtest.Clone(t)
	}
	if c.clock == nil {
		c.clock = &offsetClock{}
	}
	if c.signIn == nil {
		c.signIn = crowdSignIn{}
	}
	n := &node{&server{t: t, log: &journal{}, sql: &statements{}}, c.clock}
	cfg, err := pgxpool.ParseConfig(c.url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.Tracer, cfg.MaxConns = n.sql, 8
	if n.db, err = pgxpool.NewWithConfig(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.db.Close)
	n.run(c)
	n.listen()
	return n
}

// run assembles the API and what works in the background until the test ends.
func (n *node) run(c nodeConfig) {
	t := n.t
	log := slog.New(slog.NewTextHandler(n.log, &slog.HandlerOptions{Level: c.level}))
	vault, err := eventstore.NewVault(n.db, make([]byte, eventstore.InstallationKeySize))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), background{}, true))
	var hub *streams.Hub
	store, err := eventstore.Open(ctx, eventstore.Config{
		DB: n.db, Vocabulary: commands.Vocabulary(), Vault: vault, Projector: projections.Projector{}, Log: log, Now: n.clock.Now,
		Published: func(b eventstore.Batch) { published(b, vault, hub, c.tell) },
	})
	if err != nil {
		t.Fatal(err)
	}
	read := projections.Reader{DB: n.db, Store: store, Indexed: eventstore.NewIndexer(store, append(projections.Indexes(), audit.Index())...)}
	hub = streams.NewHub(ctx, streams.Config{
		Epoch: store.Epoch(), Head: store.Head(), History: projections.Feed{Reader: read}, Log: log,
		Open: func(payload []byte) []byte {
			opened, err := vault.OpenJSON(ctx, payload)
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			return opened
		},
	})
	n.api(c, store, read, hub, log)
	var working errgroup.Group
	working.Go(func() error { return store.Run(ctx) })
	working.Go(func() error { return read.Indexed.Run(ctx) })
	working.Go(func() error { return processes.Erasure(store, read, log).Run(ctx) })
	working.Go(func() error { return processes.Removal(store, read, log).Run(ctx) })
	working.Go(func() error { return processes.Departures(store, c.signIn.Forget, log).Run(ctx) })
	tell := processes.Notifications(store, n.Commands.Notifications, log)
	working.Go(func() error { return tell.Run(ctx) })
	t.Cleanup(func() {
		drained, stop := context.WithTimeout(context.Background(), 0)
		_ = hub.Drain(drained)
		stop()
		cancel()
		if err := working.Wait(); err != nil {
			t.Errorf("the background: %v", err)
		}
	})
}

// published does what the program does with a batch.
func published(b eventstore.Batch, vault *eventstore.Vault, hub *streams.Hub, tell func(eventstore.Batch)) {
	for _, e := range b.Events {
		if _, gone := e.Event.(user.Erased); gone {
			vault.Forget(e.Stream)
		}
	}
	if b.Whole {
		hub.Publish(b.First, b.Last, b.Frames)
	} else {
		hub.Advance(b.Last)
	}
	hub.Recheck(RightKeys(b.Touched)...)
	if b.Local && tell != nil {
		tell(b)
	}
}

func (n *node) api(c nodeConfig, store *eventstore.Store, read projections.Reader, hub *streams.Hub, log *slog.Logger) {
	t := n.t
	if c.tries == 0 {
		c.tries = 100_000
	}
	limiter, err := auth.NewMemoryLimiter(auth.Policy{Name: auth.AgentAuthPolicy, Limit: c.tries, Window: time.Minute}, n.clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	gate, err := auth.NewAgentGate(limiter, c.counts)
	if err != nil {
		t.Fatal(err)
	}
	known := auth.NewAgents(store, read, tokenKey)
	if err := known.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	use := commands.New(store, read, known)
	use.Agents.Announce = func(a projections.Agent, org uuid.UUID) {
		payload, attrs, err := projections.AgentFrame(a)
		if err == nil {
			err = hub.Send(projections.AgentsTopic(org), "agent", payload, attrs)
		}
		if err != nil {
			t.Error(err)
		}
	}
	n.API = &API{
		Transport: Transport{Log: log, MaxBodyBytes: DefaultMaxBodyBytes, SecurityHeaders: DefaultSecurityHeaders(), CORSOrigins: "http://localhost:3000"},
		Store:     store, Commands: use, Read: read, Rules: auth.NewRules(store, read), SignIn: c.signIn, Agents: known, AgentGate: gate,
		Proxies: auth.ParseTrustedProxies(c.proxies, log), Hub: hub, Ready: func(context.Context) error { return nil },
	}
}

// listen serves the API on a socket, with the limits that the program sets.
func (n *node) listen() {
	listener := httptest.NewUnstartedServer(n.Handler())
	listener.Config.MaxHeaderBytes, listener.Config.ReadHeaderTimeout = 64<<10, 10*time.Second
	listener.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	listener.Start()
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	n.url = listener.URL
	n.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	n.t.Cleanup(func() {
		transport.CloseIdleConnections()
		listener.CloseClientConnections()
		listener.Close()
		if n.t.Failed() {
			n.t.Logf("the log of the server:\n%s", n.log)
		}
	})
}

// The twelve kinds of callers of the permission matrix, in its order.
var kinds = strings.Fields("Ow Ad A0 Mw Mr M0 Fo Le Wo Ot Ma An")

// tenant is an organization with one of each kind of caller. Whatever is
// visible of it has its name in it.
type tenant struct {
	n            *node
	name         string
	org          string
	board, other string // of Le and Wo; of Ot
	member       map[string]string
	agent        map[string]string
	token        map[string]string
	tokenID      map[string]string
	task, memory string
	invite       string // pending
	inviteToken  string
	gateway      string
	things       map[string]string // what furnish adds, by the name of its id
}

const forget = "Authorization:" // leaves out the header that do sends

// as is how a kind of caller proves itself.
func (x *tenant) as(kind string) []string {
	switch {
	case x.token[kind] != "": // an agent
		return []string{forget, "X-Agent-Token: " + x.token[kind]}
	case kind == "An":
		return []string{forget}
	}
	return []string{as(x.person(kind))}
}

func (x *tenant) person(kind string) string { return x.name + "-" + strings.ToLower(kind) }

func (x *tenant) email(kind string) string { return x.person(kind) + "@example.org" }

// must is a request of one kind of caller that has to succeed.
func (x *tenant) must(kind, method, path, body string) answer {
	x.n.t.Helper()
	return x.n.must(method, path, body, x.as(kind)...)
}

func (x *tenant) do(kind, method, path, body string) answer {
	x.n.t.Helper()
	return x.n.do(method, path, body, x.as(kind)...)
}

func (n *node) tenant(name string) *tenant {
	t := n.t
	t.Helper()
	x := &tenant{n: n, name: name, member: map[string]string{}, agent: map[string]string{}, token: map[string]string{}, tokenID: map[string]string{}}
	x.org = x.must("Ow", "POST", v1+"/organizations", `{"name":"`+name+` Ltd"}`).text(t, "id")
	x.board, x.other = x.newBoard("board"), x.newBoard("other")
	x.invited("Ad", `"role":"admin","all_boards_write":true`)
	x.invited("A0", `"role":"admin"`)
	x.invited("Mw", `"board_access":[{"board_id":"`+x.board+`","can_write":true}]`)
	x.invited("Mr", `"board_access":[{"board_id":"`+x.board+`"}]`)
	x.invited("M0", `"role":"member"`)
	x.must("Fo", "GET", v1+"/users/me", "")
	x.member["Ow"] = x.must("Ow", "GET", v1+"/organizations/me/member", "").text(t, "id")
	x.newAgent("Le", x.board, true)
	x.newAgent("Wo", x.board, false)
	x.newAgent("Ot", x.other, false)
	x.mainAgent()
	x.task = x.must("Ow", "POST", v1+"/boards/"+x.board+"/tasks", `{"title":"`+name+` task"}`).text(t, "id")
	x.memory = x.must("Ow", "POST", v1+"/boards/"+x.board+"/memory", `{"content":"`+name+` memory","tags":["chat"]}`).text(t, "id")
	pending := x.newInvite(name + "-pending@example.org")
	x.invite, x.inviteToken = pending.text(t, "id"), pending.text(t, "token")
	return x
}

func (x *tenant) newBoard(name string) string {
	x.n.t.Helper()
	name = x.name + " " + name
	return x.must("Ow", "POST", v1+"/boards", `{"name":"`+name+`","slug":"s","description":"`+name+`","board_type":"general","max_agents":1000}`).text(x.n.t, "id")
}

// invited makes a kind of member, who joins at its first login.
func (x *tenant) invited(kind, access string) {
	x.n.t.Helper()
	x.must("Ow", "POST", v1+"/organizations/me/invites", `{"invited_email":"`+x.email(kind)+`",`+access+`}`)
	me := x.must(kind, "GET", v1+"/organizations/me/member", "")
	if got := me.text(x.n.t, "organization_id"); got != x.org {
		x.n.t.Fatalf("%s is in %s, not %s", kind, got, x.org)
	}
	x.member[kind] = me.text(x.n.t, "id")
}

func (x *tenant) newInvite(email string) answer {
	x.n.t.Helper()
	return x.must("Ow", "POST", v1+"/organizations/me/invites", `{"invited_email":"`+email+`"}`)
}

// newAgent makes an agent with a token, named after its key.
func (x *tenant) newAgent(key, board string, lead bool) string {
	t := x.n.t
	t.Helper()
	x.agent[key] = x.must("Ow", "POST", v1+"/agents", fmt.Sprintf(
		`{"name":"%s %s","board_id":"%s","is_board_lead":%v,"soul_template":"%s soul","identity_profile":{"role":"%s role"}}`,
		x.name, key, board, lead, x.name, x.name)).text(t, "id")
	x.newToken(key)
	return x.agent[key]
}

func (x *tenant) newToken(key string) {
	t := x.n.t
	t.Helper()
	made := x.must("Ow", "POST", v1+"/agents/"+x.agent[key]+"/tokens", "")
	x.token[key], x.tokenID[key] = made.text(t, "token"), made.text(t, "id")
}

// mainAgent puts a gateway's main agent in place; nothing in the server does.
func (x *tenant) mainAgent() {
	t := x.n.t
	t.Helper()
	id, gateway := uuid.New(), uuid.New()
	session := "agent:mc-gateway-" + gateway.String() + ":main"
	agents := eventstore.For[agent.Agent, agent.Event](x.n.Store, "agent")
	err := x.n.Store.Do(t.Context(), func(d *eventstore.Decision) error {
		return agents.New(d, uuid.MustParse(x.org), id).Decide(agent.Create{Created: agent.Created{
			Profile: agent.Profile{Name: x.name + " Ma"}, GatewayID: &gateway, SessionID: &session,
		}})
	})
	if err != nil {
		t.Fatal(err)
	}
	x.agent["Ma"], x.gateway = id.String(), gateway.String()
	x.newToken("Ma")
}

// eventually waits for a condition.
func eventually(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// sameHead waits until every node has taken in what the others appended.
func sameHead(t testing.TB, nodes ...*node) {
	t.Helper()
	for _, n := range nodes {
		for _, other := range nodes {
			if err := n.Store.Reach(t.Context(), other.Store.Head()); err != nil {
				t.Fatal(err)
			}
		}
	}
}
