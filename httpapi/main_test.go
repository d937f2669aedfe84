package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"missioncontrol/audit"
	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/projections"
	"missioncontrol/streams"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// rounds is how often a race is run: n, or n times what ROUNDS asks for.
func rounds(t testing.TB, n int) int {
	t.Helper()
	factor := 1
	if text := os.Getenv("ROUNDS"); text != "" {
		var err error
		if factor, err = strconv.Atoi(text); err != nil {
			t.Fatalf("ROUNDS must be a number, not %q", text)
		}
	}
	t.Logf("%d rounds", n*factor)
	return n * factor
}

// A server is the whole API on a socket and a database of its own. Its people
// are whoever sends a token: the local person with localToken, and anybody
// named N with "person-N".
type server struct {
	*API
	t    testing.TB
	url  string
	http *http.Client
	db   *pgxpool.Pool
	log  *journal
	sql  *statements
}

const localToken = "the-local-token"

// crowdSignIn lets the tests be several people.
type crowdSignIn struct{}

func (crowdSignIn) Forget(context.Context, string) error { return nil }

func (crowdSignIn) Verify(_ context.Context, authorization string) (commands.Identity, error) {
	token, ok := auth.Bearer(authorization)
	name, person := strings.CutPrefix(token, "person-")
	switch {
	case ok && token == localToken:
		return commands.LocalIdentity(), nil
	case ok && person:
		return commands.Identity{ID: "id-" + name, Email: name + "@example.org", EmailVerified: true, Name: name, Auth: "clerk"}, nil
	}
	return commands.Identity{}, auth.ErrUnauthorized
}

func startServer(t testing.TB, edit ...func(*API)) *server {
	t.Helper()
	return startServerOn(t, pgtest.Clone(t), edit...)
}

func startServerOn(t testing.TB, url string, edit ...func(*API)) *server {
	t.Helper()
	s := &server{t: t, log: &journal{}, sql: &statements{}}
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.Tracer, cfg.MaxConns = s.sql, 8
	if s.db, err = pgxpool.NewWithConfig(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.db.Close)
	s.assemble()
	for _, f := range edit {
		f(s.API)
	}
	listener := httptest.NewServer(s.Handler())
	transport := &http.Transport{MaxConnsPerHost: 100, MaxIdleConnsPerHost: 100}
	s.url = listener.URL
	s.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		listener.CloseClientConnections()
		listener.Close()
		if t.Failed() {
			t.Logf("the log of the server:\n%s", s.log)
		}
	})
	return s
}

// assemble makes the API as the program does, without a bus.
func (s *server) assemble() {
	s.t.Helper()
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	vault, err := eventstore.NewVault(s.db, make([]byte, eventstore.InstallationKeySize))
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var hub *streams.Hub
	store, err := eventstore.Open(ctx, eventstore.Config{
		DB: s.db, Vocabulary: commands.Vocabulary(), Vault: vault, Projector: projections.Projector{}, Log: log,
		Published: func(b eventstore.Batch) {
			if b.Whole {
				hub.Publish(b.First, b.Last, b.Frames)
			} else {
				hub.Advance(b.Last)
			}
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	read := projections.Reader{DB: s.db, Store: store, Indexed: eventstore.NewIndexer(store, append(projections.Indexes(), audit.Index())...)}
	hub = streams.NewHub(ctx, streams.Config{
		Epoch: store.Epoch(), Head: store.Head(), History: projections.Feed{Reader: read}, Log: log,
		Open: func(payload []byte) []byte {
			opened, err := vault.OpenJSON(ctx, payload)
			if err != nil {
				s.t.Error(err)
			}
			return opened
		},
	})
	s.API = s.newAPI(store, read)
	s.Transport = Transport{Log: log, MaxBodyBytes: DefaultMaxBodyBytes, SecurityHeaders: DefaultSecurityHeaders(), CORSOrigins: "http://localhost:3000"}
	s.Hub, s.Ready = hub, func(context.Context) error { return nil }
	var background errgroup.Group
	background.Go(func() error { return store.Run(ctx) })
	background.Go(func() error { return read.Indexed.Run(ctx) })
	s.t.Cleanup(func() {
		drained, stop := context.WithTimeout(context.Background(), 0)
		_ = hub.Drain(drained)
		stop()
		cancel()
		if err := background.Wait(); err != nil {
			s.t.Errorf("the background: %v", err)
		}
	})
}

func (s *server) newAPI(store *eventstore.Store, read projections.Reader) *API {
	s.t.Helper()
	limiter, err := auth.NewMemoryLimiter(auth.Policy{Name: auth.AgentAuthPolicy, Limit: 10_000, Window: time.Minute}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	gate, err := auth.NewAgentGate(limiter, auth.CountFailures)
	if err != nil {
		s.t.Fatal(err)
	}
	agents := auth.NewAgents(store, read, make([]byte, 32))
	return &API{
		Store: store, Read: read, Commands: commands.New(store, read, agents), Rules: auth.NewRules(store, read),
		SignIn: crowdSignIn{}, Agents: agents, AgentGate: gate,
	}
}

// statements counts what requests ask of the database: workers have each a
// connection of its own, or work in the background.
type statements struct {
	count atomic.Int64
	texts atomic.Pointer[[]string]
}

func (s *statements) TraceQueryStart(ctx context.Context, conn *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	s.see(ctx, conn, q.SQL)
	return ctx
}

func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (s *statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (s *statements) TraceBatchQuery(ctx context.Context, conn *pgx.Conn, q pgx.TraceBatchQueryData) {
	s.see(ctx, conn, q.SQL)
}

func (s *statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (s *statements) see(ctx context.Context, conn *pgx.Conn, sql string) {
	if ctx.Value(background{}) != nil || strings.HasPrefix(conn.Config().RuntimeParams["application_name"], "missioncontrol ") {
		return
	}
	s.count.Add(1)
	texts := []string{sql}
	if before := s.texts.Load(); before != nil {
		texts = append(append([]string{}, *before...), sql)
	}
	s.texts.Store(&texts)
}

// during returns what the requests of do asked of the database.
func (s *statements) during(do func()) []string {
	s.texts.Store(&[]string{})
	do()
	return *s.texts.Load()
}

// background marks the context of what no request asks for.
type background struct{}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request as the local person. Headers come as "Name: value"; an
// empty value leaves the header out.
func (s *server) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	return s.send(method, path, strings.NewReader(body), headers...)
}

func (s *server) send(method, path string, body io.Reader, headers ...string) answer {
	s.t.Helper()
	a, err := s.try(s.t.Context(), method, path, body, headers...)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// try is send for other goroutines than the test's.
func (s *server) try(ctx context.Context, method, path string, body io.Reader, headers ...string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, body)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+localToken)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		request.Header.Del(name)
		if value = strings.TrimPrefix(value, " "); value != "" {
			request.Header.Set(name, value)
		}
	}
	response, err := s.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(b)}, err
}

// value is the member of the answer's JSON at a path such as items/0/id.
func (a answer) value(t testing.TB, path string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	for part := range strings.SplitSeq(path, "/") {
		switch in := v.(type) {
		case map[string]any:
			v = in[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(in) {
				t.Fatalf("no %s in %s", path, a.body)
			}
			v = in[i]
		default:
			t.Fatalf("no %s in %s", path, a.body)
		}
	}
	return v
}

func (a answer) text(t testing.TB, path string) string {
	t.Helper()
	text, ok := a.value(t, path).(string)
	if !ok {
		t.Fatalf("%s is no text in %d %s", path, a.status, a.body)
	}
	return text
}

func as(person string) string { return "Authorization: Bearer person-" + person }

// must is do for a request that has to succeed.
func (s *server) must(method, path, body string, headers ...string) answer {
	s.t.Helper()
	a := s.do(method, path, body, headers...)
	if a.status != http.StatusOK {
		s.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	return a
}

const v1 = "/api/v1"

// board makes a board and returns the path to it.
func (s *server) board(headers ...string) string {
	s.t.Helper()
	a := s.must("POST", v1+"/boards", `{"name":"Docs","slug":"docs","description":"Docs","board_type":"general"}`, headers...)
	return v1 + "/boards/" + a.text(s.t, "id")
}

// task makes a task and returns its path.
func (s *server) task(board, title string) string {
	s.t.Helper()
	return board + "/tasks/" + s.must("POST", board+"/tasks", `{"title":`+string(quoted(title))+`}`).text(s.t, "id")
}

// footprint is what a request that was refused must leave as it was: the head
// of the log and the number of rows of each table, but for those that are
// filled behind the log. That it was refused, or read the log, may be in there.
func (s *server) footprint() map[string]int64 {
	s.t.Helper()
	behind := []string{"checkpoints"}
	for _, index := range append(projections.Indexes(), audit.Index()) {
		behind = append(behind, index.Tables...)
	}
	rows, err := s.db.Query(s.t.Context(), `select tablename from pg_tables where schemaname = 'public' and tablename <> all($1)`, behind)
	if err != nil {
		s.t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		s.t.Fatal(err)
	}
	counts := map[string]int64{}
	count := func(name, sql string) {
		var n int64
		if err := s.db.QueryRow(s.t.Context(), sql).Scan(&n); err != nil {
			s.t.Fatal(err)
		}
		counts[name] = n
	}
	for _, name := range names {
		count(name, "select count(*) from "+name)
	}
	const evidence = `from events where type like 'command.refused%' or type like 'authentication.failed%' or type = 'audit.read'`
	count("events", "select count(*) - (select count(*) "+evidence+") from events")
	count("the head", "select seq - (select count(*) "+evidence+") from log_head")
	return counts
}
