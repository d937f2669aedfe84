package audit

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"missioncontrol/eventstore"
)

// signed is a log of n entries under several checkpoints.
func signed(t testing.TB, n int64) (*pgxpool.Pool, *writer, File) {
	t.Helper()
	db := freshLog(t)
	w := newWriter(t, db)
	f := fileIn(t)
	for range 4 {
		w.write(n / 4)
		must(t, enrolled(t, open(t, db), f).step(t.Context()))
	}
	return db, w, f
}

func differenceOf(err error) *Difference {
	d, _ := errors.AsType[*Difference](err)
	return d
}

// rewrite replaces an entry by one that is as good: its leaf and its columns
// fit. cut and paste are of its text.
func rewrite(t testing.TB, db *pgxpool.Pool, seq int64, cut, paste string) {
	t.Helper()
	var entry []byte
	must(t, db.QueryRow(t.Context(), `select entry from events where seq = $1`, seq).Scan(&entry))
	changed := []byte(strings.Replace(string(entry), cut, paste, 1))
	if string(changed) == string(entry) {
		t.Fatalf("entry %d has no %q", seq, cut)
	}
	leaf := eventstore.LeafHash(changed)
	tamper(t, db, `update events set entry = $2, leaf = $3 where seq = $1`, seq, changed, leaf[:])
}

// Whatever is changed in the database is found, with the position where it
// begins.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	const size, at = 800, 333
	cases := map[string]struct {
		sql         string
		first, last int64
	}{
		"entry":           {`update events set entry = overlay(entry placing 'x'::bytea from 400) where seq = 333`, at, at},
		"leaf":            {`update events set leaf = sha256('x') where seq = 333`, at, at},
		"short leaf":      {`update events set leaf = 'x' where seq = 333`, at, at},
		"org":             {`update events set org = gen_random_uuid() where seq = 333`, at, at},
		"org_seq":         {`update events set org_seq = 100000 where seq = 333`, at, at},
		"stream":          {`update events set stream = gen_random_uuid() where seq = 333`, at, at},
		"version":         {`update events set version = 2 where seq = 333`, at, at},
		"type":            {`update events set type = 'task.deleted' where seq = 333`, at, at},
		"recorded":        {`update events set recorded = recorded + interval '1 microsecond' where seq = 333`, at, at},
		"removed":         {`delete from events where seq = 333`, at, at},
		"the last":        {`delete from events where seq = 800`, size, size},
		"truncated":       {`with gone as (delete from events where seq > 700) update log_head set seq = 700`, 701, size},
		"swapped":         {`update events set seq = case seq when 333 then -334 else -333 end where seq in (333, 334); update events set seq = -seq where seq < 0`, at, at},
		"doubled":         {`update events set seq = -seq where seq > 333; insert into events select 334, org, 100000, gen_random_uuid(), version, type, recorded, leaf, entry from events where seq = 333; update events set seq = 1 - seq where seq < 0; update log_head set seq = 801`, at + 1, at + 1},
		"behind the head": {`insert into events select 801, org, 100000, gen_random_uuid(), version, type, recorded, leaf, entry from events where seq = 333`, size + 1, size + 1},
		"head":            {`update log_head set seq = 799`, size, size},
		"end of a chain":  {`update org_head set org_seq = org_seq + 1`, 0, 0},
		"a chain more":    {`insert into org_head values (gen_random_uuid(), 1, '')`, 0, 0},
		"tree":            {`update audit_tree set hash = sha256('x') where n = 1`, 257, 512},
		"a note":          {`update audit_checkpoints set note = overlay(note placing '9'::bytea from 52) where size = 400`, 0, 0},
		"a root":          {`update audit_checkpoints set root = sha256('x') where size = 400`, 0, 0},
		"keys":            {`delete from audit_keys`, 0, 0},
		"another epoch":   {`update log_head set epoch = gen_random_uuid()`, 0, 0},
		"public bytes":    {`update audit_keys set public = sha256('x')`, 0, 0},
		"less tree":       {`delete from audit_tree where n = 1`, 0, 0},
		"trigger off":     {`alter table events disable trigger append_only`, 0, 0},
		"trigger gone":    {`drop trigger append_only on events`, 0, 0},
		"nothing":         {`select 1`, -1, -1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _, f := signed(t, size)
			for sql := range strings.SplitSeq(c.sql, "; ") {
				tamper(t, db, sql)
			}
			err := (&Check{DB: db, File: f}).Run(t.Context())
			if c.first < 0 {
				must(t, err)
				return
			}
			d := differenceOf(err)
			if d == nil || d.First != c.first || d.Last != c.last {
				t.Fatalf("the check says: %v", err)
			}
			t.Log(d)
		})
	}
}

// A log that is rewritten whole, so that entries, leaves, chains and columns
// fit, and even the stored tree and the table of checkpoints, is found by the
// checkpoints outside.
func TestCheckFindsRewritten(t *testing.T) {
	t.Parallel()
	db, w, f := signed(t, 800)
	tamper(t, db, `truncate events, org_head, audit_tree, audit_checkpoints`)
	w.seq, w.chains = 0, map[uuid.UUID]chain{}
	w.write(800)
	// The same once more, but for the tree, which the signer would store again.
	if d := differenceOf((&Check{DB: db, File: f}).Run(t.Context())); d == nil || !strings.Contains(d.What, "audit_tree") {
		t.Errorf("the check says: %v", d)
	}
	tamper(t, db, `truncate events, org_head`)
	w.seq, w.chains = 0, map[uuid.UUID]chain{}
	w.write(499)
	w.seq++ // one left out; what follows is made to fit
	tamperedWrite(t, w, 300)
	err := (&Check{DB: db, File: f}).Run(t.Context())
	if d := differenceOf(err); d == nil || d.First != 401 || d.Last != 600 {
		t.Errorf("the check says: %v", err)
	}
	if err := f.Recognise(t.Context(), db, testKey(1)); err == nil {
		t.Error("the start does not notice")
	}
}

// tamperedWrite appends rows that take the place of those one position before.
func tamperedWrite(t testing.TB, w *writer, n int64) {
	t.Helper()
	for range n {
		row := w.row()
		seq := row[0].(int64) - 1
		entry := []byte(strings.Replace(string(row[8].([]byte)), fmt.Sprintf(`{"seq":%d,`, seq+1), fmt.Sprintf(`{"seq":%d,`, seq), 1))
		leaf := eventstore.LeafHash(entry)
		org := organizations()[w.seq%3]
		w.chains[org] = chain{w.chains[org].seq, leaf}
		_, err := w.db.Exec(t.Context(), `insert into events values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, seq, row[1], row[2], row[3], row[4], row[5], row[6], leaf[:], entry)
		must(t, err)
	}
	w.seq--
	w.ends()
}

// An entry that claims a restore excuses nothing that was signed before it.
func TestCheckFindsForgedRestore(t *testing.T) {
	t.Parallel()
	for name, seq := range map[string]int64{"of long ago": 0, "of just now": 396} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, w, f := signed(t, 396)
			must(t, (&Check{DB: db, File: f}).Run(t.Context()))
			rewrite(t, db, 396, "a title", "no title")
			_, err := db.Exec(t.Context(), `update org_head o set leaf = e.leaf from events e where e.seq = 396 and o.org = e.org`)
			must(t, err)
			row := w.row()
			entry := row[8].([]byte)
			body := strings.Index(string(entry), `"body":`)
			forged := fmt.Appendf(nil, `%s"body":{"was":{"epoch":"%s","seq":%d},"now":{"epoch":"%s","seq":%d}}}`, strings.Replace(string(entry[:body]), "task.created", restoredType, 1), uuid.New(), 396, uuid.New(), seq)
			leaf := eventstore.LeafHash(forged)
			_, err = w.db.Exec(t.Context(), `insert into events values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, row[0], row[1], row[2], row[3], row[4], restoredType, row[6], leaf[:], forged)
			must(t, err)
			w.chains[organizations()[w.seq%3]] = chain{row[2].(int64), leaf}
			w.ends()
			if d := differenceOf((&Check{DB: db, File: f}).Run(t.Context())); d == nil {
				t.Error("it is excused")
			} else {
				t.Log(d)
			}
		})
	}
}

// Rewriting the newest entry of a chain passes everything in the database but
// the chain itself, and rewriting the last entry everything but what was signed.
func TestCheckFindsRewrittenEntry(t *testing.T) {
	t.Parallel()
	db, _, f := signed(t, 400)
	rewrite(t, db, 200, "a title", "no title")
	if d := differenceOf((&Check{DB: db, File: f}).Run(t.Context())); d == nil || d.First != 203 {
		t.Errorf("the chain does not show it: %v", d)
	}
	rewrite(t, db, 200, "no title", "a title")
	must(t, (&Check{DB: db, File: f}).Run(t.Context()))
	rewrite(t, db, 400, "a title", "no title")
	org := organizations()[400%3]
	_, err := db.Exec(t.Context(), `update org_head set leaf = (select leaf from events where seq = 400) where org = $1`, org)
	must(t, err)
	if d := differenceOf((&Check{DB: db, File: f}).Run(t.Context())); d == nil || d.First != 301 || d.Last != 400 {
		t.Errorf("the checkpoints do not show it: %v", d)
	}
}

// A second run goes on where the first one has ended.
func TestCheckGoesOn(t *testing.T) {
	t.Parallel()
	db, w, f := signed(t, 400)
	check := Check{DB: db, File: f, Share: 0.5}
	must(t, check.Run(t.Context()))
	w.write(100)
	must(t, enrolled(t, open(t, db), f).step(t.Context()))
	must(t, check.Run(t.Context()))
	if check.Size() != 500 {
		t.Errorf("%d entries were checked", check.Size())
	}
	w.write(100)
	must(t, enrolled(t, open(t, db), f).step(t.Context()))
	rewrite(t, db, 600, "a title", "no title")
	if d := differenceOf(check.Run(t.Context())); d == nil {
		t.Error("what came later is not checked")
	}
}

// A changed file is found: every byte of it counts.
func TestCheckFindsChangedFile(t *testing.T) {
	t.Parallel()
	db, _, f := signed(t, 40)
	whole, err := os.ReadFile(f.Path)
	must(t, err)
	for i := range whole {
		changed := append([]byte(nil), whole...)
		changed[i] ^= 1
		must(t, os.WriteFile(f.Path, changed, 0o600))
		if err := (&Check{DB: db, File: f}).Run(t.Context()); err == nil && i < len(whole)-1 {
			t.Errorf("byte %d can be changed: %q", i, changed[max(0, i-10):min(len(changed), i+10)])
		}
	}
}

// A log that is shorter than a checkpoint, another one, or none at all is
// recognised at the start; accepting it makes a new epoch, whose checkpoints do
// not contradict those of the old one.
func TestRestore(t *testing.T) {
	t.Parallel()
	db, w, f := signed(t, 400)
	key := testKey(1)
	must(t, f.Recognise(t.Context(), db, key))
	other := fileIn(t) // of a process that signs nothing for now
	copyFile(t, f, other)
	before := open(t, db).Epoch()
	tamper(t, db, `delete from events where seq > 150`)
	tamper(t, db, `delete from audit_checkpoints where size > 150`)
	tamper(t, db, `delete from audit_tree`)
	tamper(t, db, `delete from org_head`)
	w.seq, w.chains = 0, map[uuid.UUID]chain{}
	for w.seq < 150 {
		w.row()
	}
	w.ends()
	err := f.Recognise(t.Context(), db, key)
	restored, ok := errors.AsType[*RestoredError](err)
	if !ok || restored.Seen != (Head{before, 400}) {
		t.Fatalf("the start says: %v", err)
	}
	t.Log(err)
	was, now, err := f.Accept(t.Context(), db)
	must(t, err)
	if was != (Head{before, 400}) || now.Seq != 150 || now.Epoch == before {
		t.Errorf("accepted %v as %v", was, now)
	}
	if err := f.Recognise(t.Context(), db, key); err == nil {
		t.Error("a restore that was not recorded is accepted for good")
	}
	record(t, w, was, now)
	must(t, enrolled(t, open(t, db), f).step(t.Context()))
	must(t, f.Recognise(t.Context(), db, key))
	must(t, other.Recognise(t.Context(), db, key))
	must(t, (&Check{DB: db, File: f}).Run(t.Context()))
	must(t, (&Check{DB: db, File: other}).Run(t.Context()))
	if other.Recognise(t.Context(), db, testKey(2)) == nil {
		t.Error("an epoch that another key has signed is accepted")
	}
	_, err = db.Exec(t.Context(), `update log_head set epoch = $1`, before)
	must(t, err)
	if f.Recognise(t.Context(), db, key) == nil {
		t.Error("an epoch that was left behind is accepted")
	}
	must(t, os.WriteFile(f.Path, []byte("nonsense\n— x\n"), 0o600))
	if f.Recognise(t.Context(), db, key) == nil {
		t.Error("a file that cannot be read is passed over")
	}
}

func copyFile(t testing.TB, from, to File) {
	t.Helper()
	b, err := os.ReadFile(from.Path)
	must(t, err)
	must(t, os.WriteFile(to.Path, b, 0o600))
}

// record appends the entry that an accepted restore leaves.
func record(t testing.TB, w *writer, was, now Head) {
	t.Helper()
	row := w.row()
	if organizations()[w.seq%3] != uuid.Nil {
		t.Fatal("position 151 should be the system's")
	}
	text := strings.Replace(string(row[8].([]byte)), "task.created", restoredType, 1)
	envelope, _, _ := strings.Cut(text, `"body":`)
	entry := fmt.Appendf(nil, `%s"body":{"was":{"epoch":"%s","seq":%d},"now":{"epoch":"%s","seq":%d}}}`, envelope, was.Epoch, was.Seq, now.Epoch, now.Seq)
	leaf := eventstore.LeafHash(entry)
	w.chains[uuid.Nil] = chain{w.chains[uuid.Nil].seq, leaf}
	_, err := w.db.Exec(t.Context(), `insert into events values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, row[0], row[1], row[2], row[3], row[4], restoredType, row[6], leaf[:], entry)
	must(t, err)
	w.ends()
}

// Whatever single column of whatever row is changed, and however, is found.
func TestCheckFindsMutations(t *testing.T) {
	t.Parallel()
	const size = 300
	db, _, f := signed(t, size)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		seq := rapid.Int64Range(1, size).Draw(rt, "seq")
		at := rapid.Int64Range(0, 1000).Draw(rt, "at")
		column := rapid.SampledFrom([]string{"leaf", "entry", "org", "org_seq", "stream", "version", "type", "recorded"}).Draw(rt, "column")
		change := map[string]string{
			"leaf":  `leaf = set_byte(leaf, ($2 % 32)::int, get_byte(leaf, ($2 % 32)::int) # 1)`,
			"entry": `entry = set_byte(entry, ($2 % length(entry))::int, get_byte(entry, ($2 % length(entry))::int) # 1)`,
			"org":   `org = md5($2::text)::uuid`, "org_seq": `org_seq = 100000 + $2`, "stream": `stream = md5($2::text)::uuid`,
			"version": `version = 2 + $2::int`, "type": `type = type || $2::text`, "recorded": `recorded = recorded + ($2 + 1) * interval '1 microsecond'`,
		}[column]
		kept := `select entry, leaf, org, org_seq, stream, version, type, recorded from events where seq = $1`
		var entry, leaf []byte
		var org, stream pgtype.UUID
		var orgSeq int64
		var version int
		var kind string
		var recorded time.Time
		must(t, db.QueryRow(t.Context(), kept, seq).Scan(&entry, &leaf, &org, &orgSeq, &stream, &version, &kind, &recorded))
		tamper(t, db, `update events set `+change+` where seq = $1 and $2::bigint is not null`, seq, at)
		err := (&Check{DB: db, File: f}).Run(t.Context())
		tamper(t, db, `update events set entry = $2, leaf = $3, org = $4, org_seq = $5, stream = $6, version = $7, type = $8, recorded = $9 where seq = $1`,
			seq, entry, leaf, org, orgSeq, stream, version, kind, recorded)
		if d := differenceOf(err); d == nil || d.First != seq || d.Last != seq {
			rt.Errorf("a change of %s at %d is found as: %v", column, seq, err)
		}
		n++
	})
	must(t, (&Check{DB: db, File: f}).Run(t.Context()))
	t.Logf("%d mutations", n)
}
