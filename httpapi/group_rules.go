package httpapi

import (
	"context"
	"net/http"
	"reflect"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

type groupScope struct{}

// groupOf is the group that a rule has let the caller reach.
func groupOf(ctx context.Context) *projections.GroupRow {
	g, _ := ctx.Value(groupScope{}).(*projections.GroupRow)
	return g
}

func groupAt(ctx context.Context) commands.GroupAt {
	g := groupOf(ctx)
	return commands.GroupAt{Organization: g.OrganizationID, Group: g.ID}
}

// groupReader and groupWriter let people pass who may read or change a board of
// the group of the path; groupAdmin those of them who administer the
// organization; groupPacer these and the leads of the group's boards.
func (a *API) groupReader() rule {
	return rule{
		name: "group-reader", says: "people who may read a board of the group", callers: byPeople(),
		refuses: groupRefusals("the caller is of another organization, or has no grant for a board of the group"),
		may:     a.inGroup(a.asPerson, a.mayReach(auth.Read)),
	}
}

func (a *API) groupWriter() rule {
	return rule{
		name: "group-writer", says: "people who may change a board of the group", callers: byPeople(),
		refuses: groupRefusals("the caller is of another organization, or has no grant to change a board of the group"),
		may:     a.inGroup(a.asPerson, a.mayReach(auth.Write)),
	}
}

func (a *API) groupAdmin() rule {
	return rule{
		name: "group-admin", says: "owners and admins of the organization who may change a board of the group, or whose group has none",
		callers: byPeople(), refuses: groupRefusals("the caller does not administer the organization, or has no grant to change a board of the group"),
		may: a.inGroup(a.asPerson, func(ctx context.Context, d *eventstore.Decision, c auth.Caller, id *uuid.UUID) (*projections.GroupRow, error) {
			if id == nil {
				_, err := a.Rules.Admin(ctx, d, c)
				return nil, err
			}
			return a.Rules.AdminGroup(ctx, d, c, *id, auth.Write)
		}),
	}
}

func (a *API) groupPacer() rule {
	return rule{
		name: "group-admin-or-lead", says: "owners and admins of the organization who may change a board of the group, and leads of its boards",
		callers: byEverybody(), limits: a.agentLimits(),
		refuses: groupRefusals("a person does not administer the organization or has no grant to change a board of the group, or an agent leads no board of it"),
		may: a.inGroup(a.asActor, func(ctx context.Context, d *eventstore.Decision, c auth.Caller, id *uuid.UUID) (*projections.GroupRow, error) {
			if id == nil {
				return nil, nil
			}
			return a.Rules.PacedGroup(ctx, d, c, *id)
		}),
	}
}

func groupRefusals(forbidden string) []refusal {
	return []refusal{{http.StatusForbidden, forbidden}, {http.StatusNotFound, "there is no such group"}}
}

// groupRule asks for a right in a group; id nil is one that cannot be: then it
// asks for what does not depend on it.
type groupRule func(ctx context.Context, d *eventstore.Decision, c auth.Caller, id *uuid.UUID) (*projections.GroupRow, error)

func (a *API) mayReach(access auth.Access) groupRule {
	return func(ctx context.Context, d *eventstore.Decision, c auth.Caller, id *uuid.UUID) (*projections.GroupRow, error) {
		if id == nil {
			_, err := a.Rules.Member(ctx, d, c)
			return nil, err
		}
		return a.Rules.Group(ctx, d, c, *id, access)
	}
}

// inGroup checks whoever who lets pass for a right in the group of the path.
func (a *API) inGroup(who gate, may groupRule) gate {
	return func(ctx context.Context, p params) (context.Context, error) {
		ctx, err := who(ctx, p)
		if err != nil {
			return nil, err
		}
		caller, id := auth.CallerFrom(ctx), groupID(p)
		g, err := may(ctx, nil, caller, id)
		if err != nil {
			return nil, a.refused(ctx, err)
		}
		if g == nil {
			return ctx, nil // binding has a fault to report
		}
		eventstore.CommandFrom(ctx).Authorize = func(ctx context.Context, d *eventstore.Decision) error {
			_, err := may(ctx, d, caller, id)
			return err
		}
		ctx = context.WithValue(ctx, groupScope{}, g)
		if caller.Agent != nil {
			return ctx, nil
		}
		m, err := a.Rules.Member(ctx, nil, caller)
		return context.WithValue(ctx, memberScope{}, m), err
	}
}

// groupID is the id in the path as binding will read it, nil if that will find
// fault with it.
func groupID(p params) *uuid.UUID {
	var id uuid.UUID
	text := given{kind: '"', text: []byte(p.path("group_id"))}
	if wrong := (uuidKind{}).parse(text, reflect.ValueOf(&id).Elem()); wrong != nil {
		return nil
	}
	return &id
}
