package projections_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/approval"
	"missioncontrol/domain/board"
	"missioncontrol/domain/member"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/projections"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// process is a store with its use cases, running.
type process struct {
	commands.Commands
	projections.Reader
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
	return &process{newCommands(store, read), read}
}

func newCommands(store *eventstore.Store, read projections.Reader) commands.Commands {
	return commands.New(store, read, auth.NewAgents(store, read, nil))
}

// The personal values of everybody in these tests hold this.
const secret = "Zyxwv-Secret"

// person signs somebody in, with a name, an email and an address of its own.
func (p *process) person(t testing.TB, n int) (context.Context, uuid.UUID, uuid.UUID) {
	t.Helper()
	ctx := eventstore.WithCommand(t.Context(), &eventstore.Command{IP: "203.0.113.77", UserAgent: secret + " agent", RequestID: "r"})
	u, err := p.Users.SignIn(ctx, commands.Identity{
		ID: fmt.Sprintf("%s-identity-%s-%d", secret, t.Name(), n), Email: fmt.Sprintf("%s-%d@example.org", secret, n), EmailVerified: true,
		Name: fmt.Sprintf("%s name %d 😀", secret, n), Auth: "clerk",
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx = eventstore.WithCommand(t.Context(), &eventstore.Command{
		Actor: domain.Actor{Type: domain.User, ID: u.ID, Auth: "clerk"}, Person: u.ID, IP: "203.0.113.77", UserAgent: secret + " agent",
	})
	return ctx, u.ID, u.ActiveOrganizationID
}

func (p *process) board(ctx context.Context, t testing.TB, org, user uuid.UUID, name string) commands.Place {
	t.Helper()
	by, err := projections.Members{Reader: p.Reader}.Of(ctx, nil, org, user)
	if err != nil || by == nil {
		t.Fatal(by, err)
	}
	b, err := p.Boards.Create(ctx, by, board.Settings{
		Name: name, Slug: "s", Description: "d", BoardType: "goal", SuccessMetrics: jsontext.Value(`{ "b": [1.50 , "\u00e9"], "a": {} }`), MaxAgents: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return commands.Place{Organization: org, Board: b.ID}
}

// A crowd does what people do, at random.
type crowd struct {
	*process
	ctx    context.Context
	rand   *rand.Rand
	user   uuid.UUID
	org    uuid.UUID
	places []commands.Place
	tasks  map[uuid.UUID]commands.Place
	ids    []uuid.UUID

	approvals []asked
}

// asked is a request for approval, and where.
type asked struct {
	at commands.Place
	id uuid.UUID
}

func (p *process) crowd(t testing.TB, n int) *crowd {
	t.Helper()
	c := &crowd{process: p, rand: rand.New(rand.NewPCG(uint64(n), 7)), tasks: map[uuid.UUID]commands.Place{}}
	c.ctx, c.user, c.org = p.person(t, n)
	for i := range 2 {
		c.places = append(c.places, p.board(c.ctx, t, c.org, c.user, fmt.Sprintf("Board %d-%d", n, i)))
	}
	return c
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func (c *crowd) text() string {
	return pick(c.rand, "plain", `a "quoted" \ text`, "line\nbreak", "😀 ünï", "<b>", "{}", strings.Repeat("long ", 40), "\u2028")
}

// step does one thing; a refusal is one of the things that happen.
func (c *crowd) step(t testing.TB) {
	t.Helper()
	if err := c.try(); err != nil && domain.ReasonOf(err) == "" {
		t.Error(err)
	}
}

func (c *crowd) try() error {
	at := pick(c.rand, c.places...)
	text := c.text()
	if len(c.ids) == 0 || c.rand.IntN(4) == 0 {
		made, err := c.Tasks.Create(c.ctx, at, commands.NewTask{Created: task.Created{Title: text, Description: &text, Status: task.Inbox, Priority: "high"}})
		if err == nil {
			c.tasks[made.ID], c.ids = at, append(c.ids, made.ID)
		}
		return err
	}
	id := pick(c.rand, c.ids...)
	switch c.rand.IntN(14) {
	case 0:
		if err := c.Tasks.Delete(c.ctx, c.tasks[id], id); err != nil {
			return err
		}
		return projections.Removal{Reader: c.Reader}.Task(c.ctx, id)
	case 9:
		_, err := c.Comments.Create(c.ctx, c.tasks[id], id, text)
		return err
	case 10:
		made, err := c.Approvals.Create(c.ctx, c.tasks[id], approval.Created{
			ActionType: text, TaskIDs: []uuid.UUID{id, pick(c.rand, c.ids...)}, Confidence: 80, Status: approval.Pending, Payload: jsontext.Value(`{"reason":"r"}`),
		})
		if err == nil {
			c.approvals = append(c.approvals, asked{c.tasks[id], made.ID})
		}
		return err
	case 11:
		if len(c.approvals) == 0 {
			return nil
		}
		a := pick(c.rand, c.approvals...)
		_, err := c.Approvals.Resolve(c.ctx, a.at, a.id, pick(c.rand, approval.Pending, approval.Approved, approval.Rejected), "")
		return err
	case 1, 2, 3:
		u := commands.TaskEdit{Edit: task.Edit{Title: domain.Some(text)}, Comment: pick(c.rand, "", "", text)}
		if c.rand.IntN(3) == 0 {
			u.DependsOn = &[]uuid.UUID{pick(c.rand, c.ids...)}
		}
		if c.rand.IntN(2) == 0 {
			u.Status = domain.Some(pick(c.rand, task.Inbox, task.InProgress, task.Review, task.Done))
		}
		_, err := c.Tasks.Update(c.ctx, c.tasks[id], id, u)
		return err
	case 12, 13:
		return c.label()
	case 4, 5:
		_, err := c.Memories.Create(c.ctx, at, commands.Note{Content: text, Tags: pick(c.rand, nil, []string{}, []string{"chat", `a,"b`})})
		return err
	case 6:
		_, err := c.Users.ChangeProfile(c.ctx, c.user, commands.Profile{
			PreferredName: pick(c.rand, domain.Some(secret+" preferred"), domain.Null[string](), domain.Optional[string]{}),
			Notes:         domain.Some(secret + text),
		})
		return err
	case 7:
		_, err := c.Organizations.Create(c.ctx, c.user, fmt.Sprintf("%s %d", text, c.rand.Int64()))
		return err
	default:
		_, err := c.Tasks.Update(c.ctx, c.tasks[id], id, commands.TaskEdit{})
		return err
	}
}

// joined makes a member of an organization without an invite.
func (p *process) joined(t testing.TB, org, user uuid.UUID, role member.Role) {
	t.Helper()
	members := eventstore.For[member.Member, member.Event](p.Store, "member")
	if err := p.Store.Do(t.Context(), func(d *eventstore.Decision) error {
		return members.New(d, org, uuid.New()).Decide(member.Join{UserID: user, Role: role, Grants: []member.Grant{{ID: uuid.New(), BoardID: uuid.New(), CanRead: true}}})
	}); err != nil {
		t.Fatal(err)
	}
}
