package eventstore_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"missioncontrol/domain"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// A counter is the smallest aggregate with a rule of its own, one that rests
// on a fact outside of it, and a personal value.
type counter struct {
	Opened bool
	Total  int
	Owner  domain.Personal
}

type counterEvent interface{ isCounter() }

type (
	opened struct {
		Slug  string          `json:"slug"`
		Owner domain.Personal `json:"owner,omitzero"`
	}
	counted struct {
		N    int    `json:"n"`
		Note string `json:"note,omitzero"`
	}
	closed struct{}
)

func (opened) isCounter()  {}
func (counted) isCounter() {}
func (closed) isCounter()  {}

func (c counter) Evolve(_ domain.Meta, e counterEvent) counter {
	switch e := e.(type) {
	case opened:
		c.Opened, c.Owner = true, e.Owner
	case counted:
		c.Total += e.N
	case closed:
		c.Opened = false
	}
	return c
}

type open struct {
	slug  string
	taken bool
	owner domain.Personal
}

func (o open) Decide(c counter) ([]counterEvent, error) {
	if o.taken {
		return nil, domain.Refuse(domain.Conflict, "slug %q is taken", o.slug)
	}
	return []counterEvent{opened{o.slug, o.owner}}, nil
}

type count struct{ n int }

func (k count) Decide(c counter) ([]counterEvent, error) { return []counterEvent{counted{N: k.n}}, nil }

type closeIt struct{}

func (closeIt) Decide(c counter) ([]counterEvent, error) {
	if !c.Opened {
		return nil, domain.Bare(domain.NotFound)
	}
	return []counterEvent{closed{}}, nil
}

// slugs is the id whose keys stand for slugs in these tests.
func slugKey(org uuid.UUID, slug string) domain.Key { return eventstore.Key(org, "slug/"+slug) }

func vocabulary() *eventstore.Vocabulary {
	return eventstore.NewVocabulary(eventstore.KindOf("counter",
		map[string]counterEvent{"counter.opened": opened{}, "counter.counted": counted{}, "counter.closed": closed{}},
		eventstore.Rules[counter, counterEvent]{
			Touches: func(m domain.Meta, _ []domain.Ref, e counterEvent) []domain.Key {
				if o, ok := e.(opened); ok {
					return []domain.Key{slugKey(m.Org, o.Slug)}
				}
				return nil
			},
		}))
}

type process struct {
	*eventstore.Store
	counters eventstore.Aggregate[counter, counterEvent]
	pool     *pgxpool.Pool
	stop     func() error
}

// start runs a store as a process of its own on db.
func start(t testing.TB, db *pgxpool.Pool, edit ...func(*eventstore.Config)) *process {
	t.Helper()
	vault, err := eventstore.NewVault(db, make([]byte, eventstore.InstallationKeySize))
	if err != nil {
		t.Fatal(err)
	}
	cfg := eventstore.Config{DB: db, Vocabulary: vocabulary(), Vault: vault, Log: slog.New(slog.DiscardHandler)}
	for _, f := range edit {
		f(&cfg)
	}
	s, err := eventstore.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop := func() error { cancel(); err := <-ended; ended <- err; return err }
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return &process{s, eventstore.For[counter, counterEvent](s, "counter"), db, stop}
}

// freshLog returns a database of its own, for tests about the whole log.
func freshLog(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return pgtest.Connect(t, pgtest.Clone(t))
}

func (p *process) open(ctx context.Context, org, id uuid.UUID, slug string) error {
	return p.Do(ctx, func(d *eventstore.Decision) error {
		return p.counters.New(d, org, id).Decide(open{slug: slug})
	})
}

func (p *process) count(ctx context.Context, org, id uuid.UUID, n int) error {
	return p.Do(ctx, func(d *eventstore.Decision) error {
		return p.counters.In(d, org, id).Decide(count{n})
	})
}

// everything reads the whole log.
func (p *process) everything(t testing.TB) []*eventstore.Recorded {
	t.Helper()
	var all []*eventstore.Recorded
	for {
		run, err := p.Range(t.Context(), int64(len(all)), 1<<60, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(run) == 0 {
			return all
		}
		all = append(all, run...)
	}
}

// checkLog verifies what must hold of any log: dense positions, chains and
// versions, times that never fall, and leaves that match their entries.
func checkLog(t testing.TB, all []*eventstore.Recorded) {
	t.Helper()
	chains, versions := map[uuid.UUID]*eventstore.Recorded{}, map[uuid.UUID]int{}
	var before time.Time
	for i, r := range all {
		if r.Seq != int64(i+1) {
			t.Fatalf("event %d stands at position %d", r.Seq, i+1)
		}
		var prev eventstore.Hash
		orgSeq := int64(1)
		if last := chains[r.Org]; last != nil {
			prev, orgSeq = last.Leaf, last.OrgSeq+1
		}
		if r.OrgPrev != prev || r.OrgSeq != orgSeq {
			t.Errorf("event %d breaks the chain of its organization: org_seq %d, want %d", r.Seq, r.OrgSeq, orgSeq)
		}
		if r.Version != versions[r.Stream]+1 {
			t.Errorf("event %d has version %d after %d", r.Seq, r.Version, versions[r.Stream])
		}
		if r.Recorded.Before(before) || r.Recorded.Before(r.Time) {
			t.Errorf("event %d was recorded at %v, after %v, decided %v", r.Seq, r.Recorded, before, r.Time)
		}
		if want := sha256.Sum256(append([]byte{0}, r.Entry...)); r.Leaf != want {
			t.Errorf("event %d: leaf does not match its entry", r.Seq)
		}
		chains[r.Org], versions[r.Stream], before = r, r.Version, r.Recorded
	}
}

func newID(t testing.TB) uuid.UUID {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func name(i int) string { return fmt.Sprintf("name-%d", i) }
