package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// idNames are the places in paths, queries and bodies where an id stands.
var idNames = []string{
	"board_id", "task_id", "member_id", "invite_id", "agent_id", "token_id", "gateway_id", "organization_id",
	"approval_id", "group_id", "tag_id", "task_custom_field_definition_id",
}

func (x *tenant) ids() map[string]string {
	return map[string]string{
		"approval_id": x.things["approval_id"], "group_id": x.things["group_id"], "tag_id": x.things["tag_id"],
		"task_custom_field_definition_id": x.things["task_custom_field_definition_id"],
		"board_id":                        x.board, "task_id": x.task, "member_id": x.member["M0"], "invite_id": x.invite, "agent_id": x.agent["Wo"],
		"token_id": x.tokenID["Wo"], "gateway_id": x.gateway, "organization_id": x.org,
	}
}

// furnish adds what else an organization can hold.
func (x *tenant) furnish() *tenant {
	x.n.t.Helper()
	made := func(path, body string) string {
		x.n.t.Helper()
		return x.must("Ow", "POST", v1+path, strings.ReplaceAll(strings.ReplaceAll(body, "NAME", x.name), "BOARD", x.board)).text(x.n.t, "id")
	}
	x.things = map[string]string{
		"approval_id": made("/boards/"+x.board+"/approvals", `{"action_type":"NAME","confidence":80,"lead_reasoning":"NAME"}`),
		"group_id":    made("/board-groups", `{"name":"NAME","slug":"NAME"}`),
		"tag_id":      made("/tags", `{"name":"NAME","slug":"NAME"}`),
		"task_custom_field_definition_id": made("/organizations/me/custom-fields",
			`{"field_key":"NAME","label":"NAME","field_type":"text","board_ids":["BOARD"]}`),
	}
	x.must("Ow", "PATCH", v1+"/boards/"+x.board, `{"board_group_id":"`+x.things["group_id"]+`"}`)
	x.must("Wo", "POST", v1+"/boards/"+x.board+"/tasks/"+x.task+"/comments", `{"message":"`+x.name+`"}`)
	x.must("Wo", "POST", v1+"/boards/"+x.board+"/group-memory", `{"content":"`+x.name+`"}`)
	return x
}

// marks are what no answer to another organization may hold: whatever is
// visible of a tenant has its name in it.
func (x *tenant) marks() []string {
	all := []string{x.name, x.other, x.memory}
	for _, id := range x.ids() {
		all = append(all, id)
	}
	for _, ids := range []map[string]string{x.member, x.agent, x.token, x.tokenID} {
		for _, id := range ids {
			all = append(all, id)
		}
	}
	return slices.DeleteFunc(all, func(mark string) bool { return mark == "" })
}

// extras are queries and bodies that name ids, by route.
func extras() map[string][]string {
	return map[string][]string{
		"PATCH /api/v1/users/me":                                                         {` {"notes":"n"}`},
		"POST /api/v1/organizations":                                                     {` {"name":""}`},
		"PATCH /api/v1/organizations/me/active":                                          {` {"organization_id":"{organization_id}"}`},
		"PATCH /api/v1/organizations/me/members/{member_id}":                             {` {"role":"member"}`, ` {}`},
		"PUT /api/v1/organizations/me/members/{member_id}/access":                        {` {"board_access":[{"board_id":"{board_id}","can_write":true}]}`},
		"POST /api/v1/organizations/me/invites":                                          {` {"invited_email":"x@y","board_access":[{"board_id":"{board_id}"}]}`},
		"POST /api/v1/organizations/invites/accept":                                      {` {"token":"{invite_id}"}`},
		"GET /api/v1/boards":                                                             {`?gateway_id={gateway_id}`, `?board_group_id={board_id}`},
		"POST /api/v1/boards":                                                            {` {"name":"B","slug":"b","description":"d","board_type":"general","gateway_id":"{gateway_id}"}`},
		"GET /api/v1/boards/{board_id}/tasks":                                            {``, `?assigned_agent_id={agent_id}`},
		"GET /api/v1/agent/boards/{board_id}/tasks":                                      {``, `?assigned_agent_id={agent_id}`},
		"POST /api/v1/boards/{board_id}/tasks":                                           {` {"title":"T","assigned_agent_id":"{agent_id}"}`},
		"PATCH /api/v1/boards/{board_id}/tasks/{task_id}":                                {` {"title":"T"}`, ` {"assigned_agent_id":"{agent_id}"}`, ` {"tag_ids":["{tag_id}"]}`},
		"POST /api/v1/boards/{board_id}/memory":                                          {` {"content":"c"}`},
		"POST /api/v1/agent/boards/{board_id}/memory":                                    {` {"content":"c"}`},
		"POST /api/v1/agent/boards/{board_id}/tasks":                                     {` {"title":"T","assigned_agent_id":"{agent_id}"}`},
		"GET /api/v1/agents":                                                             {`?board_id={board_id}`, `?gateway_id={gateway_id}`},
		"GET /api/v1/agents/stream":                                                      {`?board_id={board_id}`},
		"GET /api/v1/activity":                                                           {``, `?include=all`},
		"GET /api/v1/activity/task-comments":                                             {``, `?board_id={board_id}`},
		"GET /api/v1/activity/task-comments/stream":                                      {``, `?board_id={board_id}`},
		"GET /api/v1/audit/events":                                                       {``, `?board_id={board_id}`, `?ref={task_id}`},
		"GET /api/v1/audit/diff":                                                         {`?board_id={board_id}&from=1`},
		"GET /api/v1/audit/replay":                                                       {`?to=1`},
		"GET /api/v1/agent/agents":                                                       {`?board_id={board_id}`},
		"POST /api/v1/agents":                                                            {` {"name":"N","board_id":"{board_id}"}`},
		"POST /api/v1/agent/agents":                                                      {` {"name":"","board_id":"{board_id}"}`},
		"POST /api/v1/agents/heartbeat":                                                  {` {"name":"N","board_id":"{board_id}"}`},
		"PATCH /api/v1/boards/{board_id}":                                                {` {"name":"N"}`, ` {"board_group_id":"{group_id}"}`, ` {"gateway_id":"{gateway_id}"}`},
		"POST /api/v1/boards/{board_id}/tasks/{task_id}/comments":                        {` {"message":"m"}`},
		"POST /api/v1/agent/boards/{board_id}/tasks/{task_id}/comments":                  {` {"message":"m"}`},
		"PATCH /api/v1/agent/boards/{board_id}/tasks/{task_id}":                          {` {"status":"review"}`, ` {"assigned_agent_id":"{agent_id}"}`, ` {"tag_ids":["{tag_id}"]}`, ` {"depends_on_task_ids":["{task_id}"]}`},
		"POST /api/v1/boards/{board_id}/approvals":                                       {` {"action_type":"a","confidence":80,"lead_reasoning":"r","task_ids":["{task_id}"]}`, ` {"action_type":"a","confidence":80,"lead_reasoning":"r","agent_id":"{agent_id}"}`},
		"POST /api/v1/agent/boards/{board_id}/approvals":                                 {` {"action_type":"a","confidence":80,"lead_reasoning":"r","task_id":"{task_id}"}`, ` {"action_type":"a","confidence":80,"lead_reasoning":"r","agent_id":"{agent_id}"}`},
		"PATCH /api/v1/boards/{board_id}/approvals/{approval_id}":                        {` {"status":"approved"}`},
		"POST /api/v1/board-groups":                                                      {` {"name":"","slug":"s"}`},
		"PATCH /api/v1/board-groups/{group_id}":                                          {` {"name":"N"}`},
		"POST /api/v1/board-groups/{group_id}/memory":                                    {` {"content":"c"}`},
		"POST /api/v1/board-groups/{group_id}/heartbeat":                                 {` {"every":"5m"}`},
		"POST /api/v1/boards/{board_id}/group-memory":                                    {` {"content":"c"}`},
		"PATCH /api/v1/tags/{tag_id}":                                                    {` {"name":"N"}`},
		"POST /api/v1/organizations/me/custom-fields":                                    {` {"field_key":"k","label":"l","field_type":"text","board_ids":["{board_id}"]}`},
		"PATCH /api/v1/organizations/me/custom-fields/{task_custom_field_definition_id}": {` {"label":"l"}`, ` {"board_ids":["{board_id}"]}`},
		"PATCH /api/v1/agents/{agent_id}":                                                {` {"soul_template":"s"}`, ` {"board_id":"{board_id}"}`},
		"PUT /api/v1/agent/boards/{board_id}/agents/{agent_id}/soul":                     {` {"content":"c"}`},
		"POST /api/v1/agents/{agent_id}/heartbeat":                                       {` {}`},
	}
}

// told reports differences between what is there elsewhere and what is nowhere
// that the specification asks for: that a board exists, or an agent to be
// deleted, can be seen from the status alone.
func told(key, kind, foreign, random string) bool {
	agentWithBoard := kind == "Le" || kind == "Wo" || kind == "Ot"
	switch {
	case strings.Contains(key, "/board-groups/{group_id}"), strings.Contains(key, "/tags/{tag_id}"):
		return foreign == "403 Forbidden" && random == "404 Not Found"
	case strings.Contains(key, "/boards/{board_id}") && agentWithBoard:
		return foreign == "403 Forbidden" && random == "404 Not Found"
	case strings.Contains(key, "/boards/{board_id}"):
		return foreign == "403 No org access" && random == "404 Not Found"
	case key == "POST /api/v1/agents", key == "POST /api/v1/agents/heartbeat":
		return foreign == "403 No org access" && random == "404 Board not found"
	case key == "PATCH /api/v1/agents/{agent_id}":
		return foreign == "404 Not Found" && random == "404 Board not found"
	case key == "DELETE /api/v1/agents/{agent_id}":
		return foreign == "404 Not Found" && random == "200"
	}
	return false
}

// TestTenantIsolation: whoever of one organization calls whatever with ids of
// another learns and changes nothing of it.
func TestTenantIsolation(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	mine, theirs := n.tenant("antelope").furnish(), n.tenant("zebra").furnish()
	before, marks := theirs.everything(), theirs.marks()
	for _, rt := range n.routes() {
		key := rt.method + " " + rt.pattern
		if key == "DELETE /api/v1/users/me" || key == "DELETE /api/v1/organizations/me" {
			continue // takes no id, and would end this organization
		}
		more := extras()[key]
		if len(more) == 0 {
			more = []string{""}
		}
		for _, extra := range more {
			template := rt.pattern + extra
			names := slices.DeleteFunc(slices.Clone(idNames), func(name string) bool { return !strings.Contains(template, "{"+name+"}") })
			for _, kind := range kinds {
				for which := range 1 << len(names) {
					if which == 0 && len(names) > 0 {
						continue // nothing of the other organization
					}
					foreign := mine.asks(t, kind, rt.method, template, names, which, theirs.ids())
					for _, mark := range marks {
						if slices.Contains(sent(names, which, theirs.ids()), mark) || refusalsTell(rt.pattern, mark) {
							continue // the caller said so itself
						}
						if strings.Contains(foreign.body, mark) || strings.Contains(fmt.Sprint(foreign.header), mark) {
							t.Fatalf("%s: %s %s shows %q of another organization: %d %s", kind, rt.method, template, mark, foreign.status, foreign.body)
						}
					}
					random := mine.asks(t, kind, rt.method, template, names, which, nil)
					if a, b := outcome(foreign), outcome(random); a != b && !told(key, kind, a, b) {
						t.Errorf("%s: %s %s with ids of another organization answers %q, with unknown ids %q", kind, rt.method, template, a, b)
					}
				}
			}
		}
	}
	if after := theirs.everything(); after != before {
		t.Errorf("something of the other organization changed:\n%s\n%s", before, after)
	}
}

// sent are the ids of the set.
func sent(names []string, which int, ids map[string]string) (all []string) {
	for i, name := range names {
		if which&(1<<i) != 0 {
			all = append(all, ids[name])
		}
	}
	return all
}

// asks fills a template: the ids in the set which are those given, or unknown
// ones; the others are the tenant's own.
func (x *tenant) asks(t *testing.T, kind, method, template string, names []string, which int, others map[string]string) answer {
	t.Helper()
	own := x.ids()
	for i, name := range names {
		id := own[name]
		if which&(1<<i) != 0 {
			if id = uuid.NewString(); others != nil {
				id = others[name]
			}
		}
		template = strings.ReplaceAll(template, "{"+name+"}", id)
	}
	path, body, _ := strings.Cut(template, " ")
	return x.ask(t, kind, method, path, body)
}

// outcome is what may be told of an answer: its status and refusal.
func outcome(a answer) string {
	if a.status == 200 {
		return "200"
	}
	return strings.TrimSpace(fmt.Sprint(a.status, " ", a.value0("detail")))
}

// everything is what the owner and the agents of a tenant see of it.
func (x *tenant) everything() string {
	x.n.told()
	var all strings.Builder
	for _, path := range []string{
		"/organizations/me", "/organizations/me/members", "/organizations/me/invites", "/boards", "/boards/" + x.board + "/tasks",
		"/boards/" + x.board + "/memory", "/boards/" + x.board + "/approvals", "/boards/" + x.board + "/group-memory", "/board-groups", "/tags",
		"/organizations/me/custom-fields", "/boards/" + x.board + "/tasks/" + x.task + "/comments", "/agents", "/agents/" + x.agent["Wo"] + "/tokens",
		"/activity?include=all",
	} {
		all.WriteString(x.must("Ow", "GET", v1+path, "").body + "\n")
	}
	return all.String()
}

// refusalsTell reports whether a route may show an id because somebody of the
// caller's organization has asked for it, and was refused.
func refusalsTell(pattern, mark string) bool {
	return strings.HasPrefix(pattern, v1+"/audit/") && uuid.Validate(mark) == nil
}

// TestForeignIDsProperty mixes own, foreign and unknown ids in any way.
func TestForeignIDsProperty(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	mine, theirs := n.tenant("antelope").furnish(), n.tenant("zebra").furnish()
	marks, routes, others := theirs.marks(), n.routes(), theirs.ids()
	rapid.Check(t, func(rt *rapid.T) {
		r := routes[rapid.IntRange(0, len(routes)-1).Draw(rt, "route")]
		if r.method == "DELETE" && strings.HasSuffix(r.pattern, "/me") {
			return
		}
		kind := rapid.SampledFrom(kinds).Draw(rt, "caller")
		more := append([]string{""}, extras()[r.method+" "+r.pattern]...)
		template := r.pattern + rapid.SampledFrom(more).Draw(rt, "extra")
		own, deletes := mine.ids(), r.method == "DELETE"
		for i, name := range idNames {
			id := uuid.NewString()
			switch rapid.IntRange(0, 3).Draw(rt, name) {
			case 0:
				id = others[name]
			case 1:
				if !deletes || i == 0 { // keeps what there is
					id = own[name]
				}
			case 2: // an id of something else
				id = own[idNames[(i+1)%len(idNames)]]
			}
			template = strings.ReplaceAll(template, "{"+name+"}", id)
		}
		path, body, _ := strings.Cut(template, " ")
		got := mine.ask(t, kind, r.method, path, body)
		if got.status >= 500 {
			rt.Fatalf("%s: %s %s %s: %d %s", kind, r.method, path, body, got.status, got.body)
		}
		for _, mark := range marks {
			if strings.Contains(got.body, mark) && !strings.Contains(path+body, mark) && !refusalsTell(r.pattern, mark) {
				rt.Fatalf("%s: %s %s %s shows %q: %d %s", kind, r.method, path, body, mark, got.status, got.body)
			}
		}
	})
}

// TestStreamsAreIsolated: streams show nothing of another organization.
func TestStreamsAreIsolated(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	mine, theirs := n.tenant("antelope"), n.tenant("zebra")
	var tails []*tail
	for _, kind := range []string{"Ow", "Ad", "A0"} {
		tails = append(tails, mine.tail(kind, "/agents/stream"), mine.tail(kind, "/agents/stream?since=2020-01-01"))
	}
	for _, kind := range []string{"Ow", "Ad", "Mw", "Mr", "Le", "Wo", "Ma"} {
		for _, topic := range []string{"tasks", "memory"} {
			tails = append(tails, mine.tail(kind, "/boards/"+mine.board+"/"+topic+"/stream"),
				mine.tail(kind, "/boards/"+mine.board+"/"+topic+"/stream?since=2020-01-01"))
		}
	}
	for _, x := range []*tenant{theirs, mine} {
		x.must("Ow", "PATCH", v1+"/boards/"+x.board+"/tasks/"+x.task, `{"title":"`+x.name+` last"}`)
		x.must("Wo", "POST", v1+"/agent/boards/"+x.board+"/memory", `{"content":"`+x.name+` last","tags":["chat"]}`)
		x.must("Wo", "POST", v1+"/agent/heartbeat", "")
		x.must("Ma", "POST", v1+"/agent/heartbeat", "")
		x.must("Ow", "PATCH", v1+"/agents/"+x.agent["Ma"], `{"soul_template":"`+x.name+` last"}`)
	}
	for _, s := range tails {
		s.until(t, "antelope last")
		for _, mark := range theirs.marks() {
			if strings.Contains(s.text(), mark) {
				t.Errorf("%s shows %q:\n%s", s.path, mark, s.text())
			}
		}
	}
}
