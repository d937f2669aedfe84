package eventstore_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"missioncontrol/domain"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
)

func TestAppend(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Pool(t))
	org, id := newID(t), newID(t)
	ctx := eventstore.WithCommand(t.Context(), &eventstore.Command{
		Actor: domain.Actor{Type: domain.User, ID: org, Auth: "local"}, IP: "192.0.2.7", RequestID: "r-1",
	})
	if err := p.open(ctx, org, id, "a"); err != nil {
		t.Fatal(err)
	}
	if err := p.count(ctx, org, id, 3); err != nil {
		t.Fatal(err)
	}
	var stored []*eventstore.Recorded
	if err := p.ReadStream(ctx, id, func(r *eventstore.Recorded) error { stored = append(stored, r); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(stored) != 2 || stored[1].Event != (counted{N: 3}) || stored[1].OrgPrev != stored[0].Leaf {
		t.Fatalf("stored %+v", stored)
	}
	if r := stored[0]; r.RequestID != "r-1" || r.Actor.Auth != "local" || r.Kind != "counter" || r.Type != "counter.opened" {
		t.Errorf("envelope %+v", r)
	}
	ip, err := p.Vault().OpenValue(ctx, domain.Personal{Sealed: stored[0].IP, Event: stored[0].ID, Field: "ip"})
	if err != nil || ip != "192.0.2.7" {
		t.Errorf("ip opens as %q, %v", ip, err)
	}
	about, err := p.ByRef(ctx, id, 0, 10)
	if err != nil || len(about) != 2 {
		t.Errorf("by ref: %d events, %v", len(about), err)
	}
}

func TestLogRefusesChange(t *testing.T) {
	t.Parallel()
	db := pgtest.Pool(t)
	p := start(t, db)
	if err := p.open(t.Context(), newID(t), newID(t), "a"); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"update events set type = 'x'", "delete from events", "truncate events"} {
		if _, err := db.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s was carried out", sql)
		}
	}
}

// Two processes write while readers follow from both: positions are dense, and
// every reader sees each once, in order.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	const writers, each = 16, 40
	db := freshLog(t)
	ps := []*process{start(t, db), start(t, db)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var readers errgroup.Group
	for _, p := range ps {
		readers.Go(func() error {
			var seen int64
			return p.Follow(ctx, 0, func(run []*eventstore.Recorded) error {
				for _, r := range run {
					if seen++; r.Seq != seen {
						t.Errorf("a reader saw %d where %d comes", r.Seq, seen)
					}
				}
				if seen == writers*(each+1) {
					return errDone
				}
				return nil
			})
		})
	}
	var g errgroup.Group
	for i := range writers {
		org, id := newID(t), newID(t)
		p := ps[i%2]
		g.Go(func() error {
			if err := p.open(ctx, org, id, "a"); err != nil {
				return err
			}
			for range each {
				if err := p.count(ctx, org, id, 1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := readers.Wait(); !errors.Is(err, errDone) {
		t.Fatal(err)
	}
	all := ps[0].everything(t)
	if len(all) != writers*(each+1) {
		t.Errorf("%d events, want %d", len(all), writers*(each+1))
	}
	checkLog(t, all)
	if ps[0].Stats().LostSwaps+ps[1].Stats().LostSwaps == 0 {
		t.Error("the processes never met: the test shows nothing")
	}
}

var errDone = errors.New("done")

// Fifty decisions look at one fact: one changes it, the others are made again
// and refused.
func TestOneKeyManyDecisions(t *testing.T) {
	t.Parallel()
	db := pgtest.Pool(t)
	ps := []*process{start(t, db), start(t, db)}
	for range rounds(t, 20) {
		org := newID(t)
		var won, refused atomic.Int64
		var g sync.WaitGroup
		for i := range 50 {
			p := ps[i%2]
			id := newID(t)
			g.Go(func() {
				err := p.Do(t.Context(), func(d *eventstore.Decision) error {
					taken, err := p.slugTaken(t.Context(), d, org, "x")
					if err != nil {
						return err
					}
					return p.counters.New(d, org, id).Decide(open{slug: "x", taken: taken})
				})
				switch domain.ReasonOf(err) {
				case domain.Conflict:
					refused.Add(1)
				default:
					if err != nil {
						t.Error(err)
					}
					won.Add(1)
				}
			})
		}
		g.Wait()
		if won.Load() != 1 || refused.Load() != 49 {
			t.Fatalf("%d won, %d were refused", won.Load(), refused.Load())
		}
	}
}

// slugTaken reads whether a slug is in use from the log itself.
func (p *process) slugTaken(ctx context.Context, d *eventstore.Decision, org uuid.UUID, slug string) (bool, error) {
	return eventstore.LookAt(ctx, p.Store, d, slugKey(org, slug), "taken", func(ctx context.Context) (bool, error) {
		var taken bool
		err := p.db(ctx, `select exists (select 1 from events where org = $1 and type = 'counter.opened'
			and convert_from(entry, 'UTF8')::jsonb #>> '{body,slug}' = $2)`, &taken, org, slug)
		return taken, err
	})
}

// One hot stream: every command is decided on the state that the one before
// leaves, none twice.
func TestHotStream(t *testing.T) {
	t.Parallel()
	const callers, each = 50, 20
	p := start(t, freshLog(t))
	org, id := newID(t), newID(t)
	if err := p.open(t.Context(), org, id, "a"); err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	for range callers {
		g.Go(func() error {
			for range each {
				if err := p.counters.Execute(t.Context(), org, id, func(_ *eventstore.Decision, x *eventstore.Stream[counter, counterEvent]) error {
					return x.Decide(count{1})
				}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	c, err := p.counters.Find(t.Context(), id)
	if err != nil || c.Total != callers*each {
		t.Errorf("counted %d, %v", c.Total, err)
	}
	if n := p.Stats().Conflicts; n != 0 {
		t.Errorf("%d decisions were made twice", n)
	}
	checkLog(t, p.everything(t))
}

// Decisions on one stream that are not made in the committer overtake each
// other; all of them end up in the log, each judged on the state before it.
func TestContendedStream(t *testing.T) {
	t.Parallel()
	const callers, each = 20, 5
	db := freshLog(t)
	ps := []*process{start(t, db), start(t, db)}
	org, id := newID(t), newID(t)
	if err := ps[0].open(t.Context(), org, id, "a"); err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	for i := range callers {
		g.Go(func() error {
			for range each {
				if err := ps[i%2].count(t.Context(), org, id, 1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	all := ps[0].everything(t)
	checkLog(t, all)
	if err := ps[1].Reach(t.Context(), int64(len(all))); err != nil {
		t.Fatal(err)
	}
	if c, err := ps[1].counters.Find(t.Context(), id); err != nil || c.Total != callers*each {
		t.Errorf("counted %d, %v", c.Total, err)
	}
}

// A refusal that rests on what another process has just changed is judged
// again before the caller hears of it.
func TestRefusalIsJudgedAtTheHead(t *testing.T) {
	t.Parallel()
	db := pgtest.Pool(t)
	a, b := start(t, db), start(t, db)
	for range rounds(t, 50) {
		org, id := newID(t), newID(t)
		// b knows the counter as not opened, and would refuse.
		if c, err := b.counters.Find(t.Context(), id); err != nil || c.Opened {
			t.Fatal(c, err)
		}
		if err := a.open(t.Context(), org, id, "a"); err != nil {
			t.Fatal(err)
		}
		if err := b.Do(t.Context(), func(d *eventstore.Decision) error {
			return b.counters.In(d, org, id).Decide(closeIt{})
		}); err != nil {
			t.Fatalf("refused on a past that is over: %v", err)
		}
	}
}
