package httpapi

import "github.com/google/uuid"

// taskPermissions are the rows of what agents do on boards by rules of their
// own. Where a rule asks for more than being there, the request fulfils it.
func taskPermissions() map[string][]row {
	const (
		board, agentBoard = v1 + "/boards/{board_id}", v1 + "/agent/boards/{board_id}"
		forReaders        = "+ + B + + B N + + 3 + 1"
		forWriters        = "+ + B + B B N + + 3 + 1"
		forBoardAgents    = "1 1 1 1 1 1 1 + + 3 + 1"
		forLeads          = "1 1 1 1 1 1 1 + L 3 L 1"
	)
	change := func(x *tenant, kind string) string {
		switch kind {
		case "Le":
			return `{"assigned_agent_id":"` + x.agent["Wo"] + `"}`
		case "Wo", "Ma", "Ot":
			return `{"status":"in_progress"}`
		}
		return `{"title":"T"}`
	}
	fresh := func(pattern string) func(*tenant, string) string {
		return withID(pattern, "{task_id}", func(x *tenant, _ string) string {
			return x.must("Ow", "POST", v1+"/boards/"+x.board+"/tasks", `{"title":"T"}`).value0("id")
		})
	}
	inReview := func(pattern string) func(*tenant, string) string { // where leads may comment
		return withID(pattern, "{task_id}", func(x *tenant, _ string) string {
			return x.must("Ow", "POST", v1+"/boards/"+x.board+"/tasks", `{"title":"T","status":"review"}`).value0("id")
		})
	}
	unknown := func(*tenant, string) string { return uuid.NewString() }
	approval := body(`{"action_type":"task","confidence":80,"lead_reasoning":"because"}`)
	comment, soul := body(`{"message":"a comment"}`), body(`{"content":"acme soul"}`)
	return map[string][]row{
		"PATCH " + board + "/tasks/{task_id}":         {{cells: forWriters, body: change, path: fresh(board + "/tasks/{task_id}")}},
		"GET " + board + "/tasks/{task_id}/comments":  {{cells: forReaders}},
		"POST " + board + "/tasks/{task_id}/comments": {{cells: forWriters, body: comment, path: inReview(board + "/tasks/{task_id}/comments")}},
		"GET " + board + "/snapshot": {
			{cells: forReaders},
			{name: "unknown", cells: "4 4 4 4 4 4 4 4 4 4 4 1", path: withID(board+"/snapshot", "{board_id}", unknown)},
		},
		"GET " + board + "/approvals":        {{cells: forReaders}},
		"GET " + board + "/approvals/stream": {{cells: forReaders}},
		"POST " + board + "/approvals":       {{cells: forWriters, body: approval}},
		"PATCH " + board + "/approvals/{approval_id}": {{
			cells: "+ + B + B B N 1 1 1 1 1", body: body(`{"status":"approved"}`),
			path: withID(board+"/approvals/{approval_id}", "{approval_id}", func(x *tenant, _ string) string {
				return x.must("Ow", "POST", v1+"/boards/"+x.board+"/approvals", approval(x, "Ow")).value0("id")
			}),
		}},

		"POST " + agentBoard + "/tasks":                    {{cells: forLeads, body: body(`{"title":"T"}`)}},
		"PATCH " + agentBoard + "/tasks/{task_id}":         {{cells: forBoardAgents, body: change, path: fresh(agentBoard + "/tasks/{task_id}")}},
		"DELETE " + agentBoard + "/tasks/{task_id}":        {{cells: forLeads, path: fresh(agentBoard + "/tasks/{task_id}")}},
		"GET " + agentBoard + "/tasks/{task_id}/comments":  {{cells: forBoardAgents}},
		"POST " + agentBoard + "/tasks/{task_id}/comments": {{cells: forBoardAgents, body: comment, path: inReview(agentBoard + "/tasks/{task_id}/comments")}},
		"GET " + agentBoard + "/approvals":                 {{cells: forBoardAgents}},
		"GET " + agentBoard + "/tags": {
			{cells: forBoardAgents},
			{name: "unknown", cells: "1 1 1 1 1 1 1 4 4 4 4 1", path: withID(agentBoard+"/tags", "{board_id}", unknown)},
		},
		"POST " + agentBoard + "/approvals": {{cells: forBoardAgents, body: approval}},
		"GET " + agentBoard + "/agents/{agent_id}/soul": {
			{name: "own", cells: "1 1 1 1 1 1 1 + + 3 3 1"},
			{name: "the lead's", cells: "1 1 1 1 1 1 1 + 3 3 3 1", path: withID(agentBoard+"/agents/{agent_id}/soul", "{agent_id}", func(x *tenant, _ string) string { return x.agent["Le"] })},
			{name: "another board's", cells: "1 1 1 1 1 1 1 4 3 3 3 1", path: withID(agentBoard+"/agents/{agent_id}/soul", "{agent_id}", func(x *tenant, _ string) string { return x.agent["Ot"] })},
			{name: "main agent", cells: "1 1 1 1 1 1 1 4 3 3 4 1", path: withID(agentBoard+"/agents/{agent_id}/soul", "{agent_id}", func(x *tenant, _ string) string { return x.agent["Ma"] })},
			{name: "unknown", cells: "1 1 1 1 1 1 1 4 3 3 3 1", path: withID(agentBoard+"/agents/{agent_id}/soul", "{agent_id}", unknown)},
		},
		"PUT " + agentBoard + "/agents/{agent_id}/soul": {
			{cells: forLeads, body: soul},
			{name: "another board's", cells: "1 1 1 1 1 1 1 4 L 3 L 1", body: soul, path: withID(agentBoard+"/agents/{agent_id}/soul", "{agent_id}", func(x *tenant, _ string) string { return x.agent["Ot"] })},
			{name: "main agent", cells: "1 1 1 1 1 1 1 4 L 3 L 1", body: soul, path: withID(agentBoard+"/agents/{agent_id}/soul", "{agent_id}", func(x *tenant, _ string) string { return x.agent["Ma"] })},
		},
	}
}
