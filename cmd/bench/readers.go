package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// clock remembers when the newest positions were committed.
type clock struct {
	began time.Time
	at    [1 << 16]atomic.Int64
}

func (c *clock) mark(first, last int64) {
	now := int64(time.Since(c.began))
	for seq := first; seq <= last; seq++ {
		c.at[seq%int64(len(c.at))].Store(now)
	}
}

func (c *clock) since(seq int64) time.Duration {
	return time.Since(c.began) - time.Duration(c.at[seq%int64(len(c.at))].Load())
}

// readers follow a stream, each over a connection of its own.
type readers struct {
	clients []*client
	late    [][]time.Duration // of each: from the commit to the last byte of each event
	got     atomic.Int64      // events, by all of them
	moved   chan struct{}     // told now and then that got has grown
	work    sync.WaitGroup
}

// read opens n streams.
func read(ctx context.Context, s source, n int) (*readers, error) {
	r := &readers{clients: make([]*client, n), late: make([][]time.Duration, n), moved: make(chan struct{}, 1)}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(32)
	for i := range n {
		g.Go(func() error {
			c, err := dial(ctx, s.address())
			if err != nil {
				return err
			}
			r.clients[i] = c
			return c.follow(s.path(), "")
		})
	}
	if err := g.Wait(); err != nil {
		r.close()
		return nil, err
	}
	for i, c := range r.clients {
		r.work.Go(func() { r.follow(i, c, s.times()) })
	}
	return r, nil
}

func (r *readers) follow(i int, c *client, times *clock) {
	for {
		id, err := c.message()
		if err != nil {
			return // closed
		}
		if id == "" {
			continue
		}
		r.late[i] = append(r.late[i], times.since(position(id)))
		r.got.Add(1)
		select {
		case r.moved <- struct{}{}:
		default:
		}
	}
}

// await waits until all together have got n events, and tells whether they have.
func (r *readers) await(ctx context.Context, n int64) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for r.got.Load() < n {
		select {
		case <-r.moved:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// close ends the streams and returns all delays.
func (r *readers) close() []time.Duration {
	for _, c := range r.clients {
		if c != nil {
			c.close()
		}
	}
	r.work.Wait()
	var all []time.Duration
	for _, late := range r.late {
		all = append(all, late...)
	}
	return all
}
