package httpapi

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// row is what one route answers to the twelve kinds of callers, in the order of
// kinds. The cells are those of the permission matrix: + allowed, o allowed on
// what is the caller's own, e allowed but nothing to see, 1 401, 4 404; and
// refusals with 403 or 422 by their text, see cellText.
type row struct {
	name  string
	cells string
	body  func(x *tenant, kind string) string // nil: none
	path  func(x *tenant, kind string) string // nil: ids of the tenant in the pattern
	own   bool                                // the row gets a tenant of its own: its requests break it
	last  bool                                // the owner asks last: its request ends the tenant
}

func cellText() map[string]string {
	return map[string]string{
		"3": "403 Forbidden", "B": "403 Board access denied", "N": "403 No org access",
		"O": "403 Only organization owners can delete organizations", "R": "403 Only owners can remove owners",
		"S": "403 You cannot remove yourself from the organization", "C": "403 Only board leads can create agents",
		"L": "403 Only board leads can perform this action", "W": "422 Organization must have at least one owner",
		"P": "403 Only owners can change the board access of owners", "G": "403 Only owners can grant or change the owner role",
		"Q": "422 board_id is required", "I": "422 ", // an object tells why
	}
}

func body(text string) func(*tenant, string) string {
	return func(*tenant, string) string { return text }
}

// at fills a pattern with a tenant's ids; a pair overrides one of them.
func (x *tenant) at(pattern string, pairs ...string) string {
	return strings.NewReplacer(append(pairs, "{board_id}", x.board, "{task_id}", x.task, "{member_id}", x.member["M0"],
		"{invite_id}", x.invite, "{agent_id}", x.agent["Wo"], "{token_id}", x.tokenID["Wo"])...).Replace(pattern)
}

func withID(pattern, param string, id func(x *tenant, kind string) string) func(*tenant, string) string {
	return func(x *tenant, kind string) string { return x.at(pattern, param, id(x, kind)) }
}

// forAll and the like name columns that many routes share.
const (
	forAll     = "+ + + + + + + + + + + +"
	forPeople  = "+ + + + + + + 1 1 1 1 1"
	forMembers = "+ + + + + + o 1 1 1 1 1"
	forAdmins  = "+ + + 3 3 3 o 1 1 1 1 1"
	forAdmins4 = "+ + + 3 3 3 4 1 1 1 1 1"
	forAgents  = "1 1 1 1 1 1 1 + + + + 1"
)

// permissions is the whole matrix. A route without a row here fails the test.
func permissions() map[string][]row {
	members, agents := v1+"/organizations/me/members/{member_id}", v1+"/agents/{agent_id}"
	owner := func(x *tenant, _ string) string { return x.member["Ow"] }
	main := func(x *tenant, _ string) string { return x.agent["Ma"] }
	unknown := func(*tenant, string) string { return uuid.NewString() }
	somebody := func(x *tenant, _ string) string { return x.somebody() }
	worker := func(x *tenant, _ string) string { return x.newAgent("W"+uuid.NewString(), x.board, false) }
	boardID := func(text string) func(*tenant, string) string {
		return func(x *tenant, kind string) string {
			return strings.NewReplacer("BOARD", x.board, "NAME", x.name+" "+kind).Replace(text)
		}
	}
	title := body(`{"title":"T"}`)
	note := body(`{"content":"a note"}`)
	return map[string][]row{
		"GET /health":  {{cells: forAll}},
		"GET /healthz": {{cells: forAll}},
		"GET /readyz":  {{cells: forAll}},

		"POST /api/v1/auth/bootstrap": {{cells: forPeople}},
		"GET /api/v1/users/me":        {{cells: forPeople}},
		"PATCH /api/v1/users/me":      {{cells: forPeople, body: body(`{"notes":"n"}`)}},
		// The last owner of an organization that others belong to cannot leave.
		"DELETE /api/v1/users/me": {{cells: "W + + + + + + 1 1 1 1 1", own: true}},

		"POST /api/v1/organizations":        {{cells: forPeople, body: func(x *tenant, kind string) string { return `{"name":"` + x.name + kind + `"}` }, own: true}},
		"GET /api/v1/organizations/me/list": {{cells: forMembers}},
		"PATCH /api/v1/organizations/me/active": {
			{cells: "+ + + + + + N 1 1 1 1 1", body: func(x *tenant, _ string) string { return `{"organization_id":"` + x.org + `"}` }},
			{name: "unknown", cells: "N N N N N N N 1 1 1 1 1", body: body(`{"organization_id":"00000000-0000-4000-8000-000000000007"}`)},
		},
		"GET /api/v1/organizations/me":         {{cells: forMembers}},
		"DELETE /api/v1/organizations/me":      {{cells: "+ O O 3 3 3 o 1 1 1 1 1", own: true, last: true}},
		"GET /api/v1/organizations/me/member":  {{cells: forMembers}},
		"GET /api/v1/organizations/me/members": {{cells: forMembers}},
		"GET " + members: {
			{name: "own", cells: forPeople, path: withID(members, "{member_id}", func(x *tenant, kind string) string {
				if id := x.member[kind]; id != "" {
					return id
				}
				if kind != "Fo" {
					return x.member["M0"]
				}
				return x.do(kind, "GET", v1+"/organizations/me/member", "").value0("id")
			})},
			{name: "others", cells: forAdmins4, path: withID(members, "{member_id}", owner)},
			{name: "unknown", cells: "4 4 4 4 4 4 4 1 1 1 1 1", path: withID(members, "{member_id}", unknown)},
		},
		"PATCH " + members: {
			{name: "raised", cells: forAdmins4, body: body(`{"role":"admin"}`), path: withID(members, "{member_id}", somebody)},
			{name: "made an owner", cells: "+ G G 3 3 3 4 1 1 1 1 1", body: body(`{"role":"owner"}`), own: true, path: withID(members, "{member_id}", somebody)},
			{name: "an owner", cells: "W G G 3 3 3 4 1 1 1 1 1", body: body(`{"role":"member"}`), path: withID(members, "{member_id}", owner)},
		},
		"PUT " + members + "/access": {
			{cells: forAdmins4, body: body(`{"all_boards_read":true}`), path: withID(members+"/access", "{member_id}", somebody)},
			{name: "an owner's", cells: "+ P P 3 3 3 4 1 1 1 1 1", body: body(`{"all_boards_write":true}`), path: withID(members+"/access", "{member_id}", owner)},
		},
		"DELETE " + members: {
			{cells: forAdmins4, path: withID(members, "{member_id}", somebody)},
			{name: "the owner", cells: "S R R 3 3 3 4 1 1 1 1 1", path: withID(members, "{member_id}", owner)},
		},
		"GET /api/v1/organizations/me/invites": {{cells: forAdmins}},
		"POST /api/v1/organizations/me/invites": {{cells: forAdmins, body: func(x *tenant, kind string) string {
			return `{"invited_email":"` + strings.ToLower(kind) + `-by-` + x.name + `@example.org"}`
		}}},
		"DELETE /api/v1/organizations/me/invites/{invite_id}": {{cells: forAdmins4, path: withID(v1+"/organizations/me/invites/{invite_id}", "{invite_id}", func(x *tenant, _ string) string {
			return x.newInvite(uuid.NewString() + "@example.org").value0("id")
		})}},
		"POST /api/v1/organizations/invites/accept": {{cells: forPeople, body: func(x *tenant, kind string) string {
			if len(x.as(kind)) > 1 { // no person
				return `{"token":"none"}`
			}
			// another organization invites each of them
			host := &tenant{n: x.n, name: x.name + "-host-" + kind}
			host.must("Ow", "POST", v1+"/organizations", `{"name":"`+host.name+`"}`)
			return `{"token":"` + host.newInvite(x.email(kind)).value0("token") + `"}`
		}, own: true}},

		"GET /api/v1/boards": {{cells: "+ + e + + e o 1 1 1 1 1"}},
		"POST /api/v1/boards": {{cells: forAdmins, body: body(
			`{"name":"B","slug":"b","description":"B","board_type":"general"}`)}},
		"GET /api/v1/boards/{board_id}": {{cells: "+ + B + + B N 1 1 1 1 1"}, {
			name: "unknown", cells: "4 4 4 4 4 4 4 1 1 1 1 1",
			path: withID(v1+"/boards/{board_id}", "{board_id}", unknown),
		}},

		"GET /api/v1/boards/{board_id}/tasks":        {{cells: "+ + B + + B N + + 3 + 1"}},
		"GET /api/v1/boards/{board_id}/tasks/stream": {{cells: "+ + B + + B N + + 3 + 1"}},
		"POST /api/v1/boards/{board_id}/tasks":       {{cells: "+ + B + B B N 1 1 1 1 1", body: title}},
		"DELETE /api/v1/boards/{board_id}/tasks/{task_id}": {
			{cells: "+ + B + B B N 1 1 3 1 1", path: withID(v1+"/boards/{board_id}/tasks/{task_id}", "{task_id}", func(x *tenant, _ string) string {
				return x.must("Ow", "POST", v1+"/boards/"+x.board+"/tasks", `{"title":"T"}`).value0("id")
			})},
			{name: "unknown", cells: "4 4 B 4 4 B N 4 4 3 4 1", path: withID(v1+"/boards/{board_id}/tasks/{task_id}", "{task_id}", unknown)},
		},
		"GET /api/v1/boards/{board_id}/memory":        {{cells: "+ + B + + B N + + 3 + 1"}},
		"GET /api/v1/boards/{board_id}/memory/stream": {{cells: "+ + B + + B N + + 3 + 1"}},
		"POST /api/v1/boards/{board_id}/memory":       {{cells: "+ + B + B B N + + 3 + 1", body: note}},

		"GET /api/v1/agents": {
			{cells: forAdmins},
			{name: "of the board", cells: "+ + 3 3 3 3 3 1 1 1 1 1", path: func(x *tenant, _ string) string { return v1 + "/agents?board_id=" + x.board }},
		},
		"GET /api/v1/agents/stream": {
			{cells: forAdmins},
			{name: "of the board", cells: "+ + 3 3 3 3 3 1 1 1 1 1", path: func(x *tenant, _ string) string { return v1 + "/agents/stream?board_id=" + x.board }},
		},
		"POST /api/v1/agents": {
			{cells: "+ + B 3 3 3 N + C C C 1", body: boardID(`{"name":"NAME 1","board_id":"BOARD"}`)},
			{name: "no board", cells: "Q Q Q 3 3 3 Q + C C C 1", body: boardID(`{"name":"NAME 2"}`)},
		},
		"POST /api/v1/agents/heartbeat": {
			// By name within the organization alone (W28): a stranger is asked for a board of its own.
			{name: "board agent", cells: "+ + 3 3 3 3 Q + + + + 1", body: func(x *tenant, _ string) string { return `{"name":"` + x.name + ` Wo"}` }},
			{name: "main agent", cells: "+ + + 3 3 3 Q + + + + 1", body: func(x *tenant, _ string) string { return `{"name":"` + x.name + ` Ma"}` }},
			{name: "create", cells: "+ + B 3 3 3 N + + + + 1", body: boardID(`{"name":"NAME 3","board_id":"BOARD"}`)},
		},
		"GET " + agents: {
			{cells: "+ + 3 3 3 3 4 1 1 1 1 1"},
			{name: "main agent", cells: forAdmins4, path: withID(agents, "{agent_id}", main)},
			{name: "unknown", cells: "4 4 4 3 3 3 4 1 1 1 1 1", path: withID(agents, "{agent_id}", unknown)},
		},
		"PATCH " + agents: {
			{cells: "+ + 3 3 3 3 4 1 1 1 1 1", body: body(`{"soul_template":"s"}`)},
			{name: "main agent", cells: forAdmins4, path: withID(agents, "{agent_id}", main), body: body(`{"soul_template":"s"}`)},
		},
		"DELETE " + agents: {
			{cells: "+ + 3 3 3 3 4 1 1 1 1 1", path: withID(agents, "{agent_id}", worker)},
			{name: "main agent", cells: forAdmins4, path: withID(agents, "{agent_id}", func(x *tenant, _ string) string {
				id, token := x.agent["Ma"], x.token["Ma"]
				defer func() { x.agent["Ma"], x.token["Ma"] = id, token }()
				x.mainAgent()
				return x.agent["Ma"]
			})},
			{name: "unknown", cells: "+ + + 3 3 3 + 1 1 1 1 1", path: withID(agents, "{agent_id}", unknown)},
		},
		"POST " + agents + "/heartbeat": {
			{name: "another's", cells: "+ + 3 3 3 3 4 3 3 3 3 1", body: body(`{}`), path: withID(agents+"/heartbeat", "{agent_id}", func(x *tenant, kind string) string {
				if kind == "Wo" {
					return x.agent["Le"]
				}
				return x.agent["Wo"]
			})},
			{name: "own", cells: "+ + 3 3 3 3 4 + + + + 1", body: body(`{}`), path: withID(agents+"/heartbeat", "{agent_id}", func(x *tenant, kind string) string {
				if id := x.agent[kind]; id != "" {
					return id
				}
				return x.agent["Wo"]
			})},
		},
		"POST " + agents + "/tokens": {{cells: "+ + 3 3 3 3 4 1 1 1 1 1"}, {name: "main agent", cells: forAdmins4, path: withID(agents+"/tokens", "{agent_id}", main)}},
		"GET " + agents + "/tokens":  {{cells: "+ + 3 3 3 3 4 1 1 1 1 1"}},
		"DELETE " + agents + "/tokens/{token_id}": {{cells: "+ + 3 3 3 3 4 1 1 1 1 1", path: func(x *tenant, _ string) string {
			return x.at(agents+"/tokens/{token_id}", "{token_id}", x.must("Ow", "POST", x.at(agents+"/tokens"), "").value0("id"))
		}}},

		"GET /api/v1/agent/healthz":           {{cells: forAgents}},
		"GET /api/v1/agent/boards":            {{cells: forAgents}},
		"GET /api/v1/agent/boards/{board_id}": {{cells: "1 1 1 1 1 1 1 + + 3 + 1"}, {name: "unknown", cells: "1 1 1 1 1 1 1 4 4 4 4 1", path: withID(v1+"/agent/boards/{board_id}", "{board_id}", unknown)}},
		"GET /api/v1/agent/agents": {
			{cells: forAgents},
			{name: "of the board", cells: "1 1 1 1 1 1 1 + + 3 + 1", path: func(x *tenant, _ string) string { return v1 + "/agent/agents?board_id=" + x.board }},
		},
		"POST /api/v1/agent/agents":                                {{cells: "1 1 1 1 1 1 1 + L L L 1", body: boardID(`{"name":"NAME 4"}`)}},
		"GET /api/v1/agent/boards/{board_id}/tasks":                {{cells: "1 1 1 1 1 1 1 + + 3 + 1"}},
		"GET /api/v1/agent/boards/{board_id}/memory":               {{cells: "1 1 1 1 1 1 1 + + 3 + 1"}},
		"POST /api/v1/agent/boards/{board_id}/memory":              {{cells: "1 1 1 1 1 1 1 + + 3 + 1", body: note}},
		"POST /api/v1/agent/heartbeat":                             {{cells: forAgents}},
		"DELETE /api/v1/agent/boards/{board_id}/agents/{agent_id}": {{cells: "1 1 1 1 1 1 1 + L 3 L 1", path: withID(v1+"/agent/boards/{board_id}/agents/{agent_id}", "{agent_id}", worker)}},
	}
}

// somebody is a new plain member.
func (x *tenant) somebody() string {
	x.n.t.Helper()
	kind := uuid.NewString()
	x.invited(kind, `"role":"member"`)
	return x.member[kind]
}

// value0 is value for text where a missing one is no failure yet.
func (a answer) value0(key string) string {
	_, rest, _ := strings.Cut(a.body, `"`+key+`":"`)
	text, _, _ := strings.Cut(rest, `"`)
	return text
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	shared := n.tenant("acme")
	matrix, tenants := permissions(), 0
	maps.Copy(matrix, labelPermissions())
	maps.Copy(matrix, groupPermissions())
	maps.Copy(matrix, taskPermissions())
	maps.Copy(matrix, activityPermissions())
	maps.Copy(matrix, inboxPermissions())
	maps.Copy(matrix, auditPermissions())
	maps.Copy(matrix, trailPermissions())
	signs(t, n.Store)
	for _, rt := range n.routes() {
		key := rt.method + " " + rt.pattern
		rows := matrix[key]
		delete(matrix, key)
		if len(rows) == 0 {
			t.Errorf("%s has no row in the permission matrix: add who may call it", key)
		}
		for _, r := range rows {
			t.Run(strings.TrimSpace(key+" "+r.name), func(t *testing.T) {
				cells := strings.Fields(r.cells)
				if len(cells) != len(kinds) {
					t.Fatalf("%d cells for %d kinds of callers", len(cells), len(kinds))
				}
				x := shared
				if r.own {
					tenants++
					x = n.tenant(fmt.Sprint("acme", tenants))
				}
				for i := range kinds {
					if r.last {
						i = len(kinds) - 1 - i
					}
					check(t, x, kinds[i], cells[i], r, rt.method, rt.pattern)
				}
			})
		}
	}
	for key := range matrix {
		t.Errorf("the permission matrix has a row for %s, which is no route", key)
	}
}

// check sends one request and compares the answer with its cell.
func check(t *testing.T, x *tenant, kind, cell string, r row, method, pattern string) {
	t.Helper()
	path, text := x.at(pattern), ""
	if r.path != nil {
		path = r.path(x, kind)
	}
	if r.body != nil {
		text = r.body(x, kind)
	}
	got := x.ask(t, kind, method, path, text)
	want, known := cellText()[cell]
	switch {
	case known:
	case cell == "+", cell == "e", cell == "o":
		want = "200"
	case cell == "1":
		want = "401 Unauthorized"
	case cell == "4":
		want = "404 Not Found"
	default:
		t.Fatalf("no meaning of cell %q", cell)
	}
	have := fmt.Sprint(got.status)
	if got.status != http.StatusOK {
		have += " " + got.value0("detail")
	}
	if have != want {
		t.Errorf("%s: %s %s answers %q, want %q (%s)", kind, method, path, have, want, cell)
	}
	if cell == "e" && !strings.Contains(got.body, `"items":[]`) {
		t.Errorf("%s sees %s", kind, got.body)
	}
	if cell == "o" && strings.Contains(got.body, x.org) {
		t.Errorf("%s sees the organization: %s", kind, got.body)
	}
}

// ask is do that does not wait for the end of a stream.
func (x *tenant) ask(t testing.TB, kind, method, path, body string) answer {
	t.Helper()
	if !strings.Contains(path, "/stream") {
		return x.do(kind, method, path, body)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, x.n.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range x.as(kind) {
		if name, value, _ := strings.Cut(h, ": "); value != "" {
			request.Header.Set(name, value)
		}
	}
	response, err := x.n.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return answer{status: response.StatusCode, header: response.Header}
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}
