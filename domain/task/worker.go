package task

import (
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// WorkerEdit changes a task on behalf of an agent that does not lead its board.
type WorkerEdit struct {
	Edit
	Facts
	Agent uuid.UUID
}

// Decide lets workers move what is theirs or nobody's, which claims it.
func (c WorkerEdit) Decide(t Task) ([]Event, error) {
	if !t.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	if err := c.allowed(t); err != nil {
		return nil, err
	}
	var changes Changes
	to := c.Status.Or(t.Status)
	if c.Status.Set {
		changes.enter(t, to, c.Now)
		if to == InProgress || to == Done {
			changes.AssignedAgentID = domain.Some(c.Agent)
		}
	}
	return UserEdit{c.Edit, c.Facts}.tail(t, to, to, changes)
}

func (c WorkerEdit) allowed(t Task) error {
	to := c.Status.Or(t.Status)
	m := move{from: t.Status, to: to, mine: t.AssignedAgentID == nil || *t.AssignedAgentID == c.Agent}
	switch {
	case c.Status.Set && !moves(to)[worker](m):
		return domain.RefuseWith(domain.Forbidden, codedDetail{notYours, notYourCode})
	case c.namesMore():
		return domain.RefuseWith(domain.Forbidden, codedDetail{
			"Agents may only update status, comment, and custom field values.", "task_update_field_forbidden",
		})
	case c.Status.Set && c.Policies.OnlyLeadMoves:
		return domain.Refuse(domain.Forbidden, "Only board leads can change task status.")
	case c.Status.Set && to != Inbox && len(c.Blockers) > 0:
		return blockedBy(blockedCode, c.Blockers)
	}
	return nil
}

// namesMore reports whether a field is named that is not a worker's to change.
func (e Edit) namesMore() bool {
	return e.Title.Set || e.Description.Set || e.Priority.Set || e.DueAt.Set || e.Assignee.Set || e.DependsOn != nil || e.TagIDs != nil
}
