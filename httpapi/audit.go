package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/evidence"
	"missioncontrol/eventstore"
)

// What requests leave in the log although they change nothing.

// refusing records what a caller is refused, before it is told. Of callers who
// have proved themselves: every refused command, by right (401, 403) or by rule
// (409, 422), and every read that is forbidden. Of others: that they have not.
// Who can not be recorded is not answered either (503), but for a failed proof,
// which is then counted. Whoever is refused often waits for its answers, so that
// a flood of requests costs others little.
func (a *API) refusing(r *http.Request, status int, detail any) error {
	call := callOf(r.Context())
	if status == http.StatusUnauthorized && call.caller == nil {
		a.agentAside(r, call)
	}
	switch {
	case call.caller != nil && recorded(r.Method, status):
		often, err := a.Commands.Audit.Refused(eventstore.WithCommand(r.Context(), call.command), commands.Refusal{
			Refused: evidence.Refused{Method: r.Method, Route: routeOf(r), Status: status, Reason: reason(detail), Targets: targets(r)},
			Home:    home(call.caller),
		})
		if err != nil {
			return unavailable(err)
		}
		a.slowDown(r.Context(), often)
	case call.caller == nil && status == http.StatusUnauthorized:
		c := a.requestCommand(r.Context(), params{r})
		c.Actor = domain.Actor{Type: domain.Anonymous}
		often, err := a.Commands.Audit.Unproven(eventstore.WithCommand(r.Context(), c), evidence.AuthenticationFailed{Method: r.Method, Route: routeOf(r)})
		if err != nil {
			a.Transport.Log.Warn("audit.unrecorded", "request_id", call.ID, "error", err)
		}
		a.slowDown(r.Context(), often)
	}
	return nil
}

// agentAside recognises an agent that calls what is not for agents: its token is
// good, though nobody asked for it. Only memory is asked, so that a flood of
// wrong tokens costs no more than one without any.
func (a *API) agentAside(r *http.Request, call *call) {
	token := strings.TrimSpace(r.Header.Get(agentHeader))
	if token == "" || a.Agents == nil || !a.Agents.Known(r.Context(), token) {
		return
	}
	who, err := a.Agents.Verify(r.Context(), token)
	if err != nil {
		return
	}
	c := a.requestCommand(r.Context(), params{r})
	c.Actor = domain.Actor{Type: domain.Agent, ID: who.Agent.ID, Auth: "agent_token"}
	call.caller, call.command = &auth.Caller{Actor: c.Actor, Agent: &who.Agent, Token: who.Token}, c
}

// DefaultRefusalPause is long enough to make a flood of refusals cheap, and
// short enough for an honest client to miss.
const DefaultRefusalPause = 20 * time.Millisecond

func (a *API) slowDown(ctx context.Context, often bool) {
	if !often || a.RefusalPause == 0 {
		return
	}
	pause := time.NewTimer(a.RefusalPause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
}

func recorded(method string, status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return true
	case http.StatusConflict, http.StatusUnprocessableEntity:
		return method != http.MethodGet
	}
	return false
}

// reading records that somebody reads the audit log.
func (a *API) reading(ctx context.Context, r *http.Request) error {
	caller := auth.CallerFrom(ctx)
	err := a.Commands.Audit.Read(ctx, home(&caller), evidence.Read{Method: r.Method, Route: routeOf(r), Targets: targets(r)})
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// home is the organization that a caller works in.
func home(c *auth.Caller) uuid.UUID {
	if c.Agent != nil {
		return c.Agent.OrganizationID
	}
	return c.ActiveOrganization
}

func routeOf(r *http.Request) string { return chi.RouteContext(r.Context()).RoutePattern() }

// targets are the things that the path of a request names, the outermost first.
func targets(r *http.Request) []domain.Ref {
	named := chi.RouteContext(r.Context()).URLParams
	var refs []domain.Ref
	for i, key := range named.Keys {
		kind, isID := strings.CutSuffix(key, "_id")
		if kind == "task_custom_field_definition" {
			kind = "field"
		}
		if id, err := uuid.Parse(named.Values[i]); isID && err == nil {
			refs = append(refs, domain.Ref{Kind: kind, ID: id})
		}
	}
	return refs
}

// longestReason bounds what is kept of the answer to a refused command.
const longestReason = 300

// reason is what a refusal tells in words. Of a detail with several members
// that is its message and its code: others may repeat what was sent.
func reason(detail any) string {
	text, ok := detail.(string)
	if !ok {
		var parts struct {
			Message string `json:"message"`
			Code    string `json:"code"`
		}
		if b, err := json.Marshal(detail); err == nil {
			_ = json.Unmarshal(b, &parts) // of another shape it has neither
		}
		text = strings.TrimSpace(parts.Message + " " + parts.Code)
	}
	if len(text) > longestReason {
		text = strings.ToValidUTF8(text[:longestReason], "")
	}
	return text
}
