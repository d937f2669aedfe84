package main

import (
	"context"
	"slices"
	"strings"
	"time"
)

// question is something that is read again and again.
type question struct {
	path       string
	statements int     // at most; 0: not counted
	p50        float64 // in milliseconds, at most; 0: not measured
	name       string
}

const mostAsked = 200 // times that a question is asked

// ask asks until the window is over, and counts what the dearest answer takes.
func (b *bench) ask(ctx context.Context, a *app, questions ...question) (results []result, err error) {
	c, err := dial(ctx, a.addr)
	if err != nil {
		return nil, err
	}
	defer c.close()
	for _, q := range questions {
		if _, err := c.get(q.path, ""); err != nil { // warms up
			return nil, err
		}
		a.most.Store(0)
		var took []time.Duration
		for began := time.Now(); len(took) < mostAsked && time.Since(began) < b.window && ctx.Err() == nil; {
			asked := time.Now()
			if _, err := c.get(q.path, countHeader+": 1\r\n"); err != nil {
				return nil, err
			}
			took = append(took, time.Since(asked))
		}
		if q.p50 > 0 {
			results = append(results, result{row: q.name + ", p50", measured: milliseconds(median(took)), unit: "ms", bar: atMost(q.p50)})
		}
		if q.statements > 0 {
			results = append(results, result{row: q.name + ", most statements", measured: float64(a.most.Load()), unit: "statements", bar: atMost(float64(q.statements))})
		}
	}
	return slices.Clip(results), nil
}

// readBoard reads a board with 1 000 tasks.
func readBoard(ctx context.Context, b *bench) (results []result, err error) {
	const many = 1000
	err = b.withBoard(ctx, newTask, func(s *boardTasks) error {
		for range many {
			if err := s.publish(); err != nil {
				return err
			}
		}
		results, err = b.ask(ctx, s.app,
			question{name: "GET …/tasks?limit=50", path: s.tasks + "?limit=50", statements: 3, p50: 25},
			question{name: "GET …/snapshot of 1000 tasks", path: strings.TrimSuffix(s.tasks, "/tasks") + "/snapshot", statements: 8, p50: 25})
		return err
	})
	return results, err
}
