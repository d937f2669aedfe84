package task

import (
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Create adds a task to a board.
type Create struct {
	Created Created
	Facts
}

// Decide creates it. What begins as done passes the same gates as what becomes
// done.
func (c Create) Decide(t Task) ([]Event, error) {
	if t.ID != uuid.Nil {
		return nil, domain.Bare(domain.Conflict)
	}
	if err := c.fits(); err != nil {
		return nil, err
	}
	if len(c.Blockers) > 0 && (c.Created.AssignedAgentID != nil || c.Created.Status != Inbox) {
		return nil, blockedBy(blockedCode, c.Blockers)
	}
	if err := c.assignable(); err != nil {
		return nil, err
	}
	return c.created()
}

func (c Create) fits() error {
	if err := c.dependenciesFit(); err != nil {
		return err
	}
	return c.tagsExist()
}

func (c Create) created() ([]Event, error) {
	if err := c.gates(Inbox, c.Created.Status, c.Created.Status); err != nil {
		return nil, err
	}
	if c.ValuesRefused != nil {
		return nil, c.ValuesRefused
	}
	e := c.Created
	e.Approvals = c.passedBy(Inbox, e.Status)
	if len(c.Values) > 0 {
		e.Values = c.Values
	}
	return []Event{e}, nil
}

// UserEdit changes a task on behalf of a person.
type UserEdit struct {
	Edit
	Facts
}

// Decide records one event even when nothing changes: a touch moves
// updated_at. A blocked task goes to the inbox, whatever was asked for.
func (c UserEdit) Decide(t Task) ([]Event, error) {
	if !t.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	if err := c.tagsExist(); err != nil {
		return nil, err
	}
	if err := c.newDependencies(t, c.Edit); err != nil {
		return nil, err
	}
	changes := Changes{Title: c.Title, Description: c.Description, Priority: c.Priority, DueAt: c.DueAt}
	requested := c.Status.Or(t.Status)
	to := requested
	if len(c.Blockers) > 0 && (t.Status != Done || requested != Done) {
		to = Inbox
		changes.AssignedAgentID, changes.InProgressAt = domain.Null[uuid.UUID](), domain.Null[time.Time]()
		changes.remember(t)
	} else {
		if c.Status.Set {
			changes.enter(t, to, c.Now)
		}
		if c.Edit.Assignee.Set {
			if err := c.assignable(); err != nil {
				return nil, err
			}
			changes.AssignedAgentID = c.Edit.Assignee
		}
	}
	return c.tail(t, requested, to, changes)
}

// tail is what people and workers have in common behind their own rules.
func (c UserEdit) tail(t Task, requested, to Status, changes Changes) ([]Event, error) {
	if err := c.gates(t.Status, requested, to); err != nil {
		return nil, err
	}
	if err := c.reviewComment(c.Edit); err != nil {
		return nil, err
	}
	if to == Review && t.Status != Review && c.Lead != nil {
		changes.AssignedAgentID = domain.Some(*c.Lead)
	}
	if c.ValuesRefused != nil {
		return nil, c.ValuesRefused
	}
	return changes.finish(t, to, c.Edit, c.Facts), nil
}
