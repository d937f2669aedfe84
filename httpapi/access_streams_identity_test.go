package httpapi

import (
	"strings"
	"sync"
	"testing"
	"time"

	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
)

// twoNodes are two processes on one database. Told, they learn of each other's
// batches at once, as over the bus; else by looking at the log every second.
func twoNodes(t *testing.T, told bool) (first, second *node) {
	t.Helper()
	url := pgtest.Clone(t)
	var mu sync.Mutex
	var one, other *node
	tell := func(to **node) func(eventstore.Batch) {
		return func(b eventstore.Batch) {
			mu.Lock()
			n := *to
			mu.Unlock()
			if n == nil || !told {
				return
			}
			entries := make([][]byte, len(b.Events))
			for i, e := range b.Events {
				entries[i] = e.Entry
			}
			n.Store.Receive(n.Store.Epoch(), b.First, b.Last, entries, b.Frames)
		}
	}
	first = startNode(t, nodeConfig{url: url, tell: tell(&other)})
	second = startNode(t, nodeConfig{url: url, tell: tell(&one)})
	mu.Lock()
	one, other = first, second
	mu.Unlock()
	return first, second
}

// on is the tenant as another process serves it.
func (x *tenant) on(n *node) *tenant {
	y := *x
	y.n = n
	return &y
}

// TestAccessReachesStreams: a change of access made in one process ends or
// narrows open streams in every process.
func TestAccessReachesStreams(t *testing.T) {
	t.Parallel()
	for name, told := range map[string]bool{"over the bus": true, "without a bus": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := twoNodes(t, told)
			limit := time.Second
			if !told {
				limit = 1500 * time.Millisecond // the look at the log takes up to one of these seconds
			}
			x := first.tenant("acme")
			sameHead(t, first, second)
			t.Run("removing a member", func(t *testing.T) { removingAMember(t, x, second, limit) })
			t.Run("narrowing board access", func(t *testing.T) { narrowing(t, x, second, limit) })
			t.Run("tokens and agents", func(t *testing.T) { tokensAndAgents(t, x, second, limit) })
			t.Run("deleting the organization", func(t *testing.T) { deletingOrganization(t, first, second, limit) })
		})
	}
}

func boardTails(x *tenant, kind string, nodes ...*node) (tails []*tail) {
	for _, n := range nodes {
		for _, topic := range []string{"tasks", "memory"} {
			tails = append(tails, x.on(n).tail(kind, "/boards/"+x.board+"/"+topic+"/stream"))
		}
	}
	return tails
}

func inboxTails(x *tenant, kind string, nodes ...*node) (tails []*tail) {
	for _, n := range nodes {
		tails = append(tails, x.on(n).tail(kind, "/agent/inbox/stream"))
	}
	return tails
}

func allEnd(t *testing.T, limit time.Duration, why string, tails ...*tail) {
	t.Helper()
	for _, s := range tails {
		s.endsWithin(t, limit, why)
	}
}

func removingAMember(t *testing.T, x *tenant, second *node, limit time.Duration) {
	t.Helper()
	tails := append(boardTails(x, "Ad", x.n, second), x.tail("Ad", "/agents/stream"), x.on(second).tail("Ad", "/agents/stream"))
	stays := x.on(second).tail("A0", "/agents/stream")
	x.must("Ow", "DELETE", v1+"/organizations/me/members/"+x.member["Ad"], "")
	allEnd(t, limit, "its member was removed", tails...)
	x.must("Ow", "PATCH", v1+"/organizations/me/members/"+x.member["A0"], `{"role":"member"}`)
	allEnd(t, limit, "its admin became a plain member", stays)
}

func narrowing(t *testing.T, x *tenant, second *node, limit time.Duration) {
	t.Helper()
	x.must("Ow", "PATCH", v1+"/organizations/me/members/"+x.member["Mr"], `{"role":"admin"}`)
	sameHead(t, x.n, second)
	tails := append(boardTails(x, "Mw", x.n, second), boardTails(x, "Mr", x.n, second)...)
	agents := []*tail{x.tail("Mr", "/agents/stream"), x.on(second).tail("Mr", "/agents/stream")}
	x.must("Ow", "PATCH", v1+"/agents/"+x.agent["Wo"], `{"soul_template":"while open"}`)
	for _, s := range agents {
		s.until(t, "while open")
	}
	x.must("Ow", "PUT", v1+"/organizations/me/members/"+x.member["Mw"]+"/access", `{}`)
	x.must("Ow", "PUT", v1+"/organizations/me/members/"+x.member["Mr"]+"/access", `{"board_access":[{"board_id":"`+x.other+`"}]}`)
	x.must("Ow", "PATCH", v1+"/agents/"+x.agent["Wo"], `{"soul_template":"after it was closed"}`)
	x.must("Ow", "PATCH", v1+"/agents/"+x.agent["Ot"], `{"soul_template":"on the other board"}`)
	allEnd(t, limit, "access to its board was narrowed", tails...)
	for _, s := range agents {
		s.until(t, "on the other board")
		if text := s.text(); len(text) == 0 || strings.Contains(text, "after it was closed") {
			t.Errorf("the stream of agents is not narrowed:\n%s", text)
		}
	}
}

func tokensAndAgents(t *testing.T, x *tenant, second *node, limit time.Duration) {
	t.Helper()
	old, oldID := append(boardTails(x, "Wo", x.n, second), inboxTails(x, "Wo", x.n, second)...), x.tokenID["Wo"]
	x.newToken("Wo")
	sameHead(t, x.n, second)
	fresh := append(boardTails(x, "Wo", x.n, second), inboxTails(x, "Wo", x.n, second)...)
	lead := boardTails(x, "Le", x.n, second)
	x.must("Ow", "DELETE", v1+"/agents/"+x.agent["Wo"]+"/tokens/"+oldID, "")
	allEnd(t, limit, "its token was revoked", old...)
	x.must("Ow", "POST", v1+"/boards/"+x.board+"/memory", `{"content":"still here"}`)
	fresh[1].until(t, "still here")
	fresh[3].until(t, "still here")
	x.must("Le", "DELETE", v1+"/agent/boards/"+x.board+"/agents/"+x.agent["Wo"], "")
	allEnd(t, limit, "its agent was deleted", fresh...)
	x.must("Ow", "PATCH", v1+"/agents/"+x.agent["Le"], `{"board_id":"`+x.other+`"}`)
	allEnd(t, limit, "its agent was moved to another board", lead...)
}

func deletingOrganization(t *testing.T, first, second *node, limit time.Duration) {
	t.Helper()
	y := first.tenant("doomed")
	sameHead(t, first, second)
	tails := append(boardTails(y, "Mw", first, second), boardTails(y, "Wo", first, second)...)
	tails = append(tails, boardTails(y, "Ma", first, second)...)
	tails = append(tails, append(inboxTails(y, "Ma", first, second), inboxTails(y, "Wo", first, second)...)...)
	tails = append(tails, y.tail("Ow", "/agents/stream"), y.on(second).tail("Ow", "/agents/stream"))
	y.must("Ow", "DELETE", v1+"/organizations/me", "")
	for _, kind := range []string{"Le", "Wo", "Ma"} {
		for _, path := range []string{"/agent/healthz", "/agent/boards", "/agent/agents", "/agent/boards/" + y.board + "/memory", "/boards/" + y.board + "/tasks"} {
			if got := y.do(kind, "GET", v1+path, ""); got.status != 401 {
				t.Errorf("%s of a deleted organization: GET %s: %d %s", kind, path, got.status, got.body)
			}
		}
		for _, path := range []string{"/agent/heartbeat", "/agent/boards/" + y.board + "/memory"} {
			if got := y.do(kind, "POST", v1+path, `{"content":"ghost"}`); got.status != 401 {
				t.Errorf("%s of a deleted organization: POST %s: %d %s", kind, path, got.status, got.body)
			}
		}
	}
	if got := y.do("Mw", "GET", v1+"/boards/"+y.board, ""); got.status != 404 {
		t.Errorf("a board of a deleted organization: %d %s", got.status, got.body)
	}
	allEnd(t, limit, "its organization was deleted", tails...)
	eventually(t, 10*time.Second, "nothing is left of the organization beside the log", func() bool {
		var left int
		err := first.db.QueryRow(t.Context(), `select (select count(*) from boards where organization_id = $1)
			+ (select count(*) from members where organization_id = $1) + (select count(*) from invites where organization_id = $1)
			+ (select count(*) from agents where organization_id = $1) + (select count(*) from agent_tokens where agent_id = any($2::uuid[]))
			+ (select count(*) from agent_presence where agent_id = any($2::uuid[])) + (select count(*) from secrets where id = $3)
			+ (select count(*) from person_keys where id = $3 and sealed is not null)`,
			y.org, []string{y.agent["Le"], y.agent["Wo"], y.agent["Ot"], y.agent["Ma"]}, y.invite).Scan(&left)
		if err != nil {
			t.Fatal(err)
		}
		return left == 0
	})
}
