package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"missioncontrol/audit"
)

const (
	longLog  = 1_000_000 // events of the history
	quickLog = 50_000
)

// history is the whole program over a long log, which rows share.
type history struct {
	*app
	events int
	boards []string
}

// onHistory measures on the long log, which the first row that asks for it
// writes.
func onHistory(measure func(context.Context, *bench, *history) ([]result, error)) func(context.Context, *bench) ([]result, error) {
	return func(ctx context.Context, b *bench) ([]result, error) {
		if b.past == nil {
			var err error
			if b.past, err = b.writeHistory(ctx); err != nil {
				return nil, err
			}
		}
		return measure(ctx, b, b.past)
	}
}

func (b *bench) writeHistory(ctx context.Context) (*history, error) {
	h := &history{events: longLog}
	if b.quick {
		h.events = quickLog
	}
	url, err := b.cluster.database(ctx)
	if err != nil {
		return nil, err
	}
	b.say("  writing %d events", h.events)
	var c chronicle
	if err := c.write(ctx, b, url, h.events); err != nil {
		return nil, err
	}
	for _, id := range c.boards {
		h.boards = append(h.boards, id.String())
	}
	h.app, err = startApp(ctx, url)
	return h, err
}

func (h *history) close() error {
	if h == nil {
		return nil
	}
	return h.app.close()
}

func (h *history) of(what string) string {
	return fmt.Sprintf("%s of %d k events", what, h.events/1000)
}

// dashboards shows all boards over ranges of each kind of step.
func dashboards(ctx context.Context, b *bench, h *history) ([]result, error) {
	var asked []question
	for _, span := range []string{"24h", "7d", "1m", "6m", "1y"} {
		asked = append(asked, question{name: h.of("metrics dashboard " + span), path: "/api/v1/metrics/dashboard?range_key=" + span, p50: 60})
	}
	return b.ask(ctx, h.app, asked...)
}

// snapshotsAt reads a board of 10 000 events as it is at the end of the log, but
// from its past.
func snapshotsAt(ctx context.Context, b *bench, h *history) ([]result, error) {
	path := "/api/v1/boards/" + h.boards[len(h.boards)/2] + "/snapshot?as_of="
	return b.ask(ctx, h.app, question{name: fmt.Sprintf("GET …/snapshot?as_of of %d events", eventsOfBoard), path: path + fmt.Sprint(h.Head()), p50: 150})
}

// pagesOfActivity walks to page 1 000, and measures it against page 1.
func pagesOfActivity(ctx context.Context, b *bench, h *history) (results []result, err error) {
	const deep, limit, most = 1000, 50, 200
	c, err := dial(ctx, h.addr)
	if err != nil {
		return nil, err
	}
	defer c.close()
	for _, kind := range []struct{ name, query string }{{"activity", ""}, {"activity?include=all", "&include=all"}} {
		path := func(limit int, cursor string) string {
			return fmt.Sprintf("/api/v1/activity?limit=%d&cursor=%s%s", limit, cursor, kind.query)
		}
		cursor := ""
		for skipped := 0; skipped < (deep-1)*limit; {
			n := min(most, (deep-1)*limit-skipped)
			answer, err := c.get(path(n, cursor), "")
			if err != nil {
				return nil, err
			}
			var page struct {
				Next string `json:"next_cursor"`
			}
			if err := json.Unmarshal(answer, &page); err != nil {
				return nil, err
			}
			if page.Next == "" {
				break // a quick history is shorter
			}
			cursor, skipped = page.Next, skipped+n
		}
		asked, err := b.ask(ctx, h.app, question{path: path(limit, ""), p50: 1}, question{path: path(limit, cursor), p50: 1})
		if err != nil {
			return nil, err
		}
		results = append(results, result{
			row: fmt.Sprintf("GET …/%s, page %d by cursor, p50", kind.name, deep), measured: asked[1].measured, unit: "ms",
			yardstick: asked[0].measured, bar: atMostTimes(1.5, "page 1"),
		})
	}
	return results, nil
}

// trail asks the log with each filter.
func trail(ctx context.Context, b *bench, h *history) ([]result, error) {
	const path = "/api/v1/audit/events?limit=50"
	middle, task, err := h.entry(ctx, int64(h.events/2))
	if err != nil {
		return nil, err
	}
	var asked []question
	for _, f := range []struct{ name, query string }{
		{"", ""},
		{"actor_id", "&actor_id=" + middle.Actor.ID},
		{"actor_type", "&actor_type=agent"},
		{"action", "&action=approval.created"},
		{"action prefix", "&action=task."},
		{"board_id", "&board_id=" + h.boards[0]},
		{"ref of a board", "&ref=" + h.boards[0]},
		{"ref of a task", "&ref=" + task},
		{"outcome=ok", "&outcome=ok"},
		{"outcome=denied", "&outcome=denied"},
		{"request_id", "&request_id=" + middle.RequestID},
		{"from and to", fmt.Sprintf("&from=%d&to=%d", h.events/4, h.events/2)},
		{"board_id, actor_id, action", "&board_id=" + h.boards[0] + "&actor_id=" + middle.Actor.ID + "&action=task.comment"},
		{"order=asc", "&order=asc"},
	} {
		asked = append(asked, question{name: h.of("GET /audit/events?" + f.name), path: path + f.query, p50: 30})
	}
	return b.ask(ctx, h.app, asked...)
}

// entryAsked is what filters are made of.
type entryAsked struct {
	Actor     struct{ ID string } `json:"actor"`
	RequestID string              `json:"request_id"`
	Refs      []string            `json:"refs"`
}

// entry is one of the log, and a task that it is about.
func (h *history) entry(ctx context.Context, seq int64) (e entryAsked, task string, err error) {
	var text []byte
	if err := h.db.QueryRow(ctx, `select entry from events where seq >= $1 and type = 'task.status_changed' order by seq limit 1`, seq).Scan(&text); err != nil {
		return e, "", err
	}
	if err := json.Unmarshal(text, &e, json.MatchCaseInsensitiveNames(true)); err != nil {
		return e, "", err
	}
	for _, ref := range e.Refs {
		if id, is := strings.CutPrefix(ref, "task/"); is {
			task = id
		}
	}
	return e, task, nil
}

// indexLag is how old the oldest event is that some index does not have yet,
// while as many are appended as 64 connections can ask for.
func indexLag(ctx context.Context, b *bench, h *history) ([]result, error) {
	const connections = 64
	clients := make([]*client, connections)
	for i := range clients {
		var err error
		if clients[i], err = dial(ctx, h.addr); err != nil {
			return nil, err
		}
		defer clients[i].close()
	}
	alive, stop := context.WithCancel(ctx)
	most := make(chan time.Duration)
	go func() {
		var lag time.Duration
		for ; alive.Err() == nil; wait(alive, 5*time.Millisecond) {
			if next := h.read.Indexed.At() + 1; next <= h.Head() {
				lag = max(lag, h.clock.since(next))
			}
		}
		most <- lag
	}()
	rate, err := drive(ctx, connections, b.window, func(_ context.Context, caller int) error {
		_, err := clients[caller].post("/api/v1/boards/"+h.boards[rand.IntN(len(h.boards))]+"/tasks", newTask, "")
		return err
	})
	stop()
	lag := <-most
	if err != nil {
		return nil, err
	}
	return []result{{row: fmt.Sprintf("indexes behind the log at %.0f events/s, most", rate), measured: milliseconds(lag), unit: "ms", bar: atMost(1000)}}, nil
}

// proofs builds the tree over the stored leaves, signs it, and then hashes all
// entries again.
func proofs(ctx context.Context, b *bench, h *history) (_ []result, err error) {
	dir, err := os.MkdirTemp(b.cluster.dir, "checkpoints")
	if err != nil {
		return nil, err
	}
	key, err := auditKey()
	if err != nil {
		return nil, err
	}
	if _, err := audit.Enrol(ctx, h.db, key, h.Epoch()); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := h.signAll(ctx, key, audit.FileIn(dir)); err != nil {
		return nil, err
	}
	built := time.Since(began)
	began = time.Now()
	check := audit.Check{DB: h.db, File: audit.FileIn(dir)}
	if err := check.Run(ctx); err != nil {
		return nil, err
	}
	return []result{
		{row: h.of("audit: tree over the leaves, built and signed,"), measured: built.Seconds(), unit: "s", bar: atMost(3)},
		{row: h.of("audit check: everything hashed again,"), measured: time.Since(began).Seconds(), unit: "s", bar: atMost(20)},
	}, nil
}

// signAll runs a signer until a checkpoint covers the log.
func (h *history) signAll(ctx context.Context, key audit.Key, file audit.File) error {
	alive, stop := context.WithCancel(ctx)
	signer := &audit.Signer{Store: h.Store, Key: key, File: file, Log: slog.New(slog.DiscardHandler)}
	done := make(chan error, 1)
	go func() { done <- signer.Run(alive) }()
	at := audit.Proofs{DB: h.db, Epoch: h.Epoch()}
	_, err := at.Covering(ctx, h.Head(), time.Minute)
	stop()
	return errors.Join(err, signer.Fault(), <-done)
}
