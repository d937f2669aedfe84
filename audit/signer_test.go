package audit

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// consistent verifies every checkpoint of the table with tlog and note, and
// that each follows from the one before.
func consistent(t *testing.T, db *pgxpool.Pool, at Proofs) (n int) {
	t.Helper()
	keys, err := at.Keys(t.Context())
	must(t, err)
	known, err := verifiers(keys)
	must(t, err)
	rows, err := db.Query(t.Context(), selectCheckpoint+`order by size`)
	must(t, err)
	var last *Checkpoint
	var all []*Checkpoint
	for rows.Next() {
		c, err := scanCheckpoint(rows)
		must(t, err)
		all = append(all, c)
	}
	must(t, rows.Err())
	for _, c := range all {
		opened, err := note.Open(c.Note, known)
		must(t, err)
		if opened.Text != c.text() {
			t.Errorf("checkpoint %d says %q", c.Size, opened.Text)
		}
		if last != nil {
			proof, err := at.Consistency(t.Context(), last.Size, c.Size)
			must(t, err)
			if err := tlog.CheckTree(proof, c.Size, c.Root, last.Size, last.Root); err != nil {
				t.Errorf("checkpoint %d does not follow from %d: %v", c.Size, last.Size, err)
			}
		}
		last = c
	}
	return len(all)
}

// Two signers race on one log that grows; one of them is stopped and started
// now and then, wherever it is. Whatever they sign is consistent, and what is
// in the files is in the log.
func TestSignersRace(t *testing.T) {
	t.Parallel()
	db := freshLog(t)
	first := start(t, db)
	second := start(t, db)
	files := []File{fileIn(t), fileIn(t)}
	must(t, errors.Join(enrolled(t, first.Store, files[0]).step(t.Context()), first.tick(t.Context(), uuid.New(), uuid.New())))
	ctx, cancel := context.WithCancel(t.Context())
	var g sync.WaitGroup
	for i, s := range []running{first, second} {
		g.Go(func() {
			for turn := 0; ctx.Err() == nil; turn++ { // a new signer each time, as after a crash
				short, stop := context.WithTimeout(ctx, 4*time.Millisecond<<(turn%8))
				signer := signer(t, s.Store, testKey(1), files[i])
				for short.Err() == nil {
					if err := signer.step(short); err != nil && short.Err() == nil {
						t.Error(err)
						break
					}
				}
				stop()
			}
		})
	}
	org := uuid.New()
	signed := func() (n int) {
		must(t, db.QueryRow(t.Context(), `select count(*) from audit_checkpoints`).Scan(&n))
		return n
	}
	for i := 0; i < 100 || signed() < 12 && i < 10_000; i++ {
		must(t, errors.Join(first.tick(t.Context(), org, uuid.New()), second.tick(t.Context(), org, uuid.New())))
	}
	cancel()
	g.Wait()
	must(t, enrolled(t, first.Store, files[0]).step(t.Context()))
	n := consistent(t, db, Proofs{db, first.Epoch()})
	t.Logf("%d checkpoints", n)
	if n < 10 {
		t.Errorf("%d checkpoints only", n)
	}
	for _, f := range files {
		must(t, (&Check{DB: db, File: f}).Run(t.Context()))
		must(t, f.Recognise(t.Context(), db, testKey(1)))
	}
}

// A checkpoint follows new events within a second, without being asked.
func TestSignerFollows(t *testing.T) {
	t.Parallel()
	db := freshLog(t)
	s := start(t, db)
	signer := enrolled(t, s.Store, fileIn(t))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- signer.Run(ctx) }()
	defer func() { cancel(); must(t, <-ended) }()
	proofs := Proofs{db, s.Epoch()}
	var slowest time.Duration
	for range 4 {
		must(t, s.tick(t.Context(), uuid.New(), uuid.New()))
		began := time.Now()
		c, err := proofs.Covering(t.Context(), s.Head(), 10*time.Second)
		must(t, err)
		if c == nil {
			t.Fatal("no checkpoint came")
		}
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("the slowest checkpoint came after %v", slowest.Round(time.Millisecond))
	if slowest > 3*time.Second { // a second, on a machine with nothing else to do
		t.Errorf("a checkpoint came after %v", slowest)
	}
}

// A process whose key is not the current one does not sign, and says so; a
// rotation changes which that is, and the old key stays listed.
func TestRotation(t *testing.T) {
	t.Parallel()
	db := freshLog(t)
	w := newWriter(t, db)
	w.write(3)
	s := open(t, db)
	old := enrolled(t, s, fileIn(t))
	must(t, old.step(t.Context()))
	if _, err := Enrol(t.Context(), db, testKey(2), s.Epoch()); !errors.Is(err, ErrNotCurrent) {
		t.Errorf("a second key is enrolled: %v", err)
	}
	other := signer(t, s, testKey(2), old.File)
	if err := other.step(t.Context()); !errors.Is(err, ErrNotCurrent) {
		t.Errorf("a key that is not current signs: %v", err)
	}
	other.trouble(ErrNotCurrent)
	if !errors.Is(other.Fault(), ErrNotCurrent) {
		t.Error("it does not say so")
	}
	must(t, Rotate(t.Context(), db, testKey(2), s.Epoch()))
	w.write(3)
	s = open(t, db)
	must(t, signer(t, s, testKey(2), old.File).step(t.Context()))
	if err := signer(t, s, testKey(1), old.File).step(t.Context()); !errors.Is(err, ErrNotCurrent) {
		t.Errorf("the old key signs: %v", err)
	}
	keys, err := Keys(t.Context(), db)
	must(t, err)
	if len(keys) != 2 || keys[0] != testKey(2).Verifier(s.Epoch()) || keys[1] != testKey(1).Verifier(s.Epoch()) {
		t.Errorf("the keys are %q", keys)
	}
	if n := consistent(t, db, Proofs{db, s.Epoch()}); n != 2 {
		t.Errorf("%d checkpoints", n)
	}
	must(t, (&Check{DB: db, File: old.File}).Run(t.Context()))
}

// A log that was changed behind a checkpoint is not signed again. A tree that
// was changed is made anew from the leaves.
func TestSignerRefuses(t *testing.T) {
	t.Parallel()
	db := freshLog(t)
	w := newWriter(t, db)
	w.write(600)
	s := open(t, db)
	file := fileIn(t)
	must(t, enrolled(t, s, file).step(t.Context()))
	tamper(t, db, `update audit_tree set hash = sha256('x')`)
	w.write(1)
	s = open(t, db)
	must(t, signer(t, s, testKey(1), file).step(t.Context()))
	tamper(t, db, `update events set leaf = sha256('x') where seq = 599`)
	w.write(1)
	s = open(t, db)
	again := signer(t, s, testKey(1), file)
	for range 2 {
		if err := again.step(t.Context()); !errors.Is(err, ErrInconsistent) {
			t.Errorf("a changed log is signed: %v", err)
		}
	}
}

func tamper(t testing.TB, db *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	conn, err := db.Acquire(t.Context())
	must(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), `set session_replication_role = replica`)
	must(t, err)
	_, err = conn.Exec(t.Context(), sql, args...)
	must(t, err)
	_, err = conn.Exec(t.Context(), `set session_replication_role = origin`)
	must(t, err)
}

// A note that a crash cut off is dropped, and nothing else.
func TestTornFile(t *testing.T) {
	t.Parallel()
	f := fileIn(t)
	var whole []byte
	for size := range int64(40) {
		c := Checkpoint{Epoch: uuid.New(), Size: size + 1, Root: tlog.RecordHash(nil)}
		must(t, c.sign(testKey(1)))
		must(t, os.WriteFile(f.Path, append(slices.Clip(whole), c.Note[:int(size)*len(c.Note)/40]...), 0o600))
		last, err := f.newest()
		must(t, err)
		if size == 0 && last != nil || size > 0 && last.Size != size {
			t.Fatalf("the newest of %d is %+v", size, last)
		}
		must(t, f.append(c.Note))
		whole = append(whole, c.Note...)
		got, err := os.ReadFile(f.Path)
		must(t, err)
		if string(got) != string(whole) {
			t.Fatalf("after %d the file holds\n%s", size, got)
		}
	}
}

// Keys are read in every form that is documented, and in no other.
func TestParseKey(t *testing.T) {
	t.Parallel()
	signerKey, verifier, err := note.GenerateKey(nil, "anything")
	must(t, err)
	k, err := ParseKey(signerKey)
	must(t, err)
	want, err := note.NewVerifier(verifier)
	must(t, err)
	mine, err := note.NewEd25519VerifierKey("anything", k.public())
	must(t, err)
	if mine != verifier || want.Name() != "anything" {
		t.Errorf("%s reads as %s", verifier, mine)
	}
	for _, wrong := range []string{"", "x", "PRIVATE+KEY+a+b+c", "AAAA", signerKey[:len(signerKey)-4]} {
		if _, err := ParseKey(wrong); err == nil {
			t.Errorf("%q is read as a key", wrong)
		}
	}
}

// Checkpoints are read in runs, and each once.
func TestEachCheckpoint(t *testing.T) {
	t.Parallel()
	db := freshLog(t)
	const of, all = 2, 2500
	_, err := db.Exec(t.Context(), `insert into audit_checkpoints (epoch, size, root, note)
		select md5((n % $1)::text)::uuid, n, sha256('x'), '' from generate_series(1, $2) n`, of, all)
	must(t, err)
	seen := map[int64]bool{}
	must(t, eachCheckpoint(t.Context(), db, 100, func(c *Checkpoint) error { seen[c.Size] = true; return nil }))
	if len(seen) != all-100 || seen[100] || !seen[101] || !seen[all] {
		t.Errorf("%d were read", len(seen))
	}
}
