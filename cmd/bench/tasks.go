package main

import (
	"context"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/domain"
	boards "missioncontrol/domain/board"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// withTasks creates tasks, whose row and frame are written with the event,
// while the indexes behind the log follow.
func withTasks(ctx context.Context, url string) (*appender, error) {
	l, err := openLog(ctx, url, func(c *eventstore.Config) { c.Projector = projections.Projector{} })
	if err != nil {
		return nil, err
	}
	read := projections.Reader{DB: l.db, Store: l.Store, Indexed: eventstore.NewIndexer(l.Store, indexes()...)}
	l.run(ctx, read.Indexed.Run)
	use := commands.New(l.Store, read, auth.NewAgents(l.Store, read, nil))
	who, err := use.Users.SignIn(ctx, commands.LocalIdentity())
	if err != nil {
		return nil, err
	}
	by, err := projections.Members{Reader: read}.Of(ctx, nil, who.ActiveOrganizationID, who.ID)
	if err != nil {
		return nil, err
	}
	made, err := use.Boards.Create(ctx, by, boards.Settings{Name: "Bench", Slug: "bench", Description: "Of the bench", BoardType: "general"})
	if err != nil {
		return nil, err
	}
	at := commands.Place{Organization: by.OrganizationID, Board: made.ID}
	actor := domain.Actor{Type: domain.User, ID: who.ID, Auth: "local"}
	text := "What has to be done, in a sentence or two, as people write it."
	return &appender{l, "log, tasks and frames", func(ctx context.Context, _ int) error {
		ctx = eventstore.WithCommand(ctx, &eventstore.Command{Actor: actor})
		_, err := use.Tasks.Create(ctx, at, commands.NewTask{Created: task.Created{
			Title: "A task of the bench", Description: &text, Status: task.Inbox, Priority: "medium",
		}})
		return err
	}}, nil
}
