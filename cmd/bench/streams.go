package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// source is a stream that events are published on: ours, or R2.
type source interface {
	address() string
	path() string
	times() *clock
	publish() error
}

// boardTasks is the stream of a board's tasks.
type boardTasks struct {
	*app
	tasks string
	body  string
	post  *client
}

func (s *boardTasks) path() string    { return s.tasks + "/stream" }
func (s *boardTasks) address() string { return s.addr }
func (s *boardTasks) times() *clock   { return &s.clock }
func (s *boardTasks) publish() error {
	_, err := s.post.post(s.tasks, s.body, "")
	return err
}

func (b *bench) withBoard(ctx context.Context, body string, use func(*boardTasks) error) error {
	return b.withApp(ctx, func(a *app, _, tasks string) error {
		c, err := dial(ctx, a.addr)
		if err != nil {
			return err
		}
		defer c.close()
		return use(&boardTasks{app: a, tasks: tasks, body: body, post: c})
	})
}

// delays publishes so many events a second to n readers and returns how long
// after its commit each reached each reader.
func delays(ctx context.Context, s source, n, rate int, window time.Duration) ([]time.Duration, error) {
	r, err := read(ctx, s, n)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	events := int64(max(1, window*time.Duration(rate)/time.Second))
	for range events {
		<-tick.C
		if err := s.publish(); err != nil {
			r.close()
			return nil, err
		}
	}
	all := r.await(ctx, events*int64(n))
	late := r.close()
	if !all {
		return nil, fmt.Errorf("%d of %d events reached %d readers", len(late), events*int64(n), n)
	}
	return late, nil
}

const eventsPerSecond = 20

func streamLatency(ctx context.Context, b *bench) (results []result, err error) {
	err = b.withBoard(ctx, newTask, func(s *boardTasks) error {
		late, err := delays(ctx, s, 1, 100, b.window)
		if err != nil {
			return err
		}
		results = []result{
			{row: "SSE, one client, commit to bytes, p50", measured: milliseconds(percentile(late, 50)), unit: "ms", bar: atMost(3)},
			{row: "SSE, one client, commit to bytes, p99", measured: milliseconds(percentile(late, 99)), unit: "ms", bar: atMost(15)},
		}
		return nil
	})
	return results, err
}

const subscribers = 1000

// quantiles are p50 and p99 of each round.
type quantiles struct{ p50, p99 []float64 }

func (q *quantiles) add(late []time.Duration) {
	q.p50 = append(q.p50, milliseconds(percentile(late, 50)))
	q.p99 = append(q.p99, milliseconds(percentile(late, 99)))
}

func (q *quantiles) String() string {
	return fmt.Sprintf("p50 %.2f ms, p99 %.2f ms", q.p50[len(q.p50)-1], q.p99[len(q.p99)-1])
}

func streamFanout(ctx context.Context, b *bench) (results []result, err error) {
	err = b.withBoard(ctx, newTask, func(s *boardTasks) error {
		if err := s.publish(); err != nil {
			return err
		}
		bare, err := startBare(ctx, s.shown.Load().Payload)
		if err != nil {
			return err
		}
		defer bare.close()
		var us, them quantiles
		for range b.rounds {
			for _, turn := range []struct {
				source
				*quantiles
			}{{bare, &them}, {s, &us}} {
				late, err := delays(ctx, turn, subscribers, eventsPerSecond, b.window)
				if err != nil {
					return err
				}
				turn.add(late)
			}
			b.say("  R2 %v; ours %v", &them, &us)
		}
		what := fmt.Sprintf("SSE, %d subscribers, %d events/s, ", subscribers, eventsPerSecond)
		results = []result{
			{row: what + "p50", measured: median(us.p50), unit: "ms", yardstick: median(them.p50), bar: atMostTimes(1.5, "R2")},
			{row: what + "p99", measured: median(us.p99), unit: "ms", yardstick: median(them.p99), bar: atMostTimes(1.5, "R2")},
		}
		return nil
	})
	return results, err
}

// streamDeliveries writes as fast as all readers take it.
func streamDeliveries(ctx context.Context, b *bench) (results []result, err error) {
	const writers, ahead = 16, 32 // events that may be under way
	err = b.withBoard(ctx, newTask, func(s *boardTasks) error {
		r, err := read(ctx, s, subscribers)
		if err != nil {
			return err
		}
		tickets := make(chan struct{}, ahead)
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		g, ctx := errgroup.WithContext(ctx)
		for range writers {
			g.Go(func() error { return s.keepWriting(ctx, tickets) })
		}
		g.Go(func() error { return hand(ctx, r, tickets, ahead) })
		wait(ctx, time.Second)
		before, began := r.got.Load(), time.Now()
		wait(ctx, b.window)
		rate := float64(r.got.Load()-before) / time.Since(began).Seconds()
		stop()
		err = g.Wait()
		r.close()
		results = []result{{
			row: fmt.Sprintf("SSE deliveries, %d subscribers", subscribers), measured: rate, unit: "frames/s", bar: atLeast(50_000),
		}}
		return err
	})
	return results, err
}

// keepWriting makes a task for each ticket.
func (s *boardTasks) keepWriting(ctx context.Context, tickets <-chan struct{}) error {
	c, err := dial(ctx, s.addr)
	if err != nil {
		return err
	}
	defer c.close()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tickets:
		}
		if _, err := c.post(s.tasks, s.body, ""); err != nil {
			return err
		}
	}
}

// hand gives out a ticket whenever another event has reached all readers,
// counted by the sum of what they got.
func hand(ctx context.Context, r *readers, tickets chan<- struct{}, ahead int64) error {
	for given := int64(0); ; {
		for ; given < r.got.Load()/subscribers+ahead; given++ {
			select {
			case tickets <- struct{}{}:
			case <-ctx.Done():
				return nil
			}
		}
		select {
		case <-r.moved:
		case <-ctx.Done():
			return nil
		}
	}
}

// idleStreams counts what open streams cost the database when nothing happens.
func idleStreams(ctx context.Context, b *bench) (results []result, err error) {
	err = b.withBoard(ctx, newTask, func(s *boardTasks) error {
		if err := s.publish(); err != nil {
			return err
		}
		r, err := read(ctx, s, subscribers)
		if err != nil {
			return err
		}
		defer r.close()
		wait(ctx, time.Second)
		window := max(b.window, 5*time.Second)
		before, began := s.statements.all.Load(), time.Now()
		wait(ctx, window)
		rate := float64(s.statements.all.Load()-before) / time.Since(began).Seconds()
		if s.hub.Stats().Streams != subscribers {
			return errors.New("not all streams stayed open")
		}
		results = []result{{
			row: fmt.Sprintf("%d idle streams, in all", subscribers), measured: rate, unit: "statements/s", bar: atMost(5),
		}}
		return nil
	})
	return results, err
}
