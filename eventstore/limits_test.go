package eventstore_test

import (
	"strings"
	"testing"

	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
)

type note struct{ text string }

func (n note) Decide(counter) ([]counterEvent, error) {
	return []counterEvent{counted{Note: n.text}}, nil
}

// TestLimits: a command that is too large is refused whole, with the limit in
// the sentence, and one that just fits is carried out.
func TestLimits(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Pool(t))
	for name, c := range map[string]struct {
		events, bytes int
		says          string
	}{
		"as many events as allowed": {1024, 1, ""},
		"one event too many":        {1025, 1, "at most 1024 events"},
		"as large as allowed":       {1, 2<<20 - len(`{"n":0,"note":""}`), ""},
		"a byte too large":          {1, 2<<20 - len(`{"n":0,"note":""}`) + 1, "larger than an event may be"},
	} {
		t.Run(name, func(t *testing.T) {
			id := newID(t)
			err := p.Do(t.Context(), func(d *eventstore.Decision) error {
				x := p.counters.New(d, newID(t), id)
				for range c.events {
					if err := x.Decide(note{strings.Repeat("x", c.bytes)}); err != nil {
						return err
					}
				}
				return nil
			})
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("says %v, want %q", err, c.says)
			}
			var stored int
			if err := p.ReadStream(t.Context(), id, func(*eventstore.Recorded) error { stored++; return nil }); err != nil {
				t.Fatal(err)
			}
			if want := c.events; c.says == "" && stored != want || c.says != "" && stored != 0 {
				t.Errorf("%d events are stored", stored)
			}
		})
	}
}

// TestOvertakenTooOften: a command whose fact changes under every attempt is
// carried out in the end, alone.
func TestOvertakenTooOften(t *testing.T) {
	t.Parallel()
	p := start(t, freshLog(t))
	org, id, attempts := newID(t), newID(t), 0
	err := p.Do(t.Context(), func(d *eventstore.Decision) error {
		d.Look(slugKey(org, "x"))
		if attempts++; attempts <= 5 { // somebody else is faster
			if err := p.open(t.Context(), org, newID(t), "x"); err != nil {
				return err
			}
		}
		return p.counters.New(d, org, id).Decide(open{slug: "y"})
	})
	if err != nil || attempts != 6 {
		t.Errorf("%v after %d attempts", err, attempts)
	}
	all := p.everything(t)
	checkLog(t, all)
	if len(all) != 6 || all[5].Stream != id || p.Stats().Conflicts != 5 {
		t.Errorf("%d events, %+v", len(all), p.Stats())
	}
}

// TestAloneIsJudged: a decision that is made alone may be refused, or change
// nothing, like any other.
func TestAloneIsJudged(t *testing.T) {
	t.Parallel()
	p := start(t, freshLog(t))
	org := newID(t)
	for name, last := range map[string]func(d *eventstore.Decision) error{
		"refused":        func(d *eventstore.Decision) error { return p.counters.In(d, org, newID(t)).Decide(closeIt{}) },
		"without effect": func(*eventstore.Decision) error { return nil },
	} {
		attempts := 0
		err := p.Do(t.Context(), func(d *eventstore.Decision) error {
			d.Look(slugKey(org, "x"))
			if attempts++; attempts > 5 {
				return last(d)
			}
			if err := p.open(t.Context(), org, newID(t), "x"); err != nil {
				return err
			}
			return p.counters.New(d, org, newID(t)).Decide(open{slug: "y"})
		})
		if (err != nil) != (name == "refused") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.count(t.Context(), org, newID(t), 1); err != nil {
		t.Errorf("the committer is stuck: %v", err)
	}
	checkLog(t, p.everything(t))
}
