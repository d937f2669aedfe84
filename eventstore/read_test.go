package eventstore_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
)

// A clock of a test, which may go back.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) move(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

func startAt(t testing.TB, c *clock) *process {
	t.Helper()
	return start(t, freshLog(t), func(cfg *eventstore.Config) { cfg.Now = c.Now })
}

// TestRecordedNeverFalls: not when the clock is set back, not for an event that
// was decided later than the clock shows, not in a process that starts anew.
func TestRecordedNeverFalls(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 999, time.UTC)}
	p := startAt(t, c)
	org, id := newID(t), newID(t)
	for i := range 30 {
		c.move([]time.Duration{time.Second, -time.Hour, 0, time.Nanosecond, 59 * time.Minute}[i%5])
		if err := p.count(t.Context(), org, id, 1); err != nil {
			t.Fatal(err)
		}
	}
	c.move(-24 * time.Hour)
	again := start(t, p.pool, func(cfg *eventstore.Config) { cfg.Now = c.Now })
	if err := again.count(t.Context(), org, id, 1); err != nil {
		t.Fatal(err)
	}
	all := again.everything(t)
	checkLog(t, all)
	if len(all) != 31 || !all[30].Time.Before(all[29].Time) {
		t.Errorf("%d events; the last was decided at %v, the one before at %v", len(all), all[30].Time, all[29].Time)
	}
}

// TestBefore compares the search by halves with looking at every event.
func TestBefore(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	p := startAt(t, c)
	check := func(at time.Time, all []*eventstore.Recorded) {
		t.Helper()
		want := int64(slices.IndexFunc(all, func(r *eventstore.Recorded) bool { return !r.Recorded.Before(at) }))
		if want < 0 {
			want = int64(len(all))
		}
		if got, err := p.Before(t.Context(), at); err != nil || got != want {
			t.Errorf("before %v of %d events stands %d, %v, want %d", at, len(all), got, err, want)
		}
	}
	check(c.now, nil)
	org, id := newID(t), newID(t)
	for range 40 {
		c.move(time.Duration(rand.IntN(3)) * time.Microsecond * time.Duration(1+rand.IntN(5)))
		if err := p.count(t.Context(), org, id, 1); err != nil {
			t.Fatal(err)
		}
	}
	all := p.everything(t)
	for _, r := range all {
		for _, d := range []time.Duration{-time.Microsecond, 0, time.Microsecond} {
			check(r.Recorded.Add(d), all)
		}
	}
	for _, at := range []time.Time{{}, time.Unix(0, 0), c.now.AddDate(1000, 0, 0)} {
		check(at, all)
	}
}

// TestByRef reads over the seam between the index and the log behind it,
// wherever the checkpoint stands.
func TestByRef(t *testing.T) {
	t.Parallel()
	p := start(t, freshLog(t))
	org := newID(t)
	ids := []uuid.UUID{newID(t), newID(t), newID(t)}
	add := func(n int) {
		t.Helper()
		for range n {
			if err := p.count(t.Context(), org, ids[rand.IntN(len(ids))], 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	index := func() {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		x := eventstore.NewIndexer(p.Store, eventstore.Refs())
		done := make(chan error, 1)
		go func() { done <- x.Run(ctx) }()
		if err := x.Reach(ctx, p.Head()); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	check := func() {
		t.Helper()
		all := p.everything(t)
		for _, id := range ids {
			for _, after := range []int64{0, int64(len(all) / 3), int64(len(all)/2) - 1, int64(len(all))} {
				for _, limit := range []int{1, 5, 1000} {
					var want, got []int64
					for _, r := range all {
						if r.Seq > after && r.Stream == id && len(want) < limit {
							want = append(want, r.Seq)
						}
					}
					events, err := p.ByRef(t.Context(), id, after, limit)
					if err != nil {
						t.Fatal(err)
					}
					for _, r := range events {
						got = append(got, r.Seq)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("about %v after %d, at most %d:\n%s", id, after, limit, diff)
					}
				}
			}
		}
	}
	past := func() {
		t.Helper()
		all := p.everything(t)
		for _, upTo := range []int64{0, 1, int64(len(all) / 3), int64(len(all)) - 1, int64(len(all))} {
			for _, id := range ids {
				var want, about, streams []int64
				for _, r := range all[:upTo] {
					if r.Stream == id {
						want = append(want, r.Seq)
					}
				}
				err := p.About(t.Context(), id, upTo, []string{all[0].Kind}, func(r *eventstore.Recorded) { about = append(about, r.Seq) })
				if diff := cmp.Diff(want, about); diff != "" || err != nil {
					t.Errorf("about %v up to %d: %v\n%s", id, upTo, err, diff)
				}
				err = p.Pasts(t.Context(), []uuid.UUID{id}, upTo, func(r *eventstore.Recorded) { streams = append(streams, r.Seq) })
				if diff := cmp.Diff(want, streams); diff != "" || err != nil {
					t.Errorf("of %v up to %d: %v\n%s", id, upTo, err, diff)
				}
			}
			if upTo > 0 {
				at, err := p.At(t.Context(), all[upTo-1].Recorded)
				if err != nil || at < upTo || at < int64(len(all)) && all[at].Recorded.Equal(all[at-1].Recorded) {
					t.Errorf("at the time of %d it is %d, %v", upTo, at, err)
				}
			}
		}
	}
	add(30)
	past()
	check() // nothing is indexed
	index()
	check() // everything is
	add(30)
	past()
	check() // the seam is in the middle
	index()
	check()
}

// TestFollow: from any position, in order, and its end.
func TestFollow(t *testing.T) {
	t.Parallel()
	p := start(t, freshLog(t))
	org, id := newID(t), newID(t)
	for range 5 {
		if err := p.count(t.Context(), org, id, 1); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var seen []int64
	err := p.Follow(ctx, 3, func(run []*eventstore.Recorded) error {
		for _, r := range run {
			if seen = append(seen, r.Seq); r.Seq == 5 { // now it has caught up
				if err := p.count(ctx, org, id, 1); err != nil {
					return err
				}
			}
			if r.Seq == 6 {
				cancel()
			}
		}
		return nil
	})
	if diff := cmp.Diff([]int64{4, 5, 6}, seen); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if err := p.Follow(t.Context(), 0, func([]*eventstore.Recorded) error { return errDone }); !errors.Is(err, errDone) {
		t.Errorf("the error of the handler is lost: %v", err)
	}
}

// TestReceive: what the bus tells may be repeated, out of order, cut short,
// damaged, of another log or missing; the process takes in each event once, in
// order, exactly as it stands in the log.
func TestReceive(t *testing.T) {
	t.Parallel()
	db := freshLog(t)
	var mu sync.Mutex
	var told []eventstore.Batch
	writer := start(t, db, func(c *eventstore.Config) {
		c.Published = func(b eventstore.Batch) {
			if b.Last >= b.First {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, b)
			}
		}
	})
	var published []eventstore.Batch
	reader := start(t, db, func(c *eventstore.Config) {
		c.Published = func(b eventstore.Batch) { mu.Lock(); defer mu.Unlock(); published = append(published, b) }
	})
	org, id := newID(t), newID(t)
	tell := func(b eventstore.Batch, entries [][]byte) {
		reader.Receive(reader.Epoch(), b.First, b.Last, entries, b.Frames)
	}
	for round := range 40 {
		if err := writer.count(t.Context(), org, id, 1); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		latest := slices.Clone(told)
		mu.Unlock()
		b := latest[len(latest)-1]
		var entries [][]byte
		for _, e := range b.Events {
			entries = append(entries, e.Entry)
		}
		switch round % 8 {
		case 0:
			tell(b, entries)
		case 1: // the bus lost it
		case 2: // behind a hole, and twice
			tell(b, entries)
			tell(b, entries)
		case 3: // too large to tell
			tell(b, nil)
		case 4: // damaged on the way
			tell(b, [][]byte{[]byte(`{"seq":`)})
		case 5: // of another log, at the same position
			reader.Receive(uuid.New(), b.First, b.Last, [][]byte{[]byte("x")}, nil)
		case 6: // overlapping what is known
			before := latest[len(latest)-2]
			tell(eventstore.Batch{First: before.First, Last: b.Last}, append([][]byte{before.Events[0].Entry}, entries...))
		case 7: // beyond the end of the log
			reader.Receive(reader.Epoch(), b.Last+5, b.Last+5, nil, nil)
		}
		if err := reader.Reach(t.Context(), b.Last); err != nil {
			t.Fatal(err)
		}
		if c, err := reader.counters.Find(t.Context(), id); err != nil || c.Total != round+1 {
			t.Fatalf("round %d: the reader counts %d, %v", round, c.Total, err)
		}
	}
	if err := reader.stop(); err != nil {
		t.Fatal(err)
	}
	next := int64(1)
	for _, b := range published {
		if b.Last < b.First {
			continue
		}
		if b.First != next || b.Local {
			t.Fatalf("published %d to %d where %d comes", b.First, b.Last, next)
		}
		for i, r := range b.Events {
			if r.Seq != b.First+int64(i) {
				t.Errorf("event %d stands in a batch from %d", r.Seq, b.First)
			}
		}
		next = b.Last + 1
	}
	if next != 41 {
		t.Errorf("published up to %d", next-1)
	}
}

// A store that is opened on a log of this epoch and a pool whose database is
// gone says so, and never hangs.
func TestReachEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Pool(t))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Reach(ctx, 1<<60); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("says %v", err)
	}
}
