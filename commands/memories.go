package commands

import (
	"context"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/memory"
	"missioncontrol/domain/user"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Memories are the use cases of boards' memory.
type Memories struct {
	store    *eventstore.Store
	memories eventstore.Aggregate[memory.Memory, memory.Event]
	users    eventstore.Aggregate[user.User, user.Event]
	agents   eventstore.Aggregate[agent.Agent, agent.Event]
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
	ids, err := freshIDs(1)
	if err != nil {
		return projections.Memory{}, err
	}
	name, err := m.authorName(ctx)
	if err != nil {
		return projections.Memory{}, err
	}
	fallback, err := m.fallbackName(ctx)
	if err != nil {
		return projections.Memory{}, err
	}
	var view projections.Memory
	err = m.store.Do(ctx, func(d *eventstore.Decision) error {
		x := m.memories.New(d, at.Organization, ids[0])
		if err := x.Decide(memory.Create{
			BoardID: at.Board, Content: n.Content, Tags: n.Tags, Source: n.Source,
			PersonName: name, FallbackName: fallback,
		}); err != nil {
			return err
		}
		now, err := x.State()
		view = projections.ViewMemory(now)
		d.Answer(view)
		return err
	})
	return view, err
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
