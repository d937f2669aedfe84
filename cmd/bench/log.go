package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/eventstore"
)

// notes is the smallest aggregate: each command adds one small event.
type notes struct{ Count int }

type noteEvent interface{ isNote() }

type noted struct {
	Text string `json:"text"`
}

func (noted) isNote() {}

func (n notes) Evolve(domain.Meta, noteEvent) notes { return notes{n.Count + 1} }

type add struct{ text string }

func (a add) Decide(notes) ([]noteEvent, error) { return []noteEvent{noted{a.text}}, nil }

// appends measures how many commands a second callers append, against R1.
func appends(start func(ctx context.Context, url string) (*appender, error), callers int, limit float64) func(context.Context, *bench) ([]result, error) {
	return func(ctx context.Context, b *bench) (_ []result, err error) {
		url, err := b.cluster.database(ctx)
		if err != nil {
			return nil, err
		}
		a, err := start(ctx, url)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, a.close()) }()
		measured, yardstick, err := b.againstR1(ctx, url, callers, func() (float64, error) {
			return drive(ctx, callers, b.window, a.append)
		})
		if err != nil {
			return nil, err
		}
		stats := a.Stats()
		var bytes float64
		if err := a.db.QueryRow(ctx, "select avg(octet_length(entry))::float8 from (select entry from events limit 1000) e").Scan(&bytes); err != nil {
			return nil, err
		}
		b.say("  entries of %.0f bytes, %.0f events a batch, %d decided again", bytes, float64(stats.Events)/float64(stats.Batches), stats.Conflicts)
		return []result{{
			row: fmt.Sprintf("%s, %d callers", a.what, callers), measured: measured, unit: "events/s",
			yardstick: yardstick, bar: atLeastTimes(limit, "R1"),
		}}, nil
	}
}

// appender is a log with a way to append one event to it.
type appender struct {
	*log
	what   string
	append func(ctx context.Context, caller int) error
}

func startNotes(ctx context.Context, url string) (*log, eventstore.Aggregate[notes, noteEvent], error) {
	kind := eventstore.KindOf("note", map[string]noteEvent{"note.added": noted{}}, eventstore.Rules[notes, noteEvent]{})
	l, err := openLog(ctx, url, func(c *eventstore.Config) { c.Vocabulary = eventstore.NewVocabulary(kind) })
	if err != nil {
		return nil, eventstore.Aggregate[notes, noteEvent]{}, err
	}
	l.run(ctx)
	return l, eventstore.For[notes, noteEvent](l.Store, "note"), nil
}

// logAlone appends each event to a stream of its own.
func logAlone(ctx context.Context, url string) (*appender, error) {
	l, all, err := startNotes(ctx, url)
	if err != nil {
		return nil, err
	}
	org := uuid.New()
	return &appender{l, "log alone", func(ctx context.Context, _ int) error {
		return l.Do(ctx, func(d *eventstore.Decision) error {
			return all.New(d, org, uuid.New()).Decide(add{"a note"})
		})
	}}, nil
}

// hotStream appends everything to one stream.
func hotStream(ctx context.Context, url string) (*appender, error) {
	l, all, err := startNotes(ctx, url)
	if err != nil {
		return nil, err
	}
	org, stream := uuid.New(), uuid.New()
	return &appender{l, "log alone, one hot stream", func(ctx context.Context, _ int) error {
		return all.Execute(ctx, org, stream, func(_ *eventstore.Decision, x *eventstore.Stream[notes, noteEvent]) error {
			return x.Decide(add{"a note"})
		})
	}}, nil
}
