// Package commands holds the use cases: each gathers the facts that a decision
// needs, lets the domain decide, and leaves the rest to the event store. It
// knows nothing of transport.
package commands

import (
	"missioncontrol/domain/board"
	"missioncontrol/domain/member"
	"missioncontrol/domain/memory"
	"missioncontrol/domain/organization"
	"missioncontrol/domain/task"
	"missioncontrol/domain/user"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Commands are the use cases by noun.
type Commands struct {
	Users    Users
	Boards   Boards
	Tasks    Tasks
	Memories Memories
}

// New returns the use cases on a store whose vocabulary is Vocabulary.
func New(store *eventstore.Store, read projections.Reader) Commands {
	users := eventstore.For[user.User, user.Event](store, "user")
	return Commands{
		Users: Users{
			store: store, users: users, read: projections.Users{Reader: read}, memberships: projections.Members{Reader: read},
			organizations: eventstore.For[organization.Organization, organization.Event](store, "organization"),
			members:       eventstore.For[member.Member, member.Event](store, "member"),
		},
		Boards:   Boards{store: store, boards: eventstore.For[board.Board, board.Event](store, "board")},
		Tasks:    Tasks{store: store, tasks: eventstore.For[task.Task, task.Event](store, "task")},
		Memories: Memories{store: store, memories: eventstore.For[memory.Memory, memory.Event](store, "memory"), users: users},
	}
}
