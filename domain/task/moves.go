package task

import (
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// The state machine. Who may move a task where is one table; what a move does
// by itself is enter. The gates of gates.go come on top, for everybody.
//
//	to            a person   a worker            the lead
//	inbox         always     own or nobody's     from review
//	in_progress   always     own or nobody's     from inbox, with an assignee
//	review        always     own or nobody's     never
//	done          always     own or nobody's     from review
type who int

const (
	person who = iota
	worker
	leader
)

// move is a status change that somebody asks for.
type move struct {
	from, to Status
	mine     bool // the task is the caller's, or nobody's
	assigned bool // the same request gives it an assignee
}

type may func(move) bool

func always(move) bool              { return true }
func never(move) bool               { return false }
func ownOrFree(m move) bool         { return m.mine }
func fromReview(m move) bool        { return m.from == Review }
func inboxWithAssignee(m move) bool { return m.from == Inbox && m.assigned }
func moves(to Status) map[who]may {
	return map[Status]map[who]may{
		Inbox:      {person: always, worker: ownOrFree, leader: fromReview},
		InProgress: {person: always, worker: ownOrFree, leader: inboxWithAssignee},
		Review:     {person: always, worker: ownOrFree, leader: never},
		Done:       {person: always, worker: ownOrFree, leader: fromReview},
	}[to]
}

// Texts and codes of refused moves.
const (
	blockedText = "Task is blocked by incomplete dependencies."
	blockedCode = "task_blocked_cannot_transition"
	notYours    = "Agents can only change status on tasks assigned to them."
	notYourCode = "task_assignee_mismatch"
)

// gateDetail is what clients read of a move that a gate stopped.
type gateDetail struct {
	Message   string      `json:"message"`
	Code      string      `json:"code,omitzero"`
	BlockedBy []uuid.UUID `json:"blocked_by_task_ids"`
}

// codedDetail is a refusal with a code for agents.
type codedDetail struct {
	Message string `json:"message"`
	Code    string `json:"code"`
}

func blockedBy(code string, blockers []uuid.UUID) error {
	return domain.RefuseWith(domain.Conflict, gateDetail{blockedText, code, blockers})
}
