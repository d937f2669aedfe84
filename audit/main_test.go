package audit

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"missioncontrol/domain"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func freshLog(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return pgtest.Connect(t, pgtest.Clone(t))
}

func testKey(b byte) Key {
	k, err := ParseKey(strings.Repeat(hex.EncodeToString([]byte{b}), 32))
	if err != nil {
		panic(err)
	}
	return k
}

func fileIn(t testing.TB) File {
	t.Helper()
	return File{filepath.Join(t.TempDir(), "checkpoints")}
}

// A writer appends entries as the store writes them, without the store.
type writer struct {
	t      testing.TB
	db     *pgxpool.Pool
	seq    int64
	chains map[uuid.UUID]chain
}

// organizations that entries are of, Nil among them.
func organizations() []uuid.UUID {
	return []uuid.UUID{uuid.MustParse("00000000-0000-4000-8000-00000000000a"), {}, uuid.MustParse("00000000-0000-4000-8000-00000000000b")}
}

func newWriter(t testing.TB, db *pgxpool.Pool) *writer {
	t.Helper()
	_, err := db.Exec(t.Context(), `insert into log_head (seq, epoch) values (0, $1)`, uuid.New())
	must(t, err)
	return &writer{t: t, db: db, chains: map[uuid.UUID]chain{}}
}

func id(v uuid.UUID) string {
	if v == uuid.Nil {
		return "null"
	}
	return `"` + v.String() + `"`
}

var began = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func (w *writer) row() []any {
	w.seq++
	orgs := organizations()
	org := orgs[w.seq%int64(len(orgs))]
	c := w.chains[org]
	stream := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, w.seq))
	recorded := began.Add(time.Duration(w.seq) * time.Millisecond)
	stamp := recorded.Format("2006-01-02T15:04:05.000000Z")
	entry := fmt.Appendf(make([]byte, 0, 800), `{"seq":%d,"id":"%s","org":%s,"org_seq":%d,"org_prev":"%x","stream":"%s","kind":"task","version":1,"type":"task.created","sv":1,`+
		`"time":"%s","recorded":"%s","actor":{"type":"user","id":"%s","on_behalf_of":null,"auth":"local"},"ip":null,"user_agent":null,"request_id":"r-%d",`+
		`"causation_id":null,"correlation_id":null,"outcome":"ok","refs":["task/%s"],"body":{"title":"%s"}}`,
		w.seq, stream, id(org), c.seq+1, c.leaf, stream, stamp, stamp, stream, w.seq, stream, text[:])
	leaf := eventstore.LeafHash(entry)
	w.chains[org] = chain{c.seq + 1, leaf}
	return []any{w.seq, pgtype.UUID{Bytes: org, Valid: true}, c.seq + 1, pgtype.UUID{Bytes: stream, Valid: true}, 1, "task.created", recorded, leaf[:], entry}
}

const text = "a title that is about as long as what an event of a real board holds in its body, with a sentence or two"

// write appends n entries.
func (w *writer) write(n int64) {
	w.t.Helper()
	for upTo := w.seq + n; w.seq < upTo; {
		left := min(upTo-w.seq, 10_000)
		_, err := w.db.CopyFrom(w.t.Context(), pgx.Identifier{"events"},
			[]string{"seq", "org", "org_seq", "stream", "version", "type", "recorded", "leaf", "entry"},
			pgx.CopyFromFunc(func() ([]any, error) {
				if left == 0 {
					return nil, nil
				}
				left--
				return w.row(), nil
			}))
		must(w.t, err)
	}
	w.ends()
}

// ends writes the ends of the log and of its chains.
func (w *writer) ends() {
	w.t.Helper()
	_, err := w.db.Exec(w.t.Context(), `update log_head set seq = $1`, w.seq)
	must(w.t, err)
	for org, c := range w.chains {
		_, err := w.db.Exec(w.t.Context(), `insert into org_head values ($1, $2, $3) on conflict (org) do update set org_seq = $2, leaf = $3`, org, c.seq, c.leaf[:])
		must(w.t, err)
	}
}

// open returns a store on the log. Nothing of it is decoded.
func open(t testing.TB, db *pgxpool.Pool) *eventstore.Store {
	t.Helper()
	vault, err := eventstore.NewVault(db, make([]byte, eventstore.InstallationKeySize))
	must(t, err)
	s, err := eventstore.Open(t.Context(), eventstore.Config{DB: db, Vocabulary: vocabulary(), Vault: vault, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	return s
}

// A tick is the smallest event.
type (
	tick      struct{}
	tickEvent interface{ isTick() }
	clock     struct{ Ticks int }
)

func (tick) isTick() {}

func (c clock) Evolve(domain.Meta, tickEvent) clock { return clock{c.Ticks + 1} }

type tickOnce struct{}

func (tickOnce) Decide(clock) ([]tickEvent, error) { return []tickEvent{tick{}}, nil }

func vocabulary() *eventstore.Vocabulary {
	return eventstore.NewVocabulary(eventstore.KindOf("clock", map[string]tickEvent{"clock.ticked": tick{}}, eventstore.Rules[clock, tickEvent]{}))
}

// A running store takes in what is appended.
type running struct {
	*eventstore.Store
	clocks eventstore.Aggregate[clock, tickEvent]
}

func start(t testing.TB, db *pgxpool.Pool) running {
	t.Helper()
	s := open(t, db)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return running{s, eventstore.For[clock, tickEvent](s, "clock")}
}

// tick appends an event of a stream.
func (r running) tick(ctx context.Context, org, stream uuid.UUID) error {
	return r.Do(ctx, func(d *eventstore.Decision) error { return r.clocks.In(d, org, stream).Decide(tickOnce{}) })
}

func signer(t testing.TB, s *eventstore.Store, k Key, f File) *Signer {
	t.Helper()
	return &Signer{Store: s, Key: k, File: f, Log: slog.New(slog.DiscardHandler)}
}

// enrolled is a signer whose key is the log's.
func enrolled(t testing.TB, s *eventstore.Store, f File) *Signer {
	t.Helper()
	_, err := Enrol(t.Context(), s.DB(), testKey(1), s.Epoch())
	must(t, err)
	return signer(t, s, testKey(1), f)
}
