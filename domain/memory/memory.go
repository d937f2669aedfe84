// Package memory decides what may happen to an item of a board's memory: a
// note, or a message of its chat.
package memory

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// chatTag makes an item a chat message.
const chatTag = "chat"

// Event is something that happened to an item of memory.
//
//sumtype:decl
type Event interface{ isMemoryEvent() }

// Created: the item was written down.
type Created struct {
	BoardID    uuid.UUID       `json:"board_id"`
	Content    string          `json:"content"`
	Tags       []string        `json:"tags"` // null: none were given
	Source     *string         `json:"source"`
	SourceName domain.Personal `json:"source_name,omitzero"` // of the person who wrote it, in place of Source
	IsChat     bool            `json:"is_chat"`
}

func (Created) isMemoryEvent() {}

// Events names every event as it is stored.
var Events = map[string]Event{"memory.created": Created{}}

// Memory is an item. The zero one does not exist.
type Memory struct {
	ID, BoardID uuid.UUID
	Content     string
	Tags        []string
	Source      *string
	SourceName  domain.Personal
	IsChat      bool
	CreatedAt   time.Time
}

// Evolve returns the item after e.
func (mm Memory) Evolve(m domain.Meta, e Event) Memory {
	switch e := e.(type) {
	case Created:
		mm.ID, mm.BoardID, mm.CreatedAt = m.Stream, e.BoardID, m.Time
		mm.Content, mm.Tags, mm.Source, mm.SourceName, mm.IsChat = e.Content, e.Tags, e.Source, e.SourceName, e.IsChat
	}
	return mm
}

// Create writes an item down. Author stands in for a missing source of a chat
// message: a person's own name is personal, any other is not.
type Create struct {
	BoardID      uuid.UUID
	Content      string
	Tags         []string
	Source       *string
	PersonName   domain.Personal
	FallbackName string
}

// Decide derives whether it is chat, and its source.
func (c Create) Decide(mm Memory) ([]Event, error) {
	if mm.ID != uuid.Nil {
		return nil, domain.Bare(domain.Conflict)
	}
	e := Created{BoardID: c.BoardID, Content: c.Content, Tags: c.Tags, Source: c.Source, IsChat: slices.Contains(c.Tags, chatTag)}
	if e.IsChat && (e.Source == nil || *e.Source == "") {
		e.Source, e.SourceName = nil, c.PersonName
		if c.PersonName.IsZero() {
			e.Source = &c.FallbackName
		}
	}
	return []Event{e}, nil
}
