package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// withApp gives use the whole program on a fresh database, with a board, and
// the path of the board's tasks.
func (b *bench) withApp(ctx context.Context, use func(a *app, url, tasks string) error) (err error) {
	url, err := b.cluster.database(ctx)
	if err != nil {
		return err
	}
	a, err := startApp(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	c, err := dial(ctx, a.addr)
	if err != nil {
		return err
	}
	defer c.close()
	if _, err := c.post("/api/v1/auth/bootstrap", "", ""); err != nil {
		return err
	}
	answer, err := c.post("/api/v1/boards", `{"name":"Bench","slug":"bench","description":"A board to measure on","board_type":"general"}`, "")
	if err != nil {
		return err
	}
	var board struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(answer, &board); err != nil {
		return err
	}
	return use(a, url, "/api/v1/boards/"+board.ID+"/tasks")
}

const newTask = `{"title":"A task of the bench","description":"What has to be done, in a sentence or two, as people write it.","priority":"high","due_at":"2030-01-01T12:00:00Z"}`

func httpThroughput(ctx context.Context, b *bench) (results []result, err error) {
	const connections = 64
	err = b.withApp(ctx, func(a *app, url, tasks string) error {
		clients := make([]*client, connections)
		for i := range clients {
			var err error
			if clients[i], err = dial(ctx, a.addr); err != nil {
				return err
			}
			defer clients[i].close()
		}
		measured, yardstick, err := b.againstR1(ctx, url, connections, func() (float64, error) {
			return drive(ctx, connections, b.window, func(_ context.Context, caller int) error {
				_, err := clients[caller].post(tasks, newTask, "")
				return err
			})
		})
		results = []result{{
			row: fmt.Sprintf("POST …/tasks, %d connections", connections), measured: measured, unit: "requests/s",
			yardstick: yardstick, bar: atLeastTimes(0.35, "R1"),
		}}
		return err
	})
	return results, err
}

func httpLatency(ctx context.Context, b *bench) (results []result, err error) {
	err = b.withApp(ctx, func(a *app, _, tasks string) error {
		c, err := dial(ctx, a.addr)
		if err != nil {
			return err
		}
		defer c.close()
		var took []time.Duration
		for began := time.Now(); time.Since(began) < b.window && ctx.Err() == nil; {
			asked := time.Now()
			if _, err := c.post(tasks, newTask, ""); err != nil {
				return err
			}
			took = append(took, time.Since(asked))
		}
		results = []result{{
			row: "POST …/tasks, one connection, p50", measured: milliseconds(median(took)), unit: "ms", bar: atMost(5),
		}}
		return nil
	})
	return results, err
}

// httpStatements counts what a request asks the database beside the append,
// authentication and rights included, once caches are warm.
func httpStatements(ctx context.Context, b *bench) (results []result, err error) {
	const requests = 200
	err = b.withApp(ctx, func(a *app, _, tasks string) error {
		c, err := dial(ctx, a.addr)
		if err != nil {
			return err
		}
		defer c.close()
		for _, kind := range []struct {
			row   string
			keyed bool
		}{
			{"POST …/tasks, most statements beside the append", false},
			{"the same with an Idempotency-Key", true},
		} {
			a.most.Store(0)
			for i := range requests {
				headers := countHeader + ": 1\r\n"
				if i == 0 { // warms up
					headers = ""
				}
				if kind.keyed {
					headers += "Idempotency-Key: bench-" + strconv.Itoa(i) + "\r\n"
				}
				if _, err := c.post(tasks, newTask, headers); err != nil {
					return err
				}
			}
			results = append(results, result{row: kind.row, measured: float64(a.most.Load()), unit: "statements", bar: atMost(3)})
		}
		return nil
	})
	return slices.Clip(results), err
}
