package main

import (
	"context"
	"errors"
	"time"

	"missioncontrol/projections"
)

// logToRebuild is how many events a rebuild is measured over.
const logToRebuild = 200_000

// rebuild derives the read models again from a log of tasks.
func rebuild(ctx context.Context, b *bench) (_ []result, err error) {
	url, err := b.cluster.database(ctx)
	if err != nil {
		return nil, err
	}
	l, err := withTasks(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	b.say("  writing %d events", logToRebuild)
	for l.Head() < logToRebuild {
		if _, err := drive(ctx, 256, 500*time.Millisecond, l.append); err != nil {
			return nil, err
		}
	}
	read := projections.Reader{DB: l.db, Store: l.Store}
	var rows, frames []float64
	for range b.rounds {
		for _, kind := range []struct {
			frames bool
			rates  *[]float64
		}{{false, &rows}, {true, &frames}} {
			r, began := projections.Rebuild{Reader: read, Frames: kind.frames}, time.Now()
			if err := r.Run(ctx); err != nil {
				return nil, err
			}
			*kind.rates = append(*kind.rates, float64(l.Head())/time.Since(began).Seconds())
		}
	}
	return []result{
		{row: "rebuild, rows", measured: median(rows), unit: "events/s", bar: atLeast(50_000)},
		{row: "rebuild, rows and frames", measured: median(frames), unit: "events/s", bar: atLeast(15_000)},
	}, nil
}
