package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// A flood: one client with a valid token that sends only commands that are
// refused, and attackers without one, each from an address of its own.
const (
	attackers   = 50
	bystanders  = 8
	betweenAsks = 25 * time.Millisecond // of a bystander, who works like a person in a hurry
)

// flood measures what refusals leave in the log, and what others feel of them.
func flood(ctx context.Context, b *bench) (results []result, err error) {
	err = b.withApp(ctx, func(a *app, _, tasks string) error {
		c, err := dial(ctx, a.addr)
		if err != nil {
			return err
		}
		defer c.close()
		if _, err := c.post("/api/v1/tags", `{"name":"Twice"}`, ""); err != nil {
			return err
		}
		calm, _, err := a.bystand(ctx, tasks, b.window)
		if err != nil {
			return err
		}
		alive, stop := context.WithCancel(ctx)
		defer stop()
		var refused atomic.Int64
		var storm errgroup.Group
		for i := range attackers + 1 {
			storm.Go(func() error { return a.attack(alive, i, &refused) })
		}
		before := a.Head()
		felt, done, err := a.bystand(ctx, tasks, b.window)
		stop()
		if err = errors.Join(err, storm.Wait(), a.use.Audit.Close(ctx)); err != nil {
			return err
		}
		entries := a.Head() - before - done
		b.say("  %d requests were refused in %v", refused.Load(), b.window)
		results = []result{
			{row: fmt.Sprintf("flood: entries of %d k refusals", refused.Load()/1000), measured: float64(entries), unit: "entries", bar: atMost(1000)},
			{
				row: "flood: p99 of others' POST …/tasks", measured: milliseconds(percentile(felt, 99)), unit: "ms",
				yardstick: milliseconds(percentile(calm, 99)), bar: atMostTimes(3, "calm"),
			},
		}
		return nil
	})
	return results, err
}

// bystand lets others work for a while, and returns how long their requests took.
func (a *app) bystand(ctx context.Context, tasks string, window time.Duration) (took []time.Duration, done int64, err error) {
	var mu sync.Mutex
	var g errgroup.Group
	for range bystanders {
		g.Go(func() error {
			c, err := dial(ctx, a.addr)
			if err != nil {
				return err
			}
			defer c.close()
			for began := time.Now(); time.Since(began) < window && ctx.Err() == nil; wait(ctx, betweenAsks) {
				asked := time.Now()
				if _, err := c.post(tasks, newTask, ""); err != nil {
					return err
				}
				mu.Lock()
				took = append(took, time.Since(asked))
				mu.Unlock()
			}
			return nil
		})
	}
	err = g.Wait()
	return took, int64(len(took)), err
}

// attack sends requests that are refused, as fast as they are answered: number 0
// has a token, of the others half try one on a route that lets agents in.
func (a *app) attack(ctx context.Context, number int, refused *atomic.Int64) error {
	c, err := dial(ctx, a.addr)
	if err != nil {
		return err
	}
	defer c.close()
	path, headers := "/api/v1/tags", ""
	if number > 0 {
		c.token = fmt.Sprint("wrong-", number)
		headers = fmt.Sprintf("X-Forwarded-For: 10.0.0.%d\r\n", number)
	}
	if number%2 == 1 {
		path = "/api/v1/boards/00000000-0000-0000-0000-000000000001/tasks"
	}
	for ctx.Err() == nil {
		if err := c.request("POST", path, headers, `{"name":"Twice","title":"Twice"}`); err != nil {
			return err
		}
		status, length, _, err := c.head()
		if err != nil {
			return err
		}
		if status != "401" && status != "409" && status != "429" {
			return fmt.Errorf("%s was answered %s", path, status)
		}
		if _, err := io.CopyN(io.Discard, c.in, int64(length)); err != nil {
			return err
		}
		refused.Add(1)
	}
	return nil
}
