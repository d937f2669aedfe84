package projections_test

import (
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"missioncontrol/domain/member"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/projections"
)

// notFromTheLog are the tables that a rebuild leaves alone.
var notFromTheLog = []string{
	"events", "log_head", "org_head", "event_refs", "checkpoints", "idempotency", "person_keys", "read_models", "goose_db_version", "secrets",
	"agent_tokens", "agent_presence",
}

func tableNames(t testing.TB, db *pgxpool.Pool) []string {
	t.Helper()
	rows, err := db.Query(t.Context(), `select tablename from pg_tables where schemaname = 'public' order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// contents is every row of every read model as Postgres writes it, and how
// each table is made.
func contents(t testing.TB, db *pgxpool.Pool) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	collect := func(name, sql string, args ...any) {
		t.Helper()
		rows, err := db.Query(t.Context(), sql, args...)
		if err != nil {
			t.Fatal(err)
		}
		if all[name], err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			t.Fatal(err)
		}
	}
next:
	for _, table := range tableNames(t, db) {
		for _, other := range notFromTheLog {
			if table == other {
				continue next
			}
		}
		collect(table, "select t::text from "+table+" t order by 1")
		collect(table+" is made of", `select a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull::text || ' ' || a.attstorage::text
			from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 order by a.attnum`, table)
		collect(table+" is stored with", `select coalesce(array_to_string(reloptions, ','), '') from pg_class where oid = $1::regclass`, table)
		collect(table+" is indexed by", `select regexp_replace(indexdef, 'INDEX \S+ ON', 'INDEX ON') from pg_indexes
			where schemaname = 'public' and tablename = $1 order by 1`, table)
	}
	return all
}

func rebuild(t testing.TB, p *process) {
	t.Helper()
	var told []projections.Progress
	b := projections.Rebuild{Reader: p.Reader, Frames: true, Report: func(p projections.Progress) { told = append(told, p) }}
	if err := b.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(told); n == 0 || told[n-1].Done != told[n-1].Head {
		t.Errorf("it ended without saying so: %+v", told)
	}
}

// exercised are the tables that the crowd is sure to fill.
var exercised = []string{"users", "organizations", "members", "boards", "tasks", "board_memory", "feed", "tags", "custom_fields"}

// TestRebuiltIsLive: what the log leads to when it is replayed is what was
// written at once, row by row of every table, the feed included.
func TestRebuiltIsLive(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Connect(t, pgtest.Clone(t)))
	for n := range 3 {
		c := p.crowd(t, n)
		for range 120 {
			c.step(t)
		}
		_, other, _ := p.person(t, 100+n)
		p.joined(t, c.org, other, member.Plain)
		if n == 2 { // everything of this one goes
			by, err := projections.Members{Reader: p.Reader}.Of(t.Context(), nil, c.org, eventstore.CommandFrom(c.ctx).Actor.ID)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Organizations.Delete(c.ctx, by); err != nil {
				t.Fatal(err)
			}
			if err := (projections.Removal{Reader: p.Reader}).Organization(t.Context(), c.org); err != nil {
				t.Fatal(err)
			}
		}
	}
	live := contents(t, p.DB)
	for _, name := range exercised {
		if len(live[name]) == 0 {
			t.Errorf("%s is empty: the test shows nothing of it", name)
		}
	}
	for round := range 2 {
		rebuild(t, p)
		if diff := cmp.Diff(live, contents(t, p.DB)); diff != "" {
			t.Fatalf("rebuild %d differs from live (-live +rebuilt)\n%s", round, diff)
		}
	}
	if needed, err := projections.Needed(t.Context(), p.Reader); err != nil || needed {
		t.Errorf("another rebuild is said to be needed: %v", err)
	}
	c := p.crowd(t, 50) // and life goes on
	for range 30 {
		c.step(t)
	}
}

// TestRebuildWhileWriting: people go on writing while the tables are filled
// and swapped; nothing is lost, and nobody notices.
func TestRebuildWhileWriting(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Connect(t, pgtest.Clone(t)))
	var done atomic.Bool
	var g sync.WaitGroup
	var steps atomic.Int64
	for n := range 4 {
		c := p.crowd(t, n)
		g.Go(func() {
			for !done.Load() && !t.Failed() {
				c.step(t)
				steps.Add(1)
			}
		})
	}
	for range 4 {
		before := steps.Load()
		rebuild(t, p)
		for steps.Load() < before+10 && !t.Failed() {
			runtime.Gosched()
		}
	}
	done.Store(true)
	g.Wait()
	if t.Failed() {
		return
	}
	live := contents(t, p.DB)
	rebuild(t, p)
	if diff := cmp.Diff(live, contents(t, p.DB)); diff != "" {
		t.Errorf("the tables differ (-after writing +rebuilt)\n%s", diff)
	}
	t.Logf("%d commands, %d events", steps.Load(), p.Store.Head())
}

// TestNeeded: a version of another program asks for a rebuild, an empty log
// never does.
func TestNeeded(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Connect(t, pgtest.Clone(t)))
	if needed, err := projections.Needed(t.Context(), p.Reader); err != nil || needed {
		t.Errorf("on an empty log: %v, %v", needed, err)
	}
	p.person(t, 1)
	if needed, err := projections.Needed(t.Context(), p.Reader); err != nil || needed {
		t.Errorf("filled by this version: %v, %v", needed, err)
	}
	if _, err := p.DB.Exec(t.Context(), "update read_models set version = -1"); err != nil {
		t.Fatal(err)
	}
	if needed, err := projections.Needed(t.Context(), p.Reader); err != nil || !needed {
		t.Errorf("filled by another version: %v, %v", needed, err)
	}
}

// TestOneRebuildAtATime: the second is told so.
func TestOneRebuildAtATime(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Connect(t, pgtest.Clone(t)))
	p.person(t, 1)
	conn, err := p.DB.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(t.Context(), `select pg_advisory_lock(hashtext('missioncontrol.rebuild'))`); err != nil {
		t.Fatal(err)
	}
	b := projections.Rebuild{Reader: p.Reader}
	if err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "another process is rebuilding") {
		t.Errorf("says %v", err)
	}
	if _, err := conn.Exec(t.Context(), `select pg_advisory_unlock_all()`); err != nil {
		t.Fatal(err)
	}
}

// TestPersonalValuesAreSealed looks for people's names, emails, profile texts
// and addresses in every column of every table.
func TestPersonalValuesAreSealed(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Connect(t, pgtest.Clone(t)))
	c := p.crowd(t, 1)
	for range 150 {
		c.step(t)
	}
	rebuild(t, p)
	for _, table := range tableNames(t, p.DB) {
		for _, plain := range []string{secret, "203.0.113.77"} {
			var rows int
			sql := fmt.Sprintf(`select count(*) from %s t where position($1 in t::text) > 0 or position($2 in t::text) > 0`, table)
			if err := p.DB.QueryRow(t.Context(), sql, plain, hex.EncodeToString([]byte(plain))).Scan(&rows); err != nil {
				t.Fatal(err)
			}
			if rows > 0 {
				t.Errorf("%q stands in clear in %d rows of %s", plain, rows, table)
			}
		}
	}
	var sealed int
	if err := p.DB.QueryRow(t.Context(), `select count(*) from board_memory where source_name like 'sealed:1:%'`).Scan(&sealed); err != nil || sealed == 0 {
		t.Errorf("no chat is signed with a name: the test shows nothing (%v)", err)
	}
	// The owner of the values still reads them.
	u, err := projections.Users{Reader: p.Reader}.Read(t.Context(), c.user)
	if err != nil {
		t.Fatal(err)
	}
	if name, err := p.Store.Vault().Open(t.Context(), string(*u.Name)); err != nil || !strings.HasPrefix(name, secret) {
		t.Errorf("the name opens as %q, %v", name, err)
	}
	// Once the key is gone, nobody does.
	p.Store.Vault().Forget(c.user)
	if name, err := p.Store.Vault().Open(t.Context(), string(*u.Name)); err != nil || name != "erased" {
		t.Errorf("the name opens as %q, %v", name, err)
	}
}
