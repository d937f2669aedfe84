// Package commands holds the use cases: each gathers the facts that a decision
// needs, lets the domain decide, and leaves the rest to the event store. It
// knows nothing of transport.
package commands

import (
	"time"

	"missioncontrol/auth"
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

// Commands are the use cases by noun.
type Commands struct {
	Users         Users
	Organizations Organizations
	Members       Members
	Invites       Invites
	Boards        Boards
	Agents        Agents
	Tasks         Tasks
	Memories      Memories
}

// New returns the use cases on a store whose vocabulary is Vocabulary; known
// recognises the tokens that they issue.
func New(store *eventstore.Store, read projections.Reader, known *auth.Agents) Commands {
	users := eventstore.For[user.User, user.Event](store, "user")
	members := eventstore.For[member.Member, member.Event](store, "member")
	memberships, boards := projections.Members{Reader: read}, projections.Boards{Reader: read}
	organizations := Organizations{
		store: store, organizations: eventstore.For[organization.Organization, organization.Event](store, "organization"),
		members: members, users: users, read: projections.Organizations{Reader: read}, memberships: memberships, boards: boards,
	}
	invites := Invites{
		store: store, invites: eventstore.For[invite.Invite, invite.Event](store, "invite"), members: members, users: users,
		read: projections.Invites{Reader: read}, memberships: memberships, boards: boards,
	}
	agents := eventstore.For[agent.Agent, agent.Event](store, "agent")
	tasks := eventstore.For[task.Task, task.Event](store, "task")
	return Commands{
		Users: Users{
			store: store, users: users, organizations: organizations, members: members, invites: invites,
			read: projections.Users{Reader: read}, memberships: memberships, asked: newLately(10 * time.Minute),
		},
		Organizations: organizations,
		Members:       Members{store: store, members: members, read: memberships, boards: boards, invites: invites},
		Invites:       invites,
		Boards:        Boards{store: store, boards: eventstore.For[board.Board, board.Event](store, "board"), members: members},
		Agents: Agents{
			store: store, agents: agents, tasks: tasks, boards: boards, read: projections.Agents{Reader: read},
			assigned: projections.Tasks{Reader: read}, presence: projections.Presences{Reader: read}, tokens: projections.Tokens{Reader: read}, known: known, touched: newLately(touchEvery),
		},
		Tasks:    Tasks{store: store, tasks: tasks, agents: agents},
		Memories: Memories{store: store, memories: eventstore.For[memory.Memory, memory.Event](store, "memory"), users: users, agents: agents},
	}
}
