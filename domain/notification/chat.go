package notification

import (
	"strings"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Message is what somebody writes into the chat of a board.
type Message struct {
	On        Board
	By        domain.Actor
	MemoryID  uuid.UUID
	Content   string
	Mentioned map[uuid.UUID]bool // agents of the board
}

// commandOf is what a message tells all agents to do, "" if it is none.
func commandOf(content string) string {
	switch c := strings.ToLower(strings.TrimSpace(content)); c {
	case "/pause", "/resume":
		return c
	}
	return ""
}

// Told lists who is told of it: the lead and those it mentions; all of them if
// it is a command.
func (m Message) Told() []Created {
	var told []Created
	command := commandOf(m.Content)
	for _, a := range m.On.Crew {
		switch {
		case is(m.By, a):
		case command != "":
			c := m.tell(a, ChatCommand, command)
			c.Deliver = true
			told = append(told, c)
		case m.Mentioned[a.ID]:
			told = append(told, m.tell(a, BoardChatMention, m.text("BOARD CHAT MENTION")))
		case a.IsLead:
			told = append(told, m.tell(a, BoardChat, m.text("BOARD CHAT")))
		}
	}
	return told
}

func (m Message) tell(a Agent, k Kind, text string) Created {
	return Created{AgentID: a.ID, Kind: k, BoardID: m.On.ID, MemoryID: &m.MemoryID, Text: text}
}

func (m Message) text(heading string) string {
	return paragraphs(lines(heading, label("Board", m.On.Name)), cut(m.Content, mostOfChat), reply(boardMemory(m.On.ID)))
}

// GroupMessage is what somebody writes into the memory of a group for others.
type GroupMessage struct {
	In        Group
	By        domain.Actor
	MemoryID  uuid.UUID
	Content   string
	ForAll    bool
	Boards    []Board            // of the group
	Mentioned map[uuid.UUID]bool // agents of these boards
}

// Told lists who is told of it: everybody, or the leads and those it mentions.
func (m GroupMessage) Told() []Created {
	var told []Created
	for _, b := range m.Boards {
		for _, a := range b.Crew {
			switch {
			case is(m.By, a):
			case m.ForAll:
				told = append(told, m.tell(a, b, GroupBroadcast, "GROUP BROADCAST"))
			case m.Mentioned[a.ID]:
				told = append(told, m.tell(a, b, GroupChatMention, "GROUP CHAT MENTION"))
			case a.IsLead:
				told = append(told, m.tell(a, b, GroupChat, "GROUP CHAT"))
			}
		}
	}
	return told
}

func (m GroupMessage) tell(a Agent, on Board, k Kind, heading string) Created {
	return Created{
		AgentID: a.ID, Kind: k, BoardID: on.ID, BoardGroupID: &m.In.ID, MemoryID: &m.MemoryID,
		Text: paragraphs(lines(heading, label("Group", m.In.Name)), cut(m.Content, mostOfChat), reply(groupMemory(on.ID))),
	}
}
