package httpapi

import (
	"maps"
	"slices"
	"strings"
)

// guide is what agents are told of an operation, in the API description that
// they download before they work. Intent, actor and roles are a contract.
type guide struct {
	intent, actor        string
	roles                string // of agent-… tags
	summary, description string
	when, whenNot        []string
	needs                []string // beside a token
	effects              []string
	never                []string
	routing              []string
	examples             []decision
}

// decision is an example of choosing an operation.
type decision struct{ want, privilege, choose string }

// Who an operation is for.
const (
	anyAgent  = "any_agent"
	boardLead = "board_lead"
	mainAgent = "agent_main"
)

// Roles by which agents select operations.
const (
	leads        = "lead"
	mains        = "main"
	onBoardRoles = "lead worker"
	everyRole    = "lead worker main"
)

// agentGuides are the guides by operation id.
func agentGuides() map[string]guide {
	all := map[string]guide{}
	for _, some := range []map[string]guide{presenceGuides(), taskGuides(), knowledgeGuides(), teamGuides(), gatewayGuides(), groupGuides(), inboxGuides()} {
		maps.Copy(all, some)
	}
	return all
}

func (g guide) tags() (tags []string) {
	for role := range strings.FieldsSeq(g.roles) {
		tags = append(tags, "agent-"+role)
	}
	return tags
}

func (g guide) extensions() map[string]any {
	if g.intent == "" {
		return nil
	}
	const token = "A token of yours, in X-Agent-Token or as Authorization: Bearer."
	examples := []map[string]any{}
	for _, e := range g.examples {
		examples = append(examples, map[string]any{
			"input":    map[string]string{"intent": e.want, "required_privilege": e.privilege},
			"decision": e.choose,
		})
	}
	return map[string]any{
		"x-llm-intent":              g.intent,
		"x-required-actor":          g.actor,
		"x-when-to-use":             g.when,
		"x-when-not-to-use":         g.whenNot,
		"x-prerequisites":           slices.Concat([]string{token}, g.needs),
		"x-side-effects":            g.effects,
		"x-negative-guidance":       g.never,
		"x-routing-policy":          g.routing,
		"x-routing-policy-examples": examples,
	}
}

// schemaNotes are the x- keys of schemas, by name.
func schemaNotes() map[string]map[string]any {
	note := func(intent, actor, shape string, when ...string) map[string]any {
		m := map[string]any{"x-llm-intent": intent, "x-when-to-use": when}
		if actor != "" {
			m["x-required-actor"] = actor
		}
		if shape != "" {
			m["x-response-shape"] = shape
		}
		return m
	}
	read := func(interpretation string, m map[string]any) map[string]any {
		m["x-interpretation"] = interpretation
		return m
	}
	return map[string]map[string]any{
		"AgentCreate": note("agent_profile", "lead_or_worker_agent", "AgentRead",
			"Your board has work for which nobody has the skills or the time."),
		"AgentUpdate": note("agent_profile_update", "board_lead", "",
			"The name, board, heartbeat or instructions of an agent have to change."),
		"AgentRead": read("What an agent is now; status says how it is seen, not what was asked of it.",
			note("agent_profile_lookup", "board_lead_or_worker", "", "You need to know who works on a board, and who is there.")),
		"AgentHeartbeat": note("agent_health_signal", anyAgent, "AgentRead",
			"You want to be seen as present, with a status of your own choice."),
		"AgentHeartbeatCreate": note("agent_bootstrap", "agent", "AgentRead",
			"You know your name but not yet your id."),
		"AgentNudge": note("agent_nudge", boardLead, "AgentRead",
			"An agent of your board sits on work that others wait for."),
		"GatewayLeadMessageRequest": note("lead_direct_message", "main_agent", "GatewayLeadMessageResponse",
			"One board alone can answer, or has to take the work over."),
		"GatewayLeadMessageResponse": read("Which lead got the message, and whether it was made for it.",
			note("lead_direct_message_result", "gateway_main", "", "You need to know to whom your message went.")),
		"GatewayLeadBroadcastRequest": note("lead_broadcast_message", "main_agent", "GatewayLeadBroadcastResponse",
			"Every board, or several of them, must hear the same."),
		"GatewayLeadBroadcastResponse": read("Look at failed first; results tell which boards to try again.",
			note("lead_broadcast_summary", "lead_agent_or_router", "List of GatewayLeadBroadcastBoardResult", "You need to know which boards a broadcast has reached.")),
		"GatewayLeadBroadcastBoardResult": read("How delivery to one board went; it says nothing of what the lead makes of it.",
			note("lead_broadcast_status", "", "", "You look at one board of a broadcast.")),
		"GatewayMainAskUserRequest": note("human_escalation_request", "lead_agent", "GatewayMainAskUserResponse",
			"Only the human can decide, and the board's chat got no answer."),
		"GatewayMainAskUserResponse": read("That the question was handed over; the answer comes later, into the board's memory.",
			note("human_escalation_result", "lead_agent", "", "You need to know who carries your question.")),
		errorAnswer: note("llm_error_handling", "agent", "",
			"Something was refused: detail says why, request_id finds it in the log of the server."),
	}
}
