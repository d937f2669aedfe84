package notification

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Resolution is the decision on a request for approval.
type Resolution struct {
	On         Board
	By         domain.Actor
	ApprovalID uuid.UUID
	AskedBy    *Agent // nil: a person, or it is gone
	ActionType string
	Decision   string
	Confidence float64
	TaskIDs    []uuid.UUID
}

// Told lists who is told of it: the lead of the board, and whoever asked.
func (r Resolution) Told() []Created {
	var told []Created
	lead := r.On.lead()
	if lead != nil && !is(r.By, *lead) {
		told = append(told, r.tell(*lead))
	}
	if a := r.AskedBy; a != nil && !is(r.By, *a) && (lead == nil || lead.ID != a.ID) {
		told = append(told, r.tell(*a))
	}
	return told
}

func (r Resolution) tell(a Agent) Created {
	head := []string{
		"APPROVAL RESOLVED", label("Board", r.On.Name), "Approval ID: " + r.ApprovalID.String(), label("Action", r.ActionType),
		"Decision: " + r.Decision, "Confidence: " + decimal(r.Confidence),
	}
	var ids []string
	for _, id := range r.TaskIDs {
		ids = append(ids, id.String())
	}
	var primary *uuid.UUID
	switch {
	case len(ids) == 1:
		head = append(head, "Task ID: "+ids[0])
	case len(ids) > 1:
		head = append(head, "Task IDs: "+strings.Join(ids, ", "))
	}
	if len(ids) > 0 {
		primary = &r.TaskIDs[0]
	}
	return Created{
		AgentID: a.ID, Kind: ApprovalResolved, BoardID: r.On.ID, ApprovalID: &r.ApprovalID, TaskID: primary,
		Text: paragraphs(lines(head...), "Go on as it was decided."),
	}
}

// decimal writes a number with its point, as answers do.
func decimal(f float64) string {
	text := fmt.Sprint(f)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// BoardChange is a change of the settings of a board.
type BoardChange struct {
	On      Board
	By      domain.Actor
	Changed []Field
}

// Field is a setting that changed, in words.
type Field struct{ Name, Before, After string }

// Told lists who is told of it: the lead.
func (c BoardChange) Told() []Created {
	lead := c.On.lead()
	if lead == nil || len(c.Changed) == 0 || is(c.By, *lead) {
		return nil
	}
	fields := slices.SortedFunc(slices.Values(c.Changed), func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	list := []string{"Changed fields:"}
	for _, f := range fields {
		list = append(list, "- "+f.Name+": "+oneLine(f.Before)+" -> "+oneLine(f.After))
	}
	return []Created{{
		AgentID: lead.ID, Kind: BoardUpdated, BoardID: c.On.ID,
		Text: paragraphs(lines("BOARD UPDATED", label("Board", c.On.Name), "Board ID: "+c.On.ID.String()), lines(list...),
			"Look at what this means for the work on the board."),
	}}
}

// GroupChange is a board that joins or leaves a group of boards.
type GroupChange struct {
	Joined bool
	Board  Board
	Group  Group
	By     domain.Actor
	Among  []Board // whose agents are told
}

// Told lists who is told of it: all agents of those boards.
func (c GroupChange) Told() []Created {
	kind, verb := BoardLeftGroup, "Left"
	if c.Joined {
		kind, verb = BoardJoinedGroup, "Joined"
	}
	var told []Created
	for _, b := range c.Among {
		text := paragraphs(
			lines("BOARD GROUP UPDATED", label(verb+" Board", c.Board.Name), verb+" Board ID: "+c.Board.ID.String(),
				label("Recipient Board", b.Name), "Recipient Board ID: "+b.ID.String(), label("Board Group", c.Group.Name), "Board Group ID: "+c.Group.ID.String()),
			lines("Coordination guidance:", "1. Read the memory and the snapshot of the group before work that others may do too.",
				"2. Say in the group's chat what other boards have to know.", "3. Agree with the other leads on work that crosses boards."))
		for _, a := range b.Crew {
			if !is(c.By, a) {
				told = append(told, Created{AgentID: a.ID, Kind: kind, BoardID: b.ID, BoardGroupID: &c.Group.ID, Text: text})
			}
		}
	}
	return told
}
