package commands

import (
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/approval"
	"missioncontrol/domain/board"
	"missioncontrol/domain/comment"
	"missioncontrol/domain/evidence"
	"missioncontrol/domain/field"
	"missioncontrol/domain/group"
	"missioncontrol/domain/invite"
	"missioncontrol/domain/logbook"
	"missioncontrol/domain/member"
	"missioncontrol/domain/memory"
	"missioncontrol/domain/notification"
	"missioncontrol/domain/organization"
	"missioncontrol/domain/tag"
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
		eventstore.KindOf("board", board.Events, eventstore.Rules[board.Board, board.Event]{Refs: boardRefs, Touches: boardTouches}),
		eventstore.KindOf("group", group.Events, eventstore.Rules[group.Group, group.Event]{}),
		eventstore.KindOf("task", task.Events, eventstore.Rules[task.Task, task.Event]{Refs: taskRefs, Touches: taskTouches}),
		eventstore.KindOf("comment", comment.Events, eventstore.Rules[comment.Comment, comment.Event]{Refs: commentRefs, Touches: commentTouches}),
		eventstore.KindOf("approval", approval.Events, eventstore.Rules[approval.Approval, approval.Event]{Refs: approvalRefs, Touches: approvalTouches}),
		eventstore.KindOf("agent", agent.Events, eventstore.Rules[agent.Agent, agent.Event]{Refs: agentRefs, Touches: agentTouches}),
		eventstore.KindOf("tag", tag.Events, eventstore.Rules[tag.Tag, tag.Event]{Touches: tagTouches}),
		eventstore.KindOf("field", field.Events, eventstore.Rules[field.Definition, field.Event]{Refs: fieldRefs, Touches: fieldTouches}),
		eventstore.KindOf("log", logbook.Events, eventstore.Rules[logbook.Log, logbook.Event]{}),
		eventstore.KindOf("memory", memory.Events, eventstore.Rules[memory.Memory, memory.Event]{Refs: memoryRefs}),
		eventstore.KindOf("audit", evidence.Events, eventstore.Rules[evidence.Entry, evidence.Event]{Refs: auditRefs, Outcome: evidence.Outcome, Factless: true}),
		eventstore.KindOf("notification", notification.Events, eventstore.Rules[notification.Notification, notification.Event]{
			Refs: notificationRefs, Touches: notificationTouches,
		}),
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

// taskTouches names, beside the task itself, the agents whose tasks change, the
// edges of the board, the tags that it now carries and the custom fields that
// have values.
func taskTouches(_ domain.Meta, refs []domain.Ref, e task.Event) []domain.Key {
	board := referred(refs, "board")
	switch e := e.(type) {
	case task.Created:
		return changedFacts(board, e.AssignedAgentID, len(e.DependsOn) > 0, e.TagIDs, e.Values)
	case task.Updated:
		return changedFacts(board, e.AssignedAgentID.Value, e.DependsOn.Set, e.TagIDs.Or(nil), e.Values.Or(nil))
	case task.StatusChanged:
		return changedFacts(board, e.AssignedAgentID.Value, e.DependsOn.Set, e.TagIDs.Or(nil), e.Values.Or(nil))
	case task.Deleted:
		return changedFacts(board, nil, len(e.DependsOn) > 0, nil, nil)
	}
	return nil
}

func changedFacts(board uuid.UUID, assigned *uuid.UUID, edges bool, tags []uuid.UUID, values task.Values) []domain.Key {
	var keys []domain.Key
	if assigned != nil {
		keys = append(keys, projections.AgentTasksKey(*assigned))
	}
	if edges {
		keys = append(keys, projections.EdgesKey(board))
	}
	for _, id := range tags {
		keys = append(keys, projections.TagTasksKey(id))
	}
	for definition := range values {
		keys = append(keys, projections.FieldValuesKey(definition))
	}
	return keys
}

func tagTouches(m domain.Meta, _ []domain.Ref, e tag.Event) []domain.Key {
	switch e := e.(type) {
	case tag.Created:
		return []domain.Key{projections.SlugKey(m.Org, e.Slug)}
	case tag.Updated:
		if e.Slug.Value == nil {
			return nil
		}
		return []domain.Key{projections.SlugKey(m.Org, *e.Slug.Value), projections.SlugKey(m.Org, e.WasSlug)}
	case tag.Deleted:
		return []domain.Key{projections.SlugKey(m.Org, e.Slug)}
	}
	return nil
}

func fieldRefs(f field.Definition, _ domain.Meta, _ field.Event) []domain.Ref {
	refs := make([]domain.Ref, len(f.BoardIDs))
	for i, id := range f.BoardIDs {
		refs[i] = domain.Ref{Kind: "board", ID: id}
	}
	return refs
}

// fieldTouches names the boards that a field is on, and was on before.
func fieldTouches(m domain.Meta, refs []domain.Ref, e field.Event) []domain.Key {
	var keys []domain.Key
	for _, r := range refs {
		if r.Kind == "board" {
			keys = append(keys, projections.BoardFieldsKey(r.ID))
		}
	}
	switch e := e.(type) {
	case field.Created:
		keys = append(keys, projections.FieldKey(m.Org, e.Key))
	case field.Updated:
		for _, id := range e.WasOn {
			keys = append(keys, projections.BoardFieldsKey(id))
		}
	case field.Deleted:
		keys = append(keys, projections.FieldKey(m.Org, e.Key))
	}
	return keys
}

func commentRefs(c comment.Comment, _ domain.Meta, _ comment.Event) []domain.Ref {
	refs := []domain.Ref{{Kind: "board", ID: c.BoardID}, {Kind: "task", ID: c.TaskID}}
	if c.AgentID != nil {
		refs = append(refs, domain.Ref{Kind: "agent", ID: *c.AgentID})
	}
	return refs
}

func commentTouches(_ domain.Meta, _ []domain.Ref, e comment.Event) []domain.Key {
	switch e := e.(type) {
	case comment.Created:
		return []domain.Key{projections.CommentsKey(e.TaskID)}
	}
	return nil
}

func approvalRefs(a approval.Approval, _ domain.Meta, _ approval.Event) []domain.Ref {
	refs := []domain.Ref{{Kind: "board", ID: a.BoardID}}
	for _, id := range a.TaskIDs {
		refs = append(refs, domain.Ref{Kind: "task", ID: id})
	}
	if a.AgentID != nil {
		refs = append(refs, domain.Ref{Kind: "agent", ID: *a.AgentID})
	}
	return refs
}

func approvalTouches(_ domain.Meta, refs []domain.Ref, e approval.Event) []domain.Key {
	board := referred(refs, "board")
	switch e := e.(type) {
	case approval.Created:
		return approvalFacts(board, e.TaskIDs)
	case approval.Granted:
		return approvalFacts(board, e.TaskIDs)
	case approval.Denied:
		return approvalFacts(board, e.TaskIDs)
	case approval.Reopened:
		return approvalFacts(board, e.TaskIDs)
	case approval.Unlinked:
		return approvalFacts(board, append([]uuid.UUID{e.TaskID}, e.TaskIDs...))
	case approval.Deleted:
		return approvalFacts(board, e.TaskIDs)
	}
	return nil
}

func approvalFacts(board uuid.UUID, tasks []uuid.UUID) []domain.Key {
	keys := []domain.Key{projections.BoardApprovalsKey(board)}
	for _, id := range tasks {
		keys = append(keys, projections.TaskApprovalsKey(id))
	}
	return keys
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
		keys := boardAgents(board, e.Name.Or(""))
		if e.LeftBoardID != nil {
			keys = append(keys, projections.AgentsKey(*e.LeftBoardID))
		}
		return keys
	case agent.Deleted:
		return boardAgents(board, e.Name)
	case agent.SoulWritten, agent.TokenIssued, agent.TokenFirstUsed, agent.TokenRevoked, agent.Appeared, agent.Lost, agent.Returned:
	}
	return nil
}

// boardAgents are the facts about a board's agents, and about a name among them.
func boardAgents(board uuid.UUID, name string) []domain.Key {
	return []domain.Key{projections.AgentsKey(board), projections.AgentNameKey(board, name)}
}

func memoryRefs(m memory.Memory, _ domain.Meta, _ memory.Event) []domain.Ref {
	if m.BoardGroupID != uuid.Nil {
		return []domain.Ref{{Kind: "group", ID: m.BoardGroupID}}
	}
	return []domain.Ref{{Kind: "board", ID: m.BoardID}}
}

func auditRefs(_ evidence.Entry, _ domain.Meta, e evidence.Event) []domain.Ref {
	return evidence.About(e)
}

func notificationRefs(n notification.Notification, _ domain.Meta, _ notification.Event) []domain.Ref {
	refs := []domain.Ref{{Kind: "agent", ID: n.Said.AgentID}, {Kind: "board", ID: n.Said.BoardID}}
	for _, about := range []struct {
		kind string
		id   *uuid.UUID
	}{{"group", n.Said.BoardGroupID}, {"task", n.Said.TaskID}, {"approval", n.Said.ApprovalID}, {"memory", n.Said.MemoryID}} {
		if about.id != nil {
			refs = append(refs, domain.Ref{Kind: about.kind, ID: *about.id})
		}
	}
	return refs
}

// notificationTouches names the inbox that it lies in.
func notificationTouches(_ domain.Meta, _ []domain.Ref, e notification.Event) []domain.Key {
	switch e := e.(type) {
	case notification.Created:
		return []domain.Key{projections.InboxKey(e.AgentID)}
	}
	return nil
}

// boardRefs are the groups that a board is in, or has left with the event.
func boardRefs(b board.Board, _ domain.Meta, e board.Event) []domain.Ref {
	var refs []domain.Ref
	for _, id := range []*uuid.UUID{b.BoardGroupID, leftGroup(e)} {
		if id != nil {
			refs = append(refs, domain.Ref{Kind: "group", ID: *id})
		}
	}
	return refs
}

func leftGroup(e board.Event) *uuid.UUID {
	if updated, ok := e.(board.Updated); ok {
		return updated.LeftGroupID
	}
	return nil
}

// boardTouches names the groups that a board joins or leaves.
func boardTouches(_ domain.Meta, _ []domain.Ref, e board.Event) []domain.Key {
	var groups []*uuid.UUID
	switch e := e.(type) {
	case board.Created:
		groups = []*uuid.UUID{e.BoardGroupID}
	case board.Updated:
		groups = []*uuid.UUID{e.LeftGroupID, e.BoardGroupID.Value}
	case board.Deleted:
		groups = []*uuid.UUID{e.BoardGroupID}
	}
	var keys []domain.Key
	for _, id := range groups {
		if id != nil {
			keys = append(keys, projections.GroupBoardsKey(*id))
		}
	}
	return keys
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
