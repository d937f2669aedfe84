package projections_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/approval"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/projections"
)

// BenchmarkSnapshotAt reads the past of a board with 10 000 events: 1 000 tasks
// and what is said, asked and changed about them.
func BenchmarkSnapshotAt(b *testing.B) {
	p := start(b, pgtest.Connect(b, pgtest.Clone(b)))
	ctx, user, org := p.person(b, 1)
	at := p.board(ctx, b, org, user, "Busy")
	fill(b, p, ctx, at, 10_000)
	index := eventstore.NewIndexer(p.Store, eventstore.Refs())
	working, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- index.Run(working) }()
	for index.At() < p.Store.Head() {
		if err := index.Reach(b.Context(), p.Store.Head()); err != nil {
			b.Log(err)
		}
	}
	head := p.Store.Head()
	if _, err := p.DB.Exec(b.Context(), "analyze"); err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		s, err := projections.Boards{Reader: p.Reader}.SnapshotAt(b.Context(), at.Board, head)
		if err != nil || len(s.Tasks) != 1000 {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	stop()
	if err := <-done; err != nil {
		b.Error(err)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(head), "events")
}

// fill does things on a board until the log holds n events.
func fill(b *testing.B, p *process, ctx context.Context, at commands.Place, n int64) {
	b.Helper()
	var tasks []uuid.UUID
	for range 1000 {
		made, err := p.Tasks.Create(ctx, at, commands.NewTask{Created: task.Created{Title: "A task to do", Status: task.Inbox, Priority: "high"}})
		if err != nil {
			b.Fatal(err)
		}
		tasks = append(tasks, made.ID)
	}
	var g errgroup.Group
	g.SetLimit(16)
	for i := range tasks {
		g.Go(func() error {
			for k := 0; p.Store.Head() < n; k++ {
				id := tasks[(i+k*16)%len(tasks)]
				var err error
				switch k % 10 {
				case 0:
					_, err = p.Memories.Create(ctx, at, commands.Note{Content: "something worth keeping in mind", Tags: []string{"chat"}})
				case 1:
					_, err = p.Comments.Create(ctx, at, id, "a comment of some length, as agents make them")
				case 2:
					_, err = p.Approvals.Create(ctx, at, approval.Created{ActionType: "deploy", TaskIDs: []uuid.UUID{id}, Confidence: 80, Status: approval.Approved})
				default:
					_, err = p.Tasks.Update(ctx, at, id, commands.TaskEdit{Edit: task.Edit{Title: domain.Some(fmt.Sprint("Title ", k))}})
				}
				if err != nil && domain.ReasonOf(err) == "" {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
}
