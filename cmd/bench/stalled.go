package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// streamStalled measures what one client that reads nothing costs the others,
// and that it is let go and comes back without loss.
func streamStalled(ctx context.Context, b *bench) (results []result, err error) {
	big := strings.Replace(newTask, "sentence", strings.Repeat("long sentence ", 300), 1)
	err = b.withBoard(ctx, big, func(s *boardTasks) error {
		var without, with quantiles
		exact := 1.0
		for range b.rounds {
			late, err := delays(ctx, s, subscribers-1, eventsPerSecond, b.window)
			if err != nil {
				return err
			}
			without.add(late)
			stalled, err := s.stall(ctx)
			if err != nil {
				return err
			}
			late, err = delays(ctx, s, subscribers-1, eventsPerSecond, b.window)
			if err == nil {
				with.add(late)
				b.say("  without %v; with %v", &without, &with)
				err = s.comeBack(ctx, stalled)
			}
			stalled.close()
			if lost, ok := errors.AsType[*inexact](err); ok {
				b.say("  %v", lost)
				exact, err = 0, nil
			}
			if err != nil {
				return err
			}
		}
		results = []result{
			{row: "SSE, others' p99 beside one stalled among 1000", measured: median(with.p99), unit: "ms", yardstick: median(without.p99), bar: atMostTimes(1.25, "without")},
			{row: "SSE, the stalled one is cut off and resumes exactly", measured: exact, unit: "(1: yes)", bar: atLeast(1)},
		}
		return nil
	})
	return results, err
}

// stalledClient follows a stream without reading it.
type stalledClient struct {
	*client
	from   int64 // head of the log when it began
	cutOff int64 // streams cut off before
}

// stall opens one and writes more than the sockets between hold.
func (s *boardTasks) stall(ctx context.Context) (*stalledClient, error) {
	c, err := dialBuffer(ctx, s.addr, 4096)
	if err != nil {
		return nil, err
	}
	x := &stalledClient{client: c, from: s.Head(), cutOff: s.hub.Stats().CutOff}
	if err := c.follow(s.path(), ""); err != nil {
		c.close()
		return nil, err
	}
	for written := 0; written < 4<<20; written += len(s.body) {
		if err := s.publish(); err != nil {
			c.close()
			return nil, err
		}
	}
	return x, nil
}

// inexact says what a client that came back did not get once and in order.
type inexact struct{ text string }

func (e *inexact) Error() string { return e.text }

// comeBack waits for the cut-off, reads what the sockets still hold, resumes
// behind it, and compares all that came with all that was written.
func (s *boardTasks) comeBack(ctx context.Context, x *stalledClient) error {
	for began := time.Now(); s.hub.Stats().CutOff == x.cutOff; wait(ctx, 100*time.Millisecond) {
		if time.Since(began) > 30*time.Second || ctx.Err() != nil {
			return &inexact{"the stalled client was not cut off"}
		}
	}
	var got []int64
	last := ""
	for {
		id, err := x.message()
		if err != nil {
			break // where it was cut off
		}
		if id != "" {
			got, last = append(got, position(id)), id
		}
	}
	head, before := s.Head(), len(got)
	c, err := dial(ctx, s.addr)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.follow(s.path(), "Last-Event-ID: "+last+"\r\n"); err != nil {
		return err
	}
	for len(got) == 0 || got[len(got)-1] < head {
		id, err := c.message()
		if err != nil {
			return err
		}
		if id != "" {
			got = append(got, position(id))
		}
	}
	var want []int64 // nothing but this board is written
	for seq := x.from + 1; seq <= head; seq++ {
		want = append(want, seq)
	}
	if !slices.Equal(got, want) {
		return &inexact{fmt.Sprintf("the stalled client got %d events, %d of them before it was cut off, instead of %d", len(got), before, len(want))}
	}
	return nil
}
