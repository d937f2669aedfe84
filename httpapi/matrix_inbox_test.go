package httpapi

import "github.com/google/uuid"

// inboxPermissions is the part of the permission matrix about what agents are
// told.
func inboxPermissions() map[string][]row {
	const nudge = v1 + "/agent/boards/{board_id}/agents/{agent_id}/nudge"
	message := body(`{"message":"wake up"}`)
	to := func(id func(x *tenant) string) func(*tenant, string) string {
		return withID(nudge, "{agent_id}", func(x *tenant, _ string) string { return id(x) })
	}
	return map[string][]row{
		"GET /api/v1/agent/inbox":        {{cells: forAgents}},
		"GET /api/v1/agent/inbox/stream": {{cells: forAgents}},
		"POST " + nudge: {
			{cells: "1 1 1 1 1 1 1 + L 3 L 1", body: message},
			{name: "main agent", cells: "1 1 1 1 1 1 1 4 L 3 L 1", body: message, path: to(func(x *tenant) string { return x.agent["Ma"] })},
			{name: "of another board", cells: "1 1 1 1 1 1 1 4 L 3 L 1", body: message, path: to(func(x *tenant) string { return x.agent["Ot"] })},
			{name: "unknown", cells: "1 1 1 1 1 1 1 4 L 3 L 1", body: message, path: to(func(*tenant) string { return uuid.NewString() })},
		},
	}
}
