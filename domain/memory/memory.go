// Package memory decides what may happen to an item of the memory of a board, or
// of a group of boards: a note, or a message of its chat.
package memory

import (
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Tags that mean something: chat makes an item a chat message, broadcast sends
// one of a group to every agent.
const (
	chatTag      = "chat"
	broadcastTag = "broadcast"
)

// Event is something that happened to an item of memory.
//
//sumtype:decl
type Event interface{ isMemoryEvent() }

type (
	// Created: the item was written into a board's memory.
	Created struct {
		BoardID uuid.UUID `json:"board_id"`
		Text    `json:",inline"`
	}
	// Shared: the item was written into the memory of a group of boards.
	Shared struct {
		BoardGroupID uuid.UUID `json:"board_group_id"`
		Text         `json:",inline"`
	}
)

// Text is what was written, and by whom.
type Text struct {
	Content    string          `json:"content"`
	Tags       []string        `json:"tags"` // null: none were given
	Source     *string         `json:"source"`
	SourceName domain.Personal `json:"source_name,omitzero"` // of the person who wrote it, in place of Source
	IsChat     bool            `json:"is_chat"`
}

func (Created) isMemoryEvent() {}
func (Shared) isMemoryEvent()  {}

// Events names every event as it is stored.
var Events = map[string]Event{"memory.created": Created{}, "memory.shared": Shared{}}

// Memory is an item of a board's memory or, if it names one, of a group's. The
// zero one does not exist.
type Memory struct {
	ID, BoardID, BoardGroupID uuid.UUID
	Text
	CreatedAt time.Time
}

// Evolve returns the item after e.
func (mm Memory) Evolve(m domain.Meta, e Event) Memory {
	mm.ID, mm.CreatedAt = m.Stream, m.Time
	switch e := e.(type) {
	case Created:
		mm.BoardID, mm.Text = e.BoardID, e.Text
	case Shared:
		mm.BoardGroupID, mm.Text = e.BoardGroupID, e.Text
	}
	return mm
}

// Note is what somebody writes, and who signs if there is no source: a person's
// own name is personal, any other is not.
type Note struct {
	Content      string
	Tags         []string
	Source       *string
	PersonName   domain.Personal
	FallbackName string
}

// text is the note as it is kept, signed if it addresses somebody.
func (n Note) text(addresses bool) Text {
	t := Text{Content: n.Content, Tags: n.Tags, Source: n.Source, IsChat: n.isChat()}
	if addresses && (t.Source == nil || *t.Source == "") {
		t.Source, t.SourceName = nil, n.PersonName
		if n.PersonName.IsZero() {
			t.Source = &n.FallbackName
		}
	}
	return t
}

func (n Note) isChat() bool { return slices.Contains(n.Tags, chatTag) }

// Addresses reports whether a note in a group's memory is for somebody: chat,
// or for all.
func (n Note) Addresses() bool { return n.isChat() || n.ForAll() }

// ForAll reports whether a note in a group's memory is for every agent of the
// group.
func (n Note) ForAll() bool {
	return slices.Contains(n.Tags, broadcastTag) || everybody.MatchString(n.Content)
}

// everybody finds a mention of all: the whole of one, in any case.
var everybody = regexp.MustCompile(`(?i)@all(?:[^\pL\pN_-]|$)`)

// Create writes an item into a board's memory.
type Create struct {
	BoardID uuid.UUID
	Note
}

// Decide derives whether it is chat, and its source.
func (c Create) Decide(mm Memory) ([]Event, error) {
	if mm.ID != uuid.Nil {
		return nil, domain.Bare(domain.Conflict)
	}
	return []Event{Created{c.BoardID, c.text(c.isChat())}}, nil
}

// Share writes an item into the memory of a group.
type Share struct {
	BoardGroupID uuid.UUID
	Note
}

// Decide derives whether it is chat, and its source.
func (c Share) Decide(mm Memory) ([]Event, error) {
	if mm.ID != uuid.Nil {
		return nil, domain.Bare(domain.Conflict)
	}
	return []Event{Shared{c.BoardGroupID, c.text(c.Addresses())}}, nil
}
