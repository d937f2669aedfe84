package httpapi

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"

	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/approval"
	"missioncontrol/domain/board"
	"missioncontrol/domain/comment"
	"missioncontrol/domain/field"
	"missioncontrol/domain/member"
	"missioncontrol/domain/tag"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
)

// past is the world as the log tells it, up to a position: the state of each
// stream, and which streams there are of each kind.
type past struct {
	states map[uuid.UUID]any
	kinds  map[reflect.Type][]uuid.UUID
}

func (p past) take(id uuid.UUID, state any) {
	if _, known := p.states[id]; !known {
		kind := reflect.TypeOf(state)
		p.kinds[kind] = append(p.kinds[kind], id)
	}
	p.states[id] = state
}

func in[S any](p past, id uuid.UUID) S {
	s, _ := p.states[id].(S)
	return s
}

func having[S any](p past, holds func(S) bool) (found []S) {
	for _, id := range p.kinds[reflect.TypeFor[S]()] {
		if s := in[S](p, id); holds(s) {
			found = append(found, s)
		}
	}
	return found
}

// lawful reads the whole log, and reports every event that the rules did not
// let through at the place where it stands: whatever ran at once, the log is
// one order in which each rule holds. It returns how often each type stands
// there.
func (n *node) lawful(t *testing.T) map[string]int {
	t.Helper()
	counts, vocabulary := map[string]int{}, commands.Vocabulary()
	before := past{map[uuid.UUID]any{}, map[reflect.Type][]uuid.UUID{}}
	for at := int64(0); ; {
		events, err := n.Store.Range(t.Context(), at, n.Store.Head(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			for _, left := range having(before, func(s task.Task) bool {
				return in[board.Board](before, s.BoardID).Exists() && s.Exists() && s.Status != task.Inbox && s.Status != task.Done && blocked(before, s)
			}) {
				t.Errorf("task %v is open although a dependency is not done", left.ID)
			}
			return counts
		}
		for _, e := range events {
			after := vocabulary.Evolve(before.states[e.Stream], e)
			for _, broken := range laws(before, e, after) {
				t.Errorf("event %d, %s by %s: %s", e.Seq, e.Type, e.Actor.Type, broken)
			}
			before.take(e.Stream, after)
			at = e.Seq
			counts[e.Type]++
		}
	}
}

// laws are the rules that an event breaks, given the world before it.
func laws(before past, e *eventstore.Recorded, after any) (broken []string) {
	law := func(holds bool, text string) {
		if !holds {
			broken = append(broken, text)
		}
	}
	switch s := after.(type) {
	case task.Task:
		law(in[board.Board](before, s.BoardID).Exists(), "its board is gone")
		law(mayWrite(before, e, s.BoardID), "the caller had no right to the board")
		broken = append(broken, lawsOfTask(before, e, s)...)
	case comment.Comment:
		law(in[task.Task](before, s.TaskID).Exists(), "its task is gone")
		law(mayWrite(before, e, s.BoardID), "the caller had no right to the board")
	case approval.Approval:
		law(mayWrite(before, e, s.BoardID), "the caller had no right to the board")
		broken = append(broken, lawsOfApproval(before, e, s)...)
	case agent.Agent:
		if made, ok := e.Event.(agent.Created); ok && made.BoardID != nil {
			law(e.Actor.Type != domain.Agent || workers(before, *made.BoardID) < in[board.Board](before, *made.BoardID).MaxAgents, "the board had as many agents as it may")
			law(mayWrite(before, e, *made.BoardID), "the caller had no right to the board")
		}
		law(len(having(before, func(other agent.Agent) bool { return s.Exists() && s.BoardID != nil && clash(s, other) })) == 0, "the board had one of that name, or a lead")
	case tag.Tag:
		law(!s.Exists() || len(having(before, func(other tag.Tag) bool {
			return other.Exists() && other.ID != s.ID && other.OrganizationID == s.OrganizationID && other.Slug == s.Slug
		})) == 0, "the slug was taken")
	case field.Definition:
		law(!s.Exists() || len(having(before, func(other field.Definition) bool {
			return other.Exists() && other.ID != s.ID && other.OrganizationID == s.OrganizationID && other.Key == s.Key
		})) == 0, "the key was taken")
	}
	return broken
}

func workers(p past, id uuid.UUID) int {
	return len(having(p, func(a agent.Agent) bool { return a.Exists() && !a.IsBoardLead && a.BoardID != nil && *a.BoardID == id }))
}

func clash(s, other agent.Agent) bool {
	return other.Exists() && other.ID != s.ID && other.BoardID != nil && *other.BoardID == *s.BoardID &&
		(other.Profile.Name == s.Profile.Name || other.IsBoardLead && s.IsBoardLead)
}

// mayWrite reports whether whoever caused an event had the right to write on a
// board just then.
func mayWrite(p past, e *eventstore.Recorded, id uuid.UUID) bool {
	switch e.Actor.Type {
	case domain.User:
		return len(having(p, func(m member.Member) bool {
			return m.Exists() && m.UserID == e.Actor.ID && m.OrganizationID == e.Org && (m.AllBoardsWrite ||
				slices.ContainsFunc(m.Access, func(a member.Access) bool { return a.BoardID == id && a.CanWrite }))
		})) > 0
	case domain.Agent:
		a := in[agent.Agent](p, e.Actor.ID)
		return a.Exists() && len(a.Tokens) > 0 && (a.BoardID == nil || *a.BoardID == id)
	case domain.System: // carries on what somebody with the right began
		return true
	case domain.Anonymous:
	}
	return false
}

func lawsOfTask(before past, e *eventstore.Recorded, now task.Task) (broken []string) {
	law := func(holds bool, text string) {
		if !holds {
			broken = append(broken, text)
		}
	}
	rules, waits := in[board.Board](before, now.BoardID), blocked(before, now)
	switch body := e.Event.(type) {
	case task.Created:
		law(body.Status != task.Done || !rules.RequireApprovalForDone, "it began as done without approval")
		law(body.Status != task.Done || !rules.RequireReviewBeforeDone, "it began as done without review")
		law(!waits || body.Status == task.Inbox && body.AssignedAgentID == nil, "it began although a dependency was not done")
	case task.StatusChanged:
		law(now.Status == task.Inbox || !waits, "a dependency was not done")
		broken = append(broken, lawsOfMove(before, e, body, now.ID)...)
	case task.Deleted:
		return broken
	}
	law(e.Type == "task.created" || in[task.Task](before, now.ID).Exists(), "the task is gone")
	law(len(now.DependsOn) == 0 || !leadsBack(before, now), "its dependencies lead back to it")
	for _, id := range now.DependsOn {
		law(in[task.Task](before, id).Exists(), "a dependency is gone")
	}
	for _, id := range now.TagIDs {
		law(in[tag.Tag](before, id).Exists(), "a tag is gone")
	}
	return broken
}

// lawsOfMove are what the board, requests for approval and the assignee ask of
// a move.
func lawsOfMove(before past, e *eventstore.Recorded, move task.StatusChanged, id uuid.UUID) (broken []string) {
	law := func(holds bool, text string) {
		if !holds {
			broken = append(broken, text)
		}
	}
	if move.Because != nil { // of another task: nobody moved this one
		return nil
	}
	was := in[task.Task](before, id)
	rules := in[board.Board](before, was.BoardID)
	var waiting, granted []uuid.UUID
	for _, a := range having(before, func(a approval.Approval) bool { return a.Exists() && slices.Contains(a.TaskIDs, id) }) {
		switch a.Status {
		case approval.Pending:
			waiting = append(waiting, a.ID)
		case approval.Approved:
			granted = append(granted, a.ID)
		case approval.Rejected:
		}
	}
	law(len(waiting) == 0 || !rules.BlockStatusChangesWithPendingApproval, "an approval was pending")
	law(move.Status != task.Done || !rules.RequireReviewBeforeDone || was.Status == task.Review, "it was not in review")
	if move.Status == task.Done && rules.RequireApprovalForDone {
		law(len(granted) > 0, "no approval was granted")
		law(sameIDs(move.Approvals, granted), fmt.Sprintf("it names %v, %v were granted", move.Approvals, granted))
	}
	if e.Actor.Type == domain.Agent && !in[agent.Agent](before, e.Actor.ID).IsBoardLead {
		law(was.AssignedAgentID == nil || *was.AssignedAgentID == e.Actor.ID, "it was another's")
	}
	return broken
}

// blocked reports whether a task that is not done depends on one that is not.
func blocked(p past, now task.Task) bool {
	return now.Status != task.Done && slices.ContainsFunc(now.DependsOn, func(id uuid.UUID) bool {
		dependency := in[task.Task](p, id)
		return dependency.Exists() && dependency.Status != task.Done
	})
}

func sameIDs(a, b []uuid.UUID) bool {
	if len(a) != len(b) {
		return false
	}
	return !slices.ContainsFunc(a, func(id uuid.UUID) bool { return !slices.Contains(b, id) })
}

func leadsBack(p past, now task.Task) bool {
	edges := map[uuid.UUID][]uuid.UUID{}
	for _, other := range having(p, func(other task.Task) bool { return other.Exists() && other.ID != now.ID }) {
		edges[other.ID] = other.DependsOn
	}
	return task.Cycle(edges, now.ID, now.DependsOn)
}

func lawsOfApproval(before past, e *eventstore.Recorded, now approval.Approval) (broken []string) {
	law := func(holds bool, text string) {
		if !holds {
			broken = append(broken, text)
		}
	}
	law(in[board.Board](before, now.BoardID).Exists(), "its board is gone")
	if !now.Exists() {
		return broken
	}
	was := in[approval.Approval](before, now.ID)
	if now.Status == approval.Pending && was.Status != approval.Pending {
		law(len(having(before, func(other approval.Approval) bool {
			return other.Exists() && other.Status == approval.Pending && slices.ContainsFunc(other.TaskIDs, func(id uuid.UUID) bool { return slices.Contains(now.TaskIDs, id) })
		})) == 0, "one of its tasks waited for another")
	}
	if e.Type == "approval.created" {
		for _, id := range now.TaskIDs {
			law(in[task.Task](before, id).Exists(), "one of its tasks is gone")
		}
	}
	return broken
}
