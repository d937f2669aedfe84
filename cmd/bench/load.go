package main

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const warmUp = 300 * time.Millisecond

// drive lets callers do something again and again, and returns how often a
// second all of them together did, after a short while of warming up.
func drive(ctx context.Context, callers int, window time.Duration, once func(ctx context.Context, caller int) error) (float64, error) {
	var done atomic.Int64
	var stop atomic.Bool
	g, ctx := errgroup.WithContext(ctx)
	for caller := range callers {
		g.Go(func() error {
			for !stop.Load() {
				if err := once(ctx, caller); err != nil {
					return err
				}
				done.Add(1)
			}
			return nil
		})
	}
	wait(ctx, warmUp)
	before, began := done.Load(), time.Now()
	wait(ctx, window)
	rate := float64(done.Load()-before) / time.Since(began).Seconds()
	stop.Store(true)
	return rate, g.Wait()
}

// wait lets time pass, less if ctx ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func median[T cmp.Ordered](values []T) T { return percentile(values, 50) }

// percentile sorts values.
func percentile[T cmp.Ordered](values []T, p float64) T {
	slices.Sort(values)
	return values[min(len(values)-1, int(float64(len(values))*p/100))]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
