package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/pbkdf2"

	"missioncontrol/auth"
	"missioncontrol/domain/agent"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/projections"
)

const healthz = v1 + "/agent/healthz"

func (n *node) withToken(token string, headers ...string) answer {
	n.t.Helper()
	return n.do("GET", healthz, "", append([]string{forget, "X-Agent-Token: " + token}, headers...)...)
}

func TestTokenIsShownOnce(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	tokens := v1 + "/agents/" + x.agent["Wo"] + "/tokens"
	made := n.must("POST", tokens, "", x.as("Ow")[0], "Idempotency-Key: once")
	token, id := made.text(t, "token"), made.text(t, "id")
	if auth.FormOf(token) != auth.OwnToken || made.text(t, "created_at") == "" {
		t.Errorf("made %s", made.body)
	}
	if again := n.must("POST", tokens, "", x.as("Ow")[0], "Idempotency-Key: once"); again.body != made.body || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the repeat shows %s", again.body)
	}
	n.clock.pass(10*time.Minute - time.Second)
	if again := n.must("POST", tokens, "", x.as("Ow")[0], "Idempotency-Key: once"); again.body != made.body {
		t.Errorf("the repeat within ten minutes shows %s", again.body)
	}
	n.clock.pass(2 * time.Second)
	later := n.must("POST", tokens, "", x.as("Ow")[0], "Idempotency-Key: once")
	if later.text(t, "token") == token {
		t.Error("the token is shown again after ten minutes")
	}
	list := x.must("Ow", "GET", tokens, "")
	if strings.Contains(list.body, token) || !strings.Contains(list.body, id) || strings.Contains(list.body, "token\"") {
		t.Errorf("the list: %s", list.body)
	}
	var kept int
	if err := n.db.QueryRow(t.Context(), `select count(*) from agent_tokens where agent_id = $1`, x.agent["Wo"]).Scan(&kept); err != nil || kept != 3 {
		t.Errorf("%d tokens are kept, want those in force, 3 (%v)", kept, err)
	}
	if got := n.withToken(token); got.status != 200 || got.text(t, "agent_id") != x.agent["Wo"] {
		t.Errorf("%d %s", got.status, got.body)
	}
	used := x.must("Ow", "GET", tokens, "").body
	if !strings.Contains(used, `"last_used_at":"`) {
		t.Errorf("no last use: %s", used)
	}
	if dump := n.dump(); strings.Contains(dump, token) {
		t.Error("the token stands in the database")
	}
	if strings.Contains(n.log.String(), token) {
		t.Error("the token stands in the log")
	}
}

// TestRevokedTokenStops at once where it was revoked and within a second in
// other processes, which hear of it or not.
func TestRevokedTokenStops(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{true, false} {
		first, second := twoNodes(t, told)
		x := first.tenant("acme")
		sameHead(t, first, second)
		token := x.token["Wo"]
		for _, n := range []*node{first, second} {
			if got := n.withToken(token); got.status != 200 {
				t.Fatalf("%d %s", got.status, got.body)
			}
		}
		x.must("Ow", "DELETE", v1+"/agents/"+x.agent["Wo"]+"/tokens/"+x.tokenID["Wo"], "")
		began := time.Now()
		if got := first.withToken(token); got.status != 401 {
			t.Errorf("it still works: %d", got.status)
		}
		for second.withToken(token).status != 401 {
			if took := time.Since(began); took > 1500*time.Millisecond {
				t.Fatalf("it works in the other process after %v", took)
			}
		}
		t.Logf("told %v: stopped in the other process after %v", told, time.Since(began))
		if got := x.do("Ow", "DELETE", v1+"/agents/"+x.agent["Wo"]+"/tokens/"+x.tokenID["Wo"], ""); got.status != 404 {
			t.Errorf("revoked again: %d %s", got.status, got.body)
		}
	}
}

// imported puts an agent of the original in place, whose token is known by its
// hash alone.
func (x *tenant) imported(token string, rounds int) {
	t := x.n.t
	t.Helper()
	salt := []byte("sixteen bytes ok")
	digest := pbkdf2.Key([]byte(token), salt, rounds, 32, sha256.New)
	hash := fmt.Sprintf("pbkdf2_sha256$%d$%s$%s", rounds, base64.RawURLEncoding.EncodeToString(salt), base64.RawURLEncoding.EncodeToString(digest))
	id := uuid.New()
	agents := eventstore.For[agent.Agent, agent.Event](x.n.Store, "agent")
	err := x.n.Store.Do(t.Context(), func(d *eventstore.Decision) error {
		return agents.In(d, uuid.MustParse(x.org), uuid.MustParse(x.agent["Ot"])).Decide(agent.IssueToken{ID: id})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.n.db.Exec(t.Context(), `insert into agent_tokens (id, agent_id, imported_hash) values ($1, $2, $3)`, id, x.agent["Ot"], hash); err != nil {
		t.Fatal(err)
	}
}

func TestImportedTokens(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	const one, other, rounds = "Zk9vYmFyYmF6cXV4MDEyMzQ1Njc4OWFiY2RlZmdoaWo", "another-token-of-the-original-0123456789-abc", 200_000
	x.imported(one, rounds)
	x.imported(other, rounds)
	left := func() (n int) {
		if err := x.n.db.QueryRow(t.Context(), `select count(*) from agent_tokens where lookup is null`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := n.withToken(one); got.status != 200 || got.text(t, "agent_id") != x.agent["Ot"] || left() != 1 {
		t.Fatalf("%d %s, %d hashes left", got.status, got.body, left())
	}
	for range 2 {
		if got := n.do("GET", healthz, "", "Authorization: Bearer "+other); got.status != 200 || left() != 0 {
			t.Fatalf("%d %s, %d hashes left", got.status, got.body, left())
		}
	}
	var statements []string
	began := time.Now()
	const tries = 20
	statements = n.sql.during(func() {
		for i := range tries {
			if got := n.withToken(fmt.Sprintf("unknown-%d", i)); got.status != 401 {
				t.Errorf("%d %s", got.status, got.body)
			}
		}
	})
	for _, sql := range statements {
		if strings.Contains(sql, "imported_hash from") {
			t.Error("an unknown token has the hashes read although none are left")
		}
	}
	// One derivation takes more than all of these together may.
	derivation := time.Now()
	auth.VerifyLegacy("pbkdf2_sha256$200000$c2l4dGVlbiBieXRlcyBvaw$"+base64.RawURLEncoding.EncodeToString(make([]byte, 32)), one)
	cost := time.Since(derivation)
	if took := derivation.Sub(began); took > tries/2*cost {
		t.Errorf("%d unknown tokens took %v; one derivation takes %v", tries, took, cost)
	}
	if got := n.withToken(one); got.status != 200 {
		t.Errorf("the upgraded token: %d", got.status)
	}
}

func TestTriesAreLimited(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{tries: 20})
	x := n.tenant("acme")
	good := x.token["Wo"]
	for i := range 20 {
		got := n.withToken(fmt.Sprint("wrong", i))
		if got.status != 401 || got.header.Get("Retry-After") != "" {
			t.Fatalf("try %d: %d %s %v", i, got.status, got.body, got.header)
		}
		if want := fmt.Sprintf(`"agent_auth";r=%d;t=60`, 19-i); got.header.Get("RateLimit") != want || got.header.Get("RateLimit-Policy") != `"agent_auth";q=20;w=60` {
			t.Errorf("try %d: RateLimit %q, want %q; RateLimit-Policy %q", i, got.header.Get("RateLimit"), want, got.header.Get("RateLimit-Policy"))
		}
	}
	got := n.withToken("wrong")
	wait, err := strconv.Atoi(got.header.Get("Retry-After"))
	if got.status != 429 || got.value0("detail") != "Too Many Requests" || err != nil || wait < 1 || wait > 60 || !strings.Contains(got.header.Get("RateLimit"), "r=0") {
		t.Errorf("%d %s %v", got.status, got.body, got.header)
	}
	for _, forged := range []string{"X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9", "X-Real-IP: 203.0.113.9", "X-Forwarded-For: 203.0.113.9, 203.0.113.10"} {
		if got := n.withToken("wrong", forged); got.status != 429 {
			t.Errorf("with %s: %d", forged, got.status)
		}
	}
	if got := n.do("GET", v1+"/boards/"+x.board+"/tasks", "", "Authorization: Bearer nobody"); got.status != 429 {
		t.Errorf("a wrong bearer token of a route for both: %d %s", got.status, got.body)
	}
	if got := n.withToken(good); got.status != 200 {
		t.Errorf("a token known good: %d %s", got.status, got.body)
	}
	x.newAgent("New", x.board, false)
	if got := n.withToken(x.token["New"]); got.status != 200 {
		t.Errorf("a token that was just made: %d %s", got.status, got.body)
	}
	if got := n.do("GET", healthz, "", forget); got.status != 401 {
		t.Errorf("no token: %d", got.status)
	}
	x.must("Ow", "GET", v1+"/boards/"+x.board+"/tasks", "")
	n.clock.pass(61 * time.Second)
	if got := n.withToken("wrong"); got.status != 401 {
		t.Errorf("a minute later: %d", got.status)
	}
}

// TestAddressBehindProxies: proxies that are trusted are walked from the right.
func TestAddressBehindProxies(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{tries: 3, proxies: "127.0.0.0/8, ::1, 10.0.0.0/8"})
	for i := range 8 { // what a client writes itself stands to the left of its address
		got := n.withToken("wrong", fmt.Sprintf("X-Forwarded-For: 198.51.100.%d, 203.0.113.9, 10.1.2.3", i))
		if want := map[bool]int{true: 401, false: 429}[i < 3]; got.status != want {
			t.Errorf("try %d: %d, want %d", i, got.status, want)
		}
	}
	if got := n.withToken("wrong", "X-Forwarded-For: 203.0.113.10, 10.1.2.3"); got.status != 401 {
		t.Errorf("another address: %d", got.status)
	}
}

func TestStrictLimit(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{tries: 20, counts: auth.CountAll})
	x := n.tenant("acme")
	for i := range 21 {
		got := n.withToken(x.token["Wo"])
		if want := map[bool]int{true: 200, false: 429}[i < 20]; got.status != want {
			t.Fatalf("request %d: %d, want %d", i, got.status, want)
		}
	}
	if got := n.withToken(x.token["Wo"]); got.header.Get("Retry-After") == "" {
		t.Errorf("%v", got.header)
	}
}

// TestManyAgentsBehindOneAddress: after a restart, and with the address limited
// by somebody else, all of them are served at once.
func TestManyAgentsBehindOneAddress(t *testing.T) {
	t.Parallel()
	url := pgtest.Clone(t)
	first := startNode(t, nodeConfig{url: url})
	x := first.tenant("acme")
	const crowd = 100
	tokens := make([]string, crowd)
	for i := range tokens {
		key := fmt.Sprint("agent", i)
		x.newAgent(key, x.board, false)
		tokens[i] = x.token[key]
	}
	restarted := startNode(t, nodeConfig{url: url, tries: 20})
	for range 25 {
		restarted.withToken("wrong")
	}
	if got := restarted.withToken("wrong"); got.status != 429 {
		t.Fatalf("the address is not limited: %d", got.status)
	}
	var all sync.WaitGroup
	for _, token := range tokens {
		all.Go(func() {
			got, err := restarted.try(t.Context(), "GET", healthz, strings.NewReader(""), forget, "X-Agent-Token: "+token)
			if err != nil || got.status != 200 {
				t.Errorf("%d %s %v", got.status, got.body, err)
			}
		})
	}
	all.Wait()
}

// TestOddCredentials answers what no client should send.
func TestOddCredentials(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	address := strings.TrimPrefix(n.url, "http://")
	big := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct {
		header string
		want   []string
	}{
		"bytes beyond ASCII, as an agent":  {"X-Agent-Token: mcagt_\xff\xfe\x80", []string{"401"}},
		"bytes beyond ASCII, as a bearer":  {"Authorization: Bearer \xc3\xa9\xff", []string{"401"}},
		"a token in another alphabet":      {"Authorization: Bearer пароль", []string{"401"}},
		"a bearer without a token":         {"Authorization: Bearer", []string{"401"}},
		"another scheme":                   {"Authorization: Basic Zm9vOmJhcg==", []string{"401"}},
		"a megabyte as an agent":           {"X-Agent-Token: " + big, []string{"431", "400"}},
		"a megabyte as a bearer":           {"Authorization: Bearer " + big, []string{"431", "400"}},
		"a megabyte of another header":     {"X-Whatever: " + big, []string{"431", "400"}},
		"sixty kilobytes, which may pass":  {"X-Agent-Token: " + big[:60<<10], []string{"401", "431"}},
		"a NUL in the token":               {"X-Agent-Token: a\x00b", []string{"400"}},
		"a forged address":                 {"X-Forwarded-For: not an address, \xff", []string{"401"}},
		"a forged Forwarded":               {`Forwarded: for="[::1`, []string{"401"}},
		"another person's token as agent":  {"X-Agent-Token: person-" + x.person("Ow"), []string{"401"}},
		"a token with one character wrong": {"X-Agent-Token: " + x.token["Wo"][:50] + "_", []string{"401"}},
		"a token in upper case":            {"X-Agent-Token: " + strings.ToUpper(x.token["Wo"]), []string{"401"}},
		"two tokens in one":                {"X-Agent-Token: " + x.token["Wo"] + "," + x.token["Le"], []string{"401"}},
	} {
		for _, path := range []string{healthz, v1 + "/boards/" + x.board + "/tasks", v1 + "/users/me"} {
			if path == v1+"/users/me" && strings.HasPrefix(c.header, "X-Agent-Token") && len(c.want) == 1 && c.want[0] == "401" {
				continue // it knows nothing of agents
			}
			status := rawRequest(t, address, "GET "+path+" HTTP/1.1\r\nHost: x\r\n"+c.header+"\r\nConnection: close\r\n\r\n")
			ok := false
			for _, want := range c.want {
				ok = ok || status == want
			}
			if !ok {
				t.Errorf("%s: GET %s answers %s, want %v", name, path, status, c.want)
			}
		}
	}
	if got := n.do("GET", healthz, "", "Authorization: Bearer "+x.token["Wo"]); got.status != 200 {
		t.Errorf("a good bearer token: %d", got.status)
	}
	if got := n.do("GET", healthz, "", "Authorization: Bearer "+x.token["Wo"], "X-Agent-Token: wrong"); got.status != 401 {
		t.Errorf("a wrong header is rescued by a good bearer token: %d", got.status)
	}
	if got := n.do("GET", healthz, "", "Authorization: bEaReR   "+x.token["Wo"], "X-Agent-Token:   "); got.status != 200 {
		t.Errorf("a blank header beside a good bearer token: %d", got.status)
	}
}

// rawRequest returns the status of an answer to exactly these bytes.
func rawRequest(t *testing.T, address, text string) string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = conn.Write([]byte(text)) }() // the server may hang up before it has read all
	line := make([]byte, 12)
	for n := 0; n < len(line); {
		more, err := conn.Read(line[n:])
		n += more
		if err != nil {
			return fmt.Sprintf("%q and then %v", line[:n], err)
		}
	}
	_, status, _ := strings.Cut(string(line), " ")
	return status
}

// dump is everything that the tables hold, as Postgres prints it, with the
// bytes of binary columns in the clear.
func (n *node) dump() string {
	n.t.Helper()
	rows, err := n.db.Query(n.t.Context(), `select c.table_name, string_agg(
			case when data_type = 'bytea' then format('encode(%I, ''escape'')', column_name) else format('%I::text', column_name) end, ', ')
		from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
		where table_schema = 'public' and table_type = 'BASE TABLE' group by 1`)
	if err != nil {
		n.t.Fatal(err)
	}
	var queries []string
	for rows.Next() {
		var table, columns string
		if err := rows.Scan(&table, &columns); err != nil {
			n.t.Fatal(err)
		}
		queries = append(queries, "select concat_ws(' ', '"+table+"', "+columns+") from "+table)
	}
	if err := rows.Err(); err != nil {
		n.t.Fatal(err)
	}
	var all bytes.Buffer
	for _, sql := range queries {
		rows, err := n.db.Query(n.t.Context(), sql)
		if err != nil {
			n.t.Fatal(err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				n.t.Fatal(err)
			}
			all.WriteString(line + "\n")
		}
		if err := rows.Err(); err != nil {
			n.t.Fatal(err)
		}
	}
	return all.String()
}

// stock stores agents beside the few of a tenant, past the log: recognising one
// must not depend on how many there are.
func stock(b *testing.B, n *node, count int) {
	b.Helper()
	_, err := n.db.Exec(b.Context(), `insert into agent_tokens (id, agent_id, lookup)
		select gen_random_uuid(), gen_random_uuid(), decode(md5(i::text) || md5('x' || i), 'hex') from generate_series(1, $1) i`, count)
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAgentAuthentication prints what it costs to recognise an agent, with
// few and with 10 000 agents stored.
func BenchmarkAgentAuthentication(b *testing.B) {
	for _, stored := range []int{0, 10_000} {
		n := startNode(b, nodeConfig{})
		x := n.tenant("acme")
		stock(b, n, stored)
		ctx, token := b.Context(), x.token["Wo"]
		verify := func(b *testing.B, known *auth.Agents, token string, want error) {
			b.Helper()
			if _, err := known.Verify(ctx, token); err != want { //nolint:errorlint // sentinels, unwrapped
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("cached/stored=%d", stored), func(b *testing.B) {
			for b.Loop() {
				verify(b, n.Agents, token, nil)
			}
		})
		b.Run(fmt.Sprintf("request/stored=%d", stored), func(b *testing.B) {
			r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), "GET", "/", nil)
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("X-Agent-Token", token)
			for b.Loop() {
				if _, err := n.asAgent(r.Context(), params{r}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("uncached/stored=%d", stored), func(b *testing.B) {
			tokens := projections.Tokens{Reader: n.Read}
			lookup := auth.Lookup(tokenKey, token)
			for b.Loop() { // the indexed read is what a hit of the cache saves
				if ref, _, err := tokens.Find(ctx, lookup); err != nil || ref.ID == uuid.Nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("unknown/stored=%d", stored), func(b *testing.B) {
			for b.Loop() {
				verify(b, n.Agents, auth.NewAgentToken(), auth.ErrUnauthorized)
			}
		})
	}
}
