package httpapi

import (
	"context"
	"net/http"
	"slices"

	"missioncontrol/auth"
	"missioncontrol/domain"
)

// The rules of the route table: who may call, in words and in code.

func byPeople() callers    { return callers{people: true} }
func byAgents() callers    { return callers{agents: true} }
func byEverybody() callers { return callers{people: true, agents: true} }

// person lets people pass who are signed in.
func (a *API) person() rule {
	return rule{name: "person", says: "people who are signed in", callers: byPeople(), may: a.asPerson}
}

// agent lets agents pass.
func (a *API) agent() rule {
	return rule{name: "agent", says: "agents", callers: byAgents(), limits: a.agentLimits(), may: a.asAgent}
}

// member lets members of their active organization pass, admin those who
// administer it.
func (a *API) member() rule {
	return rule{
		name: "member", says: "members of their active organization", callers: byPeople(),
		refuses: []refusal{notMember()},
		may:     a.membership(a.Rules.Member),
	}
}

func (a *API) admin() rule {
	return rule{
		name: "admin", says: "owners and admins of their active organization", callers: byPeople(),
		refuses: []refusal{notAdmin()}, may: a.membership(a.Rules.Admin),
	}
}

func notMember() refusal {
	return refusal{http.StatusForbidden, "the caller has no active organization"}
}

func notAdmin() refusal {
	return refusal{http.StatusForbidden, "the caller does not administer its active organization"}
}

// caller lets everybody pass who proves who it is.
func (a *API) caller() rule {
	return rule{
		name: "caller", says: "people who are signed in, and agents", callers: byEverybody(), limits: a.agentLimits(), may: a.asActor,
	}
}

// auditor lets people pass who administer their active organization, and
// operators. What each may see is for the handler to say.
func (a *API) auditor() rule {
	return rule{
		name: "auditor", says: "owners and admins of their active organization, for its entries; operators, for those of the system", callers: byPeople(),
		refuses: []refusal{{http.StatusForbidden, "the caller neither administers its active organization nor is an operator"}},
		may: func(ctx context.Context, p params) (context.Context, error) {
			ctx, err := a.asPerson(ctx, p)
			if err != nil {
				return nil, err
			}
			known, err := a.asMember(ctx, a.Rules.Admin)
			if domain.ReasonOf(err) == domain.Forbidden && a.Operators.Include(auth.CallerFrom(ctx)) {
				return ctx, nil
			}
			return known, err
		},
	}
}

// adminOrAgent lets agents pass, and people who administer their organization.
func (a *API) adminOrAgent() rule {
	return rule{
		name: "admin-or-agent", says: "owners and admins of their active organization, and agents", callers: byEverybody(),
		limits: a.agentLimits(), refuses: []refusal{notAdmin()},
		may: a.actorOr(a.Rules.Admin),
	}
}

// memberOrAgent lets agents pass, and members of their active organization.
func (a *API) memberOrAgent() rule {
	return rule{
		name: "member-or-agent", says: "members of their active organization, and agents", callers: byEverybody(),
		limits: a.agentLimits(), refuses: []refusal{notMember()},
		may: a.actorOr(a.Rules.Member),
	}
}

// actorOr lets agents pass, and people with a right in their active
// organization.
func (a *API) actorOr(may membershipRule) gate {
	return func(ctx context.Context, p params) (context.Context, error) {
		ctx, err := a.asActor(ctx, p)
		if err != nil || auth.CallerFrom(ctx).Agent != nil {
			return ctx, err
		}
		return a.asMember(ctx, may)
	}
}

// boardReader and boardWriter let people pass who may read or change the board
// of the path; actorReader and actorWriter let agents of the board pass, too;
// agentOnBoard agents alone.
func (a *API) boardReader() rule {
	return rule{
		name: "board-reader", says: "people who may read the board", callers: byPeople(),
		refuses: boardRefusals(byPeople()), may: a.onBoard(a.asPerson, auth.Read),
	}
}

func (a *API) boardWriter() rule {
	return rule{
		name: "board-writer", says: "people who may change the board", callers: byPeople(),
		refuses: boardRefusals(byPeople()), may: a.onBoard(a.asPerson, auth.Write),
	}
}

func (a *API) actorReader() rule {
	return rule{
		name: "board-reader-or-agent", says: "people who may read the board, and agents of it", callers: byEverybody(),
		limits: a.agentLimits(), refuses: boardRefusals(byEverybody()), may: a.onBoard(a.asActor, auth.Read),
	}
}

// pastReader is actorReader for reads that know as_of.
func (a *API) pastReader() rule {
	return rule{
		name: "past-reader", callers: byEverybody(),
		says:   "people who may read the board, and agents of it; with `as_of`, a deleted board is for owners and admins of its organization",
		limits: a.agentLimits(), refuses: boardRefusals(byEverybody()), may: a.onPastBoard(a.asActor),
	}
}

func (a *API) actorWriter() rule {
	return rule{
		name: "board-writer-or-agent", says: "people who may change the board, and agents of it", callers: byEverybody(),
		limits: a.agentLimits(), refuses: boardRefusals(byEverybody()), may: a.onBoard(a.asActor, auth.Write),
	}
}

func (a *API) agentOnBoard() rule {
	return rule{
		name: "board-agent", says: "agents of the board, and main agents of its organization", callers: byAgents(),
		limits: a.agentLimits(), refuses: boardRefusals(byAgents()), may: a.onBoard(a.asAgent, auth.Write),
	}
}

// taskRemover lets people pass who may change the board.
func (a *API) taskRemover() rule {
	return rule{
		name: "task-remover", says: "people who may change the board", callers: byPeople(),
		limits: a.agentLimits(), refuses: boardRefusals(byPeople()), may: a.asTaskRemover,
	}
}

// boardRefusals are what people and agents meet on boards that are not theirs.
func boardRefusals(c callers) (refuses []refusal) {
	if c.people {
		refuses = append(refuses,
			refusal{http.StatusForbidden, "a person is not of the board's organization, or has no grant for the board"})
	}
	if c.agents {
		refuses = append(refuses, refusal{http.StatusForbidden, "an agent is of another board"})
	}
	return append(refuses, refusal{http.StatusNotFound, "there is no such board"})
}

// agentLimits bound how often an address may try to pass as an agent.
func (a *API) agentLimits() []limit {
	policy, counts := a.AgentGate.Limits()
	says := "its address has tried too many wrong agent tokens"
	if counts == auth.CountAll {
		says = "its address has called too often"
	}
	return []limit{{policy: policy, per: "address", counts: counts, says: says}}
}

// refusals are all that a rule answers to others than those whom it lets pass.
func (r *rule) refusals() []refusal {
	var all []refusal
	if r.callers.people || r.callers.agents {
		all = append(all, refusal{http.StatusUnauthorized, "the caller does not prove who it is"})
	}
	for _, l := range r.limits {
		all = append(all, refusal{http.StatusTooManyRequests, l.says})
	}
	return slices.Concat(all, r.refuses)
}
