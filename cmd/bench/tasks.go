package main

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// withTasks creates tasks, whose row and frame are written with the event.
func withTasks(ctx context.Context, url string) (*appender, error) {
	l, err := openLog(ctx, url, func(c *eventstore.Config) { c.Projector = projections.Projector{} })
	if err != nil {
		return nil, err
	}
	l.run(ctx)
	read := projections.Reader{DB: l.db, Store: l.Store}
	use := commands.New(l.Store, read, auth.NewAgents(l.Store, read, nil))
	at := commands.Place{Organization: uuid.New(), Board: uuid.New()}
	actor := domain.Actor{Type: domain.User, ID: uuid.New(), Auth: "local"}
	text := "What has to be done, in a sentence or two, as people write it."
	return &appender{l, "log, tasks and frames", func(ctx context.Context, _ int) error {
		ctx = eventstore.WithCommand(ctx, &eventstore.Command{Actor: actor})
		_, err := use.Tasks.Create(ctx, at, task.Create{Title: "A task of the bench", Description: &text, Status: task.Inbox, Priority: "medium"})
		return err
	}}, nil
}
