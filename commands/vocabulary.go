package commands

import (
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/board"
	"missioncontrol/domain/invite"
	"missioncontrol/domain/member"
	"missioncontrol/domain/memory"
	"missioncontrol/domain/organization"
	"missioncontrol/domain/task"
	"missioncontrol/domain/user"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Vocabulary is every kind of aggregate that the log may hold, with what each
// event is about and which facts it changes beside its own stream.
func Vocabulary() *eventstore.Vocabulary {
	return eventstore.NewVocabulary(
		eventstore.KindOf("user", user.Events, eventstore.Rules[user.User, user.Event]{Touches: userTouches}),
		eventstore.KindOf("organization", organization.Events, eventstore.Rules[organization.Organization, organization.Event]{Touches: organizationTouches}),
		eventstore.KindOf("member", member.Events, eventstore.Rules[member.Member, member.Event]{Refs: memberRefs, Touches: memberTouches}),
		eventstore.KindOf("invite", invite.Events, eventstore.Rules[invite.Invite, invite.Event]{Touches: inviteTouches}),
		eventstore.KindOf("board", board.Events, eventstore.Rules[board.Board, board.Event]{}),
		eventstore.KindOf("task", task.Events, eventstore.Rules[task.Task, task.Event]{Refs: taskRefs, Touches: taskTouches}),
		eventstore.KindOf("agent", agent.Events, eventstore.Rules[agent.Agent, agent.Event]{Refs: agentRefs, Touches: agentTouches}),
		eventstore.KindOf("memory", memory.Events, eventstore.Rules[memory.Memory, memory.Event]{Refs: memoryRefs}),
	)
}

func userTouches(_ domain.Meta, _ []domain.Ref, e user.Event) []domain.Key {
	switch e := e.(type) {
	case user.Registered:
		return []domain.Key{projections.IdentityKey(e.IdentityHash)}
	case user.Erased:
		return []domain.Key{projections.IdentityKey(e.IdentityHash)}
	case user.ProfileChanged, user.MailChanged, user.OrganizationActivated:
	}
	return nil
}

func organizationTouches(_ domain.Meta, _ []domain.Ref, e organization.Event) []domain.Key {
	switch e := e.(type) {
	case organization.Created:
		return []domain.Key{projections.NameKey(e.Name)}
	case organization.Deleted:
		return []domain.Key{projections.NameKey(e.Name)}
	}
	return nil
}

func inviteTouches(m domain.Meta, _ []domain.Ref, e invite.Event) []domain.Key {
	switch e := e.(type) {
	case invite.Created:
		return inviteKeys(m.Org, e.EmailHash)
	case invite.Accepted:
		return inviteKeys(m.Org, e.EmailHash)
	case invite.Revoked:
		return inviteKeys(m.Org, e.EmailHash)
	}
	return nil
}

func inviteKeys(org uuid.UUID, emailHash []byte) []domain.Key {
	return []domain.Key{projections.InviteKey(org, emailHash), projections.EmailInvitesKey(emailHash)}
}

func memberRefs(m member.Member, _ domain.Meta, _ member.Event) []domain.Ref {
	return []domain.Ref{{Kind: "user", ID: m.UserID}}
}

func memberTouches(m domain.Meta, refs []domain.Ref, e member.Event) []domain.Key {
	person := referred(refs, "user")
	switch e.(type) {
	case member.AccessChanged:
		return []domain.Key{projections.MemberKey(m.Org, person), projections.MembershipsKey(person)}
	case member.Joined, member.RoleChanged, member.Left:
		return []domain.Key{projections.MemberKey(m.Org, person), projections.MembershipsKey(person), projections.MembersKey(m.Org)}
	}
	return nil
}

func taskRefs(t task.Task, _ domain.Meta, _ task.Event) []domain.Ref {
	refs := []domain.Ref{{Kind: "board", ID: t.BoardID}}
	if t.AssignedAgentID != nil {
		refs = append(refs, domain.Ref{Kind: "agent", ID: *t.AssignedAgentID})
	}
	return refs
}

// taskTouches names, beside the task itself, the agents whose tasks change.
func taskTouches(_ domain.Meta, _ []domain.Ref, e task.Event) []domain.Key {
	var assigned *uuid.UUID
	switch e := e.(type) {
	case task.Created:
		assigned = e.AssignedAgentID
	case task.Updated:
		assigned = e.AssignedAgentID.Value
	case task.StatusChanged:
		assigned = e.AssignedAgentID.Value
	case task.Deleted:
	}
	if assigned == nil {
		return nil
	}
	return []domain.Key{projections.AgentTasksKey(*assigned)}
}

func agentRefs(a agent.Agent, _ domain.Meta, _ agent.Event) []domain.Ref {
	if a.BoardID == nil {
		return nil
	}
	return []domain.Ref{{Kind: "board", ID: *a.BoardID}}
}

func agentTouches(_ domain.Meta, refs []domain.Ref, e agent.Event) []domain.Key {
	board := referred(refs, "board")
	switch e := e.(type) {
	case agent.Created:
		return boardAgents(board, e.Name)
	case agent.Updated:
		return boardAgents(board, e.Name.Or(""))
	case agent.Deleted:
		return boardAgents(board, e.Name)
	case agent.TokenIssued, agent.TokenRevoked, agent.Appeared, agent.Lost, agent.Returned:
	}
	return nil
}

// boardAgents are the facts about a board's agents, and about a name among them.
func boardAgents(board uuid.UUID, name string) []domain.Key {
	return []domain.Key{projections.AgentsKey(board), projections.AgentNameKey(board, name)}
}

func memoryRefs(m memory.Memory, _ domain.Meta, _ memory.Event) []domain.Ref {
	return []domain.Ref{{Kind: "board", ID: m.BoardID}}
}

// referred returns the first id of a kind that an event is about.
func referred(refs []domain.Ref, kind string) uuid.UUID {
	for _, r := range refs {
		if r.Kind == kind {
			return r.ID
		}
	}
	return uuid.Nil
}
