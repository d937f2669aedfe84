package commands_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/board"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/projections"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// process is a store with its use cases, running.
type process struct {
	commands.Commands
	store *eventstore.Store
	read  projections.Reader
}

func start(t testing.TB, db *pgxpool.Pool) *process {
	t.Helper()
	vault, err := eventstore.NewVault(db, make([]byte, eventstore.InstallationKeySize))
	if err != nil {
		t.Fatal(err)
	}
	store, err := eventstore.Open(t.Context(), eventstore.Config{
		DB: db, Vocabulary: commands.Vocabulary(), Vault: vault, Projector: projections.Projector{}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- store.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	read := projections.Reader{DB: db, Store: store}
	return &process{Commands: commands.New(store, read, auth.NewAgents(store, read, nil)), store: store, read: read}
}

// as is a context of commands by a user.
func as(t testing.TB, person uuid.UUID) context.Context {
	t.Helper()
	return eventstore.WithCommand(t.Context(), &eventstore.Command{Actor: domain.Actor{Type: domain.User, ID: person, Auth: "local"}, Person: person})
}

// board makes a board of somebody who signs in for it.
func (p *process) board(t testing.TB) (person uuid.UUID, at commands.Place) {
	t.Helper()
	u, err := p.Users.SignIn(t.Context(), commands.Identity{ID: uuid.NewString(), Auth: "local"})
	if err != nil {
		t.Fatal(err)
	}
	by, err := projections.Members{Reader: p.read}.Of(t.Context(), nil, u.ActiveOrganizationID, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	made, err := p.Boards.Create(as(t, u.ID), by, board.Settings{Name: "Board", Slug: "board", Description: "d", BoardType: "general"})
	if err != nil {
		t.Fatal(err)
	}
	return u.ID, commands.Place{Organization: u.ActiveOrganizationID, Board: made.ID}
}
