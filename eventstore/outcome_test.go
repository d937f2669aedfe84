package eventstore_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
)

// A cutter breaks the committer's connection after an append was carried out
// and before its answer arrives, as often as it is armed.
type cutter struct{ armed, cuts atomic.Int64 }

func (c *cutter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: conn, cutter: c}, nil
}

type cutConn struct {
	net.Conn
	cutter *cutter
	mu     sync.Mutex
	cut    bool // the next answer is swallowed
}

// appends is how a bound append looks on the wire: the name of its first
// prepared statement.
var appends = []byte("append_0\x00")

func (c *cutConn) Write(b []byte) (int, error) {
	// 'B' binds a prepared statement: an append, not its preparation.
	if bytes.Contains(b, append([]byte{0}, appends...)) && bytes.Contains(b, []byte("B\x00")) && c.cutter.armed.Load() > 0 {
		c.cutter.armed.Add(-1)
		c.mu.Lock()
		c.cut = true
		c.mu.Unlock()
	}
	return c.Conn.Write(b)
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut && err == nil {
		c.cutter.cuts.Add(1)
		_ = c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// The connection is cut between commit and answer, under load from two
// processes: every acknowledged command stands in the log exactly once, and
// nothing that was not sent.
func TestCutBetweenCommitAndAnswer(t *testing.T) {
	t.Parallel()
	const callers, each = 16, 30
	c := &cutter{}
	url := pgtest.Clone(t)
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.DialFunc = c.dial
	cutDB, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer cutDB.Close()
	cut, other := start(t, cutDB), start(t, pgtest.Connect(t, url))

	var acknowledged sync.Map
	ctx, stop := context.WithCancel(t.Context())
	var cutting sync.WaitGroup
	cutting.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				c.armed.Store(1)
			}
		}
	})
	var g errgroup.Group
	for i := range callers {
		p := []*process{cut, other}[i%2]
		org := newID(t)
		g.Go(func() error {
			for range each {
				id := newID(t)
				err := p.open(t.Context(), org, id, name(i))
				switch {
				case err == nil:
					acknowledged.Store(id, true)
				case !errors.Is(err, eventstore.ErrUnavailable) && !errors.Is(err, eventstore.ErrUnknownOutcome):
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	stop()
	cutting.Wait()
	if c.cuts.Load() == 0 {
		t.Fatal("nothing was cut: the test shows nothing")
	}
	all := other.everything(t)
	checkLog(t, all)
	stands := map[any]int{}
	for _, r := range all {
		stands[r.Stream]++
	}
	acknowledged.Range(func(id, _ any) bool {
		if stands[id] != 1 {
			t.Errorf("an acknowledged command stands %d times in the log", stands[id])
		}
		return true
	})
	t.Logf("%d cuts, %d events", c.cuts.Load(), len(all))
}

// A command that the database refuses gets its error; those beside it commit.
func TestOneBadCommandHarmsNobody(t *testing.T) {
	t.Parallel()
	db := freshLog(t)
	if _, err := db.Exec(t.Context(), `create table counters (id uuid primary key, total bigint not null check (total < 1000))`); err != nil {
		t.Fatal(err)
	}
	p := start(t, db, func(c *eventstore.Config) { c.Projector = countersProjector{} })
	org := newID(t)
	var g errgroup.Group
	var failed atomic.Int64
	for i := range 64 {
		g.Go(func() error {
			n := 1
			if i%9 == 0 {
				n = 5000
			}
			if err := p.count(t.Context(), org, newID(t), n); err != nil {
				failed.Add(1)
				if n == 1 {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if failed.Load() != 8 {
		t.Errorf("%d commands failed, want 8", failed.Load())
	}
	all := p.everything(t)
	checkLog(t, all)
	var rows int
	if err := p.db(t.Context(), `select count(*) from counters`, &rows); err != nil || rows != 56 || len(all) != 56 {
		t.Errorf("%d rows, %d events, %v; want 56 of each", rows, len(all), err)
	}
}

type counterRow struct {
	ID    uuid.UUID `db:"id"`
	Total int       `db:"total"`
}

var countersTable = eventstore.TableOf[counterRow]("counters", "id")

type countersProjector struct{}

func (countersProjector) Project(d *eventstore.Decision) ([]eventstore.Write, []eventstore.PendingFrame, error) {
	var writes []eventstore.Write
	for _, e := range d.Staged() {
		writes = append(writes, countersTable.Put(counterRow{e.Stream, e.State.(counter).Total}))
	}
	return writes, nil, nil
}
