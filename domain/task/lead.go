package task

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Texts of refusals to leads.
const (
	notToThemselves = "Board leads cannot assign tasks to themselves."
	commentGate     = "Lead comment gate failed: board leads cannot include `comment` in task PATCH. Use the task comments endpoint instead."
)

// LeadCreate adds a task on behalf of a board's lead.
type LeadCreate struct {
	Create Create
	By     uuid.UUID
}

// Decide creates it, with the reason that it was made by itself.
func (c LeadCreate) Decide(t Task) ([]Event, error) {
	if t.ID != uuid.Nil {
		return nil, domain.Bare(domain.Conflict)
	}
	create := c.Create
	if err := create.fits(); err != nil {
		return nil, err
	}
	switch {
	case len(create.Blockers) > 0 && (create.Created.AssignedAgentID != nil || create.Created.Status != Inbox):
		return nil, blockedBy("", create.Blockers)
	case create.Assignee.Unknown:
		return nil, domain.Bare(domain.NotFound)
	case create.Assignee.IsLead:
		return nil, domain.Refuse(domain.Forbidden, notToThemselves)
	case create.Assignee.OtherBoard:
		return nil, domain.Bare(domain.Conflict)
	}
	reason := AutoReason(c.By)
	create.Created.AutoReason = &reason
	return create.created()
}

// AutoReason is why a task stands there that a lead made.
func AutoReason(lead uuid.UUID) string { return "lead_agent:" + lead.String() }

// LeadEdit changes a task on behalf of the agent that leads its board.
type LeadEdit struct {
	Edit
	Facts
	Named []string // every field that was sent
}

// Decide follows the lead's rules: it hands work out, and judges reviews.
func (c LeadEdit) Decide(t Task) ([]Event, error) {
	if !t.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	for _, judge := range []func(Task) error{c.fields, c.links, c.blocked, c.assignee, c.moves} {
		if err := judge(t); err != nil {
			return nil, err
		}
	}
	to := c.Status.Or(t.Status)
	if err := c.gates(t.Status, to, to); err != nil {
		return nil, err
	}
	if c.ValuesRefused != nil {
		return nil, c.ValuesRefused
	}
	return c.changes(t, to).finish(t, to, c.Edit, c.Facts), nil
}

// leadFields are what a lead may name.
func leadFields() []string {
	return []string{"assigned_agent_id", "custom_field_values", "depends_on_task_ids", "status", "tag_ids"}
}

func (c LeadEdit) fields(Task) error {
	if c.HasComment {
		return domain.Refuse(domain.Forbidden, commentGate)
	}
	allowed := leadFields()
	var others []string
	for _, name := range c.Named {
		if name != "comment" && !slices.Contains(allowed, name) {
			others = append(others, name)
		}
	}
	if len(others) == 0 {
		return nil
	}
	slices.Sort(others)
	return domain.Refuse(domain.Forbidden, "Lead field gate failed: unsupported fields for board leads: %s. Allowed fields: %s.",
		strings.Join(others, ", "), strings.Join(allowed, ", "))
}

func (c LeadEdit) links(t Task) error {
	if err := c.newDependencies(t, c.Edit); err != nil {
		return err
	}
	return c.tagsExist()
}

func (c LeadEdit) blocked(Task) error {
	if len(c.Blockers) > 0 && (c.Status.Set || c.Edit.Assignee.Set) {
		return blockedBy(blockedCode, c.Blockers)
	}
	return nil
}

func (c LeadEdit) assignee(Task) error {
	if c.Edit.Assignee.Value == nil {
		return nil
	}
	switch a := c.Facts.Assignee; {
	case a.Unknown:
		return domain.Bare(domain.NotFound)
	case a.IsLead:
		return domain.Refuse(domain.Forbidden, notToThemselves)
	case a.OtherBoard:
		return domain.Bare(domain.Conflict)
	}
	return nil
}

func (c LeadEdit) moves(t Task) error {
	if !c.Status.Set {
		return nil
	}
	to := *c.Status.Value
	if moves(to)[leader](move{from: t.Status, to: to, assigned: c.Edit.Assignee.Value != nil}) {
		return nil
	}
	if t.Status == Review {
		return domain.Refuse(domain.Forbidden,
			"Lead status target gate failed: review tasks can only move to `done` or `inbox` (requested: `%s`).", to)
	}
	return domain.Refuse(domain.Forbidden,
		"Lead status gate failed: board leads can only change status when the current task status is `review` (current: `%s`).", t.Status)
}

// changes hands a task that fails its review back to who did it; work that a
// lead starts is stamped like any other.
func (c LeadEdit) changes(t Task, to Status) Changes {
	var changes Changes
	if c.Edit.Assignee.Set {
		changes.AssignedAgentID = c.Edit.Assignee
	}
	switch {
	case t.Status == Review && to == Inbox && c.Status.Set:
		changes.AssignedAgentID = domain.Optional[uuid.UUID]{Set: true, Value: c.LastWorker}
		changes.InProgressAt = domain.Null[time.Time]()
	case to == InProgress && t.Status != InProgress:
		changes.InProgressAt = domain.Some(c.Now)
	}
	return changes
}
