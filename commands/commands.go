// Package commands holds the use cases: each gathers the facts that a decision
// needs, lets the domain decide, and leaves the rest to the event store. It
// knows nothing of transport.
package commands

import (
	"time"

	"missioncontrol/auth"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/approval"
	"missioncontrol/domain/board"
	"missioncontrol/domain/comment"
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

// Commands are the use cases by noun.
type Commands struct {
	Users         Users
	Organizations Organizations
	Members       Members
	Invites       Invites
	Boards        Boards
	Groups        Groups
	Agents        Agents
	Tasks         Tasks
	Comments      Comments
	Approvals     Approvals
	Tags          Tags
	Fields        Fields
	Memories      Memories
	Audit         *Audit
	Notifications Notifications
	Logbook       Logbook
}

// New returns the use cases on a store whose vocabulary is Vocabulary; known
// recognises the tokens that they issue.
func New(store *eventstore.Store, read projections.Reader, known *auth.Agents) Commands {
	users := eventstore.For[user.User, user.Event](store, "user")
	members := eventstore.For[member.Member, member.Event](store, "member")
	memberships, boards := projections.Members{Reader: read}, projections.Boards{Reader: read}
	boardStreams := eventstore.For[board.Board, board.Event](store, "board")
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
	comments := eventstore.For[comment.Comment, comment.Event](store, "comment")
	approvals := eventstore.For[approval.Approval, approval.Event](store, "approval")
	memories := eventstore.For[memory.Memory, memory.Event](store, "memory")
	return Commands{
		Audit: newAudit(store),
		Users: Users{
			store: store, users: users, organizations: organizations, members: members, invites: invites,
			read: projections.Users{Reader: read}, memberships: memberships, asked: newLately(10 * time.Minute),
		},
		Organizations: organizations,
		Members:       Members{store: store, members: members, read: memberships, boards: boards, invites: invites},
		Invites:       invites,
		Boards:        Boards{store: store, boards: boardStreams, members: members, groups: projections.Groups{Reader: read}},
		Agents: Agents{
			store: store, agents: agents, tasks: tasks, boards: boards, read: projections.Agents{Reader: read},
			assigned: projections.Tasks{Reader: read}, presence: projections.Presences{Reader: read}, tokens: projections.Tokens{Reader: read}, known: known, touched: newLately(touchEvery),
		},
		Tasks: Tasks{
			store: store, tasks: tasks, agents: agents, read: projections.Tasks{Reader: read}, boards: boards,
			comments: comments, said: projections.Comments{Reader: read}, approvals: approvals, linked: projections.Approvals{Reader: read},
			crew: projections.Agents{Reader: read}, tags: projections.Tags{Reader: read}, fields: projections.Fields{Reader: read},
		},
		Tags: Tags{store: store, tags: eventstore.For[tag.Tag, tag.Event](store, "tag"), tasks: tasks, read: projections.Tags{Reader: read}},
		Fields: Fields{
			store: store, fields: eventstore.For[field.Definition, field.Event](store, "field"), boards: boards, read: projections.Fields{Reader: read},
		},
		Comments:  Comments{store: store, comments: comments, tasks: tasks, agents: agents, read: projections.Comments{Reader: read}},
		Approvals: Approvals{store: store, approvals: approvals, agents: agents, tasks: projections.Tasks{Reader: read}, read: projections.Approvals{Reader: read}},
		Memories:  Memories{store: store, memories: memories, users: users, agents: agents, boards: boards},
		Notifications: Notifications{
			store: store, notifications: eventstore.For[notification.Notification, notification.Event](store, "notification"),
			agents: agents, tasks: tasks, approvals: approvals, memories: memories, boards: boards, groups: projections.Groups{Reader: read},
			organizations: projections.Organizations{Reader: read}, crew: projections.Agents{Reader: read}, said: projections.Comments{Reader: read},
		},
		Logbook: Logbook{store: store, logs: eventstore.For[logbook.Log, logbook.Event](store, "log")},
		Groups: Groups{
			store: store, groups: eventstore.For[group.Group, group.Event](store, "group"), boards: boardStreams, agents: agents,
			read: projections.Groups{Reader: read},
		},
	}
}
