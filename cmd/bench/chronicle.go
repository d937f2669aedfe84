package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/approval"
	boards "missioncontrol/domain/board"
	"missioncontrol/domain/comment"
	"missioncontrol/domain/memory"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// A chronicle writes a long log: boards of a thousand tasks, each of ten
// events. Its events are decided by the domain and appended by the store, many
// in one command, on a clock that runs through two years: three quarters lie
// spread over them, a quarter in the last week. Boards take turns, so that
// nearly each event of a board has an hour of its own.
const (
	tasksOfBoard  = 1000
	eventsOfTask  = 10
	eventsOfBoard = tasksOfBoard * eventsOfTask
	boardsAtOnce  = 25 // that one command writes to
	chroniclers   = 16
)

type chronicle struct {
	log   *log
	began time.Time
	total int64
	done  atomic.Int64

	org    uuid.UUID
	people []domain.Actor
	boards []uuid.UUID

	tasks     eventstore.Aggregate[task.Task, task.Event]
	comments  eventstore.Aggregate[comment.Comment, comment.Event]
	approvals eventstore.Aggregate[approval.Approval, approval.Event]
	memories  eventstore.Aggregate[memory.Memory, memory.Event]
}

// now is when the next event happens.
func (c *chronicle) now() time.Time {
	const all, busy = 730 * 24 * time.Hour, 7 * 24 * time.Hour
	told := float64(c.done.Load()) / float64(c.total)
	since := time.Duration(told / 0.75 * float64(all-busy))
	if told > 0.75 {
		since = all - busy + time.Duration(min(1, (told-0.75)/0.25)*float64(busy))
	}
	return c.began.Add(since - all)
}

// write fills the empty database at url with n events. The rows of the read
// models are derived afterwards, as a restore does; indexes follow meanwhile.
func (c *chronicle) write(ctx context.Context, b *bench, url string, n int) error {
	c.began, c.total = time.Now(), int64(n)
	if err := c.found(ctx, url, n/eventsOfBoard); err != nil {
		return err
	}
	return c.opened(ctx, url, nil, func(index *eventstore.Indexer) error {
		c.tasks = eventstore.For[task.Task, task.Event](c.log.Store, "task")
		c.comments = eventstore.For[comment.Comment, comment.Event](c.log.Store, "comment")
		c.approvals = eventstore.For[approval.Approval, approval.Event](c.log.Store, "approval")
		c.memories = eventstore.For[memory.Memory, memory.Event](c.log.Store, "memory")
		if err := c.tell(ctx, b); err != nil {
			return err
		}
		b.say("  written; the indexes are %d behind", c.log.Head()-index.At())
		for index.At() < c.log.Head() {
			if err := index.Reach(ctx, c.log.Head()); err != nil && !errors.Is(err, eventstore.ErrIndexing) {
				return err
			}
		}
		b.say("  indexed")
		if err := (&projections.Rebuild{Reader: projections.Reader{DB: c.log.db, Store: c.log.Store}}).Run(ctx); err != nil {
			return err
		}
		_, err := c.log.db.Exec(ctx, "vacuum analyze")
		b.say("  its read models are derived")
		return err
	})
}

// opened gives use the log, on the clock of the chronicle.
func (c *chronicle) opened(ctx context.Context, url string, p eventstore.Projector, use func(*eventstore.Indexer) error) (err error) {
	if c.log, err = openLog(ctx, url, func(cfg *eventstore.Config) { cfg.Projector, cfg.Now = p, c.now }); err != nil {
		return err
	}
	index := eventstore.NewIndexer(c.log.Store, indexes()...)
	c.log.run(ctx, index.Run)
	defer func() { err = errors.Join(err, c.log.close()) }()
	return use(index)
}

// found makes the organization, its boards, and names who will act.
func (c *chronicle) found(ctx context.Context, url string, n int) error {
	return c.opened(ctx, url, projections.Projector{}, func(index *eventstore.Indexer) error {
		read := projections.Reader{DB: c.log.db, Store: c.log.Store, Indexed: index}
		use := commands.New(c.log.Store, read, auth.NewAgents(c.log.Store, read, nil))
		who, err := use.Users.SignIn(ctx, commands.LocalIdentity())
		if err != nil {
			return err
		}
		by, err := projections.Members{Reader: read}.Of(ctx, nil, who.ActiveOrganizationID, who.ID)
		if err != nil {
			return err
		}
		c.org, c.people = by.OrganizationID, []domain.Actor{{Type: domain.User, ID: who.ID, Auth: "local"}}
		for range 49 {
			c.people = append(c.people, domain.Actor{Type: domain.Agent, ID: uuid.New(), Auth: "agent_token"})
		}
		for i := range n {
			made, err := use.Boards.Create(ctx, by, boards.Settings{
				Name: fmt.Sprint("Board ", i), Slug: fmt.Sprint("board-", i), Description: "Of the bench", BoardType: "general",
			})
			if err != nil {
				return err
			}
			c.boards = append(c.boards, made.ID)
		}
		return nil
	})
}

// tell writes the lives of all tasks.
func (c *chronicle) tell(ctx context.Context, b *bench) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(chroniclers)
	for n := range tasksOfBoard {
		for first := 0; first < len(c.boards); first += boardsAtOnce {
			g.Go(func() error { return c.live(ctx, n, c.boards[first:min(first+boardsAtOnce, len(c.boards))]) })
		}
		if (n+1)%(tasksOfBoard/5) == 0 {
			b.say("  %d events", c.done.Load())
		}
		if ctx.Err() != nil {
			break
		}
	}
	return g.Wait()
}

// live takes the nth task of some boards through its life, all of them a step
// at a time.
func (c *chronicle) live(ctx context.Context, n int, on []uuid.UUID) error {
	ids := make([]uuid.UUID, len(on))
	for i := range ids {
		ids[i] = uuid.New()
	}
	for step := range eventsOfTask {
		actor := c.people[(n+step)%len(c.people)]
		ctx := eventstore.WithCommand(ctx, &eventstore.Command{Actor: actor, RequestID: fmt.Sprintf("bench-%d-%d-%v", n, step, on[0])})
		if err := c.log.Do(ctx, func(d *eventstore.Decision) error {
			for i, board := range on {
				if err := c.step(d, board, ids[i], n, step); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		c.done.Add(int64(len(on)))
	}
	return nil
}

const sentence = "What has to be done, in a sentence or two, as people write it."

// step is one event.
func (c *chronicle) step(d *eventstore.Decision, board, id uuid.UUID, n, step int) error {
	move := func(to task.Status) error { return c.edit(d, id, task.Edit{Status: domain.Some(to)}) }
	switch step {
	case 0:
		text := sentence
		return c.tasks.New(d, c.org, id).Decide(task.Create{Created: task.Created{
			BoardID: board, Title: fmt.Sprint("Task ", n), Description: &text, Status: task.Inbox, Priority: "medium",
		}})
	case 1:
		return move(task.InProgress)
	case 3:
		return c.edit(d, id, task.Edit{Title: domain.Some(fmt.Sprint("Task ", n, ", seen again"))})
	case 5:
		status := approval.Approved
		if n%20 == 0 {
			status = approval.Pending
		}
		return c.approvals.New(d, c.org, uuid.New()).Decide(approval.Create{Created: approval.Created{
			BoardID: board, ActionType: "deploy", TaskIDs: []uuid.UUID{id}, Confidence: 80, Status: status,
		}})
	case 6:
		return c.memories.New(d, c.org, uuid.New()).Decide(memory.Create{BoardID: board, Note: memory.Note{Content: sentence, Tags: []string{"chat"}}})
	case 7:
		return move(task.Review)
	case 9:
		if n%10 != 0 {
			return move(task.Done)
		}
	}
	return c.comments.New(d, c.org, uuid.New()).Decide(comment.Create{Created: comment.Created{BoardID: board, TaskID: id, Message: sentence}})
}

func (c *chronicle) edit(d *eventstore.Decision, id uuid.UUID, e task.Edit) error {
	return c.tasks.In(d, c.org, id).Decide(task.UserEdit{Edit: e, Facts: task.Facts{Now: d.Now()}})
}
