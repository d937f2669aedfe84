package processes

import (
	"context"
	"log/slog"

	"github.com/google/uuid"

	"missioncontrol/domain/agent"
	"missioncontrol/domain/board"
	"missioncontrol/domain/group"
	"missioncontrol/domain/organization"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Removal removes the rows of what was deleted with something else: one event
// ends an organization, a board, a group or an agent, and from its position on everything
// in it is gone for callers; the rows follow here, in slices that hold nobody
// up. What is not from the log goes too: the keys and secrets of its invites,
// and what is known of its agents.
func Removal(store *eventstore.Store, read projections.Reader, log *slog.Logger) Process {
	r := removal{erasure{store, projections.Invites{Reader: read}}, read}
	return Process{Name: "removal", Store: store, Log: log, Handle: func(ctx context.Context, e *eventstore.Recorded) error {
		switch e.Event.(type) {
		case organization.Deleted:
			return r.organization(ctx, e.Stream)
		case board.Deleted:
			return r.board(ctx, e.Stream)
		case group.Deleted:
			return projections.Removal{Reader: read}.Group(ctx, e.Stream)
		case agent.Deleted:
			return projections.Removal{Reader: read}.Agent(ctx, e.Stream)
		case task.Deleted:
			return projections.Removal{Reader: read}.Task(ctx, e.Stream)
		}
		return nil
	}}
}

type removal struct {
	erasure
	read projections.Reader
}

func (r removal) organization(ctx context.Context, org uuid.UUID) error {
	invites, err := r.store.StreamsOf(ctx, org, "invite.created")
	if err != nil {
		return err
	}
	if err := r.erase(ctx, invites); err != nil {
		return err
	}
	agents, err := r.store.StreamsOf(ctx, org, "agent.created")
	if err != nil {
		return err
	}
	if err := r.forget(ctx, agents); err != nil {
		return err
	}
	return projections.Removal{Reader: r.read}.Organization(ctx, org)
}

// forget drops what is known of agents beside the log.
func (r removal) forget(ctx context.Context, agents []uuid.UUID) error {
	if err := (projections.Tokens{Reader: r.read}).DropOf(ctx, agents...); err != nil {
		return err
	}
	return projections.Presences{Reader: r.read}.Forget(ctx, agents...)
}

// board forgets the agents of a board before their rows go, which tell whose
// they were.
func (r removal) board(ctx context.Context, board uuid.UUID) error {
	agents, err := projections.Agents{Reader: r.read}.LeftOn(ctx, board)
	if err != nil {
		return err
	}
	if err := r.forget(ctx, agents); err != nil {
		return err
	}
	return projections.Removal{Reader: r.read}.Board(ctx, board)
}
