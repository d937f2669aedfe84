package commands

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/memory"
	"missioncontrol/domain/user"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Memories are the use cases of the memory of boards and of their groups.
type Memories struct {
	store    *eventstore.Store
	memories eventstore.Aggregate[memory.Memory, memory.Event]
	users    eventstore.Aggregate[user.User, user.Event]
	agents   eventstore.Aggregate[agent.Agent, agent.Event]
	boards   projections.Boards
}

// Note is what somebody writes down.
type Note struct {
	Content string
	Tags    []string
	Source  *string
}

// Create writes an item into a board's memory. A chat message without a source
// is signed with its author's name.
func (m Memories) Create(ctx context.Context, at Place, n Note) (projections.Memory, error) {
	id := uuid.New()
	note, err := m.signed(ctx, n)
	if err != nil {
		return projections.Memory{}, err
	}
	var view projections.Memory
	err = m.store.Do(ctx, func(d *eventstore.Decision) error {
		x := m.memories.New(d, at.Organization, id)
		return carryOut(d, x, memory.Create{BoardID: at.Board, Note: note}, &view, projections.ViewMemory)
	})
	return view, err
}

// Share writes an item into the memory of a group. What addresses somebody and
// has no source is signed with its author's name.
func (m Memories) Share(ctx context.Context, org, group uuid.UUID, n Note) (projections.GroupMemory, error) {
	return m.share(ctx, org, n, func(*eventstore.Decision) (uuid.UUID, error) { return group, nil })
}

// ShareFrom is Share into the group that a board is in.
func (m Memories) ShareFrom(ctx context.Context, at Place, n Note) (projections.GroupMemory, error) {
	return m.share(ctx, at.Organization, n, func(d *eventstore.Decision) (uuid.UUID, error) {
		b, err := m.boards.Find(ctx, d, at.Board)
		switch {
		case err != nil:
			return uuid.Nil, err
		case b == nil:
			return uuid.Nil, domain.Bare(domain.NotFound)
		case b.BoardGroupID == nil:
			return uuid.Nil, domain.Refuse(domain.Invalid, "Board is not in a board group")
		}
		return *b.BoardGroupID, nil
	})
}

func (m Memories) share(ctx context.Context, org uuid.UUID, n Note, into func(*eventstore.Decision) (uuid.UUID, error)) (projections.GroupMemory, error) {
	id := uuid.New()
	note, err := m.signed(ctx, n)
	if err != nil {
		return projections.GroupMemory{}, err
	}
	var view projections.GroupMemory
	err = m.store.Do(ctx, func(d *eventstore.Decision) error {
		group, err := into(d)
		if err != nil {
			return err
		}
		x := m.memories.New(d, org, id)
		return carryOut(d, x, memory.Share{BoardGroupID: group, Note: note}, &view, projections.ViewGroupMemory)
	})
	return view, err
}

// signed is a note with the names that can stand in for its source.
func (m Memories) signed(ctx context.Context, n Note) (memory.Note, error) {
	note := memory.Note{Content: n.Content, Tags: n.Tags, Source: n.Source}
	var err error
	if note.PersonName, err = m.authorName(ctx); err != nil {
		return note, err
	}
	note.FallbackName, err = m.fallbackName(ctx)
	return note, err
}

// authorName is the name that a person goes by, none if it gave none.
func (m Memories) authorName(ctx context.Context) (domain.Personal, error) {
	actor := eventstore.CommandFrom(ctx).Actor
	if actor.Type != domain.User {
		return domain.Personal{}, nil
	}
	person, err := m.users.Find(ctx, actor.ID)
	if err != nil {
		return domain.Personal{}, err
	}
	for _, name := range []domain.Personal{person.PreferredName, person.Name} {
		if name.IsZero() {
			continue
		}
		text, err := m.store.Vault().OpenValue(ctx, name)
		if err != nil {
			return domain.Personal{}, err
		}
		if text != "" && text != eventstore.Erased {
			return domain.Plain(actor.ID, text), m.store.Vault().Ensure(ctx, actor.ID)
		}
	}
	return domain.Personal{}, nil
}

// fallbackName signs for those whose name is not personal, or not known.
func (m Memories) fallbackName(ctx context.Context) (string, error) {
	actor := eventstore.CommandFrom(ctx).Actor
	if actor.Type != domain.Agent {
		return "User", nil
	}
	a, err := m.agents.Find(ctx, actor.ID)
	return a.Profile.Name, err
}
