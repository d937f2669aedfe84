package bundle

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

const origin = "missioncontrol/2f1d9a52-7f0e-4d5c-9a57-6a8f6a2f4f10"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// signer is a key of the log of origin.
type signer struct {
	verifier string
	note.Signer
}

func newSigner(t testing.TB, b byte) signer {
	t.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
	verifier, err := note.NewEd25519VerifierKey(origin, private.Public().(ed25519.PublicKey))
	must(t, err)
	named := strings.SplitN(verifier, "+", 3)
	s, err := note.NewSigner("PRIVATE+KEY+" + named[0] + "+" + named[1] + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...)))
	must(t, err)
	return signer{verifier, s}
}

func (s signer) sign(text string) ([]byte, error) { return note.Sign(&note.Note{Text: text}, s.Signer) }

// ledger is a log in memory: entries of two organizations and of the system.
type ledger struct {
	entries [][]byte
	leaves  []tlog.Hash
	orgs    []string
	orgSeqs []int64
	ends    map[string]tlog.Hash
	counts  map[string]int64
}

const ours = "6f9619ff-8b86-4011-b42d-00cf4fc964ff"

func (l *ledger) add(org string) {
	if l.ends == nil {
		l.ends, l.counts = map[string]tlog.Hash{}, map[string]int64{}
	}
	l.counts[org]++
	named, end := "null", l.ends[org]
	if org != "" {
		named = strconv.Quote(org)
	}
	entry := fmt.Appendf(nil, `{"seq":%d,"id":"%s","org":%s,"org_seq":%d,"org_prev":"%x","type":"task.created","body":{"title":"Wäsche 😀 %d"}}`,
		len(l.entries)+1, uuid.New(), named, l.counts[org], end[:], len(l.entries))
	leaf := tlog.RecordHash(entry)
	l.ends[org] = leaf
	l.entries, l.leaves = append(l.entries, entry), append(l.leaves, leaf)
	l.orgs, l.orgSeqs = append(l.orgs, org), append(l.orgSeqs, l.counts[org])
}

func (l *ledger) subtree(level int, n int64) (tlog.Hash, error) {
	if level == 0 {
		return l.leaves[n], nil
	}
	a, _ := l.subtree(level-1, 2*n)
	b, _ := l.subtree(level-1, 2*n+1)
	return tlog.NodeHash(a, b), nil
}

// root is that of the whole log, from the library.
func (l *ledger) root(t testing.TB) tlog.Hash {
	t.Helper()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, i := range indexes {
			found = append(found, stored[i])
		}
		return found, nil
	})
	for n, entry := range l.entries {
		more, err := tlog.StoredHashes(int64(n), entry, reader)
		must(t, err)
		stored = append(stored, more...)
	}
	root, err := tlog.TreeHash(int64(len(l.entries)), reader)
	must(t, err)
	return root
}

// write makes a bundle of the entries that chosen names, by index.
func (l *ledger) write(t testing.TB, chosen []int, how Completeness, s signer) string {
	t.Helper()
	dir := t.TempDir()
	w, err := NewWriter(dir, l.subtree)
	must(t, err)
	for _, i := range chosen {
		must(t, w.Entry(int64(i)+1, l.orgSeqs[i], l.entries[i]))
	}
	root, size := l.root(t), int64(len(l.entries))
	checkpoint, err := s.sign(fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root[:])))
	must(t, err)
	path := filepath.Join(dir, "bundle.tar.gz")
	must(t, w.Close(path, Seal{
		Manifest:   Manifest{Origin: origin, Organization: ours, Completeness: how, Made: "2026-11-21T12:00:00Z", TreeSize: size},
		Checkpoint: checkpoint, Keys: []string{s.verifier}, Summary: []byte("# Summary\n"), Format: []byte("# Format\n"), Sign: s.sign,
	}))
	return path
}

// indexes are those of our entries in a log of n, between from and to.
func (l *ledger) indexes(from, to int) (found []int) {
	for i := from; i < to; i++ {
		if l.orgs[i] == ours {
			found = append(found, i)
		}
	}
	return found
}

func randomLedger(n int) *ledger {
	l := &ledger{}
	orgs := []string{ours, ours, "", "c9a646d3-9c61-4cb7-bfcd-ee2522c8f633"}
	for range n {
		l.add(orgs[rand.IntN(len(orgs))])
	}
	return l
}

// TestVerify: whatever the log, and whatever is chosen of it, a bundle
// verifies, in both verifiers.
func TestVerify(t *testing.T) {
	t.Parallel()
	s := newSigner(t, 1)
	var paths []string
	for n := range 60 {
		l := randomLedger(1 + n*n/20)
		from := rand.IntN(len(l.entries))
		chosen, how := l.indexes(from, from+rand.IntN(len(l.entries)-from)+1), Complete
		if n%2 == 1 {
			how = Selection
			chosen = slices.DeleteFunc(chosen, func(int) bool { return rand.IntN(3) == 0 })
		}
		path := l.write(t, chosen, how, s)
		v, err := Verify(path, s.verifier)
		must(t, err)
		if v.Entries != int64(len(chosen)) || !v.SignerChecked || v.Completeness != how {
			t.Errorf("%d entries: %+v", len(chosen), v)
		}
		v, err = Verify(path, "")
		must(t, err)
		if v.SignerChecked {
			t.Error("the signer was checked against nothing")
		}
		paths = append(paths, path)
	}
	for i, verdict := range python(t, s.verifier, paths) {
		if verdict != "ok" {
			t.Errorf("verify.py says of bundle %d: %s", i, verdict)
		}
	}
}

// python runs verify.py over many bundles in one process.
func python(t testing.TB, key string, paths []string) []string {
	t.Helper()
	const driver = `
import sys, verify
for path in sys.stdin.read().split("\n"):
    try:
        verify.verify(path, sys.argv[1])
        print("ok")
    except verify.Bad as bad:
        print("bad: " + ascii(str(bad)))
`
	cmd := exec.CommandContext(t.Context(), "python3", "-B", "-c", driver, key) //nolint:gosec // a key
	cmd.Env = append(os.Environ(), "PYTHONPATH=.")
	cmd.Stdin = strings.NewReader(strings.Join(paths, "\n"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// TestVerifierIsAProgram: verify.py says what it found, by its status too.
func TestVerifierIsAProgram(t *testing.T) {
	t.Parallel()
	l, s := randomLedger(50), newSigner(t, 1)
	path := l.write(t, l.indexes(0, 50), Complete, s)
	broken := filepath.Join(t.TempDir(), "broken.tar.gz")
	raw, err := os.ReadFile(path)
	must(t, err)
	raw[len(raw)/2] ^= 1
	must(t, os.WriteFile(broken, raw, 0o600))
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{path, "--key", s.verifier}, 0, "verified: "},
		{[]string{path}, 3, "consistent, signer not checked: "},
		{[]string{path, "--key", newSigner(t, 2).verifier}, 1, "NOT VERIFIED: manifest.note is not signed by the key"},
		{[]string{path, "--key", "nonsense"}, 1, "no verifier key"},
		{[]string{broken, "--key", s.verifier}, 1, "NOT VERIFIED: "},
		{[]string{path + ".not"}, 2, "cannot be read"},
	} {
		cmd := exec.CommandContext(t.Context(), "python3", append([]string{"-B", "verify.py"}, c.args...)...) //nolint:gosec // our own
		out, err := cmd.CombinedOutput()
		if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
			t.Fatal(err)
		}
		if cmd.ProcessState.ExitCode() != c.status || !strings.Contains(string(out), c.says) {
			t.Errorf("%q: status %d: %s", c.args, cmd.ProcessState.ExitCode(), out)
		}
	}
}

// TestEveryByteCounts: a change of a byte of the file is found, those of gzip
// and tar that nothing reads included.
func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	s := newSigner(t, 1)
	l := randomLedger(12)
	raw, err := os.ReadFile(l.write(t, l.indexes(0, 12), Complete, s))
	must(t, err)
	dir := t.TempDir()
	var paths []string
	for i := range raw {
		if i >= headLen+100 && i%3 > 0 {
			continue
		}
		changed := bytes.Clone(raw)
		changed[i] ^= 1 << rand.IntN(8)
		path := filepath.Join(dir, strconv.Itoa(i))
		must(t, os.WriteFile(path, changed, 0o600))
		if _, ok := errors.AsType[*Bad](errorOf(Verify(path, s.verifier))); !ok {
			t.Errorf("byte %d can be changed", i)
		}
		if i%7 == 0 || i < headLen {
			paths = append(paths, path)
		}
	}
	for i, verdict := range python(t, s.verifier, paths) {
		if !strings.HasPrefix(verdict, "bad: ") {
			t.Errorf("%s: verify.py says %s", paths[i], verdict)
		}
	}
}

// TestForged: a bundle that is consistent, but signed by another key, is found
// as soon as the reviewer brings the key that it trusts.
func TestForged(t *testing.T) {
	t.Parallel()
	trusted, forger := newSigner(t, 1), newSigner(t, 2)
	l := randomLedger(100)
	path := l.write(t, l.indexes(0, 100), Complete, forger)
	must(t, errorOf(Verify(path, "")))
	if _, ok := errors.AsType[*Bad](errorOf(Verify(path, trusted.verifier))); !ok {
		t.Error("the forger passes")
	}
	if verdict := python(t, trusted.verifier, []string{path}); !strings.HasPrefix(verdict[0], "bad: ") {
		t.Error("the forger passes verify.py: " + verdict[0])
	}
}

// TestIncomplete: a signed bundle that claims to be complete and leaves out an
// entry is found by the counts of its organization.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	s := newSigner(t, 1)
	l := randomLedger(100)
	chosen := l.indexes(0, 100)
	without := slices.Delete(slices.Clone(chosen), 5, 6)
	err := errorOf(Verify(l.write(t, without, Complete, s), s.verifier))
	if found, ok := errors.AsType[*Bad](err); !ok || found.Seq != int64(chosen[6])+1 {
		t.Error(err)
	}
	must(t, errorOf(Verify(l.write(t, without, Selection, s), s.verifier)))
}

// TestGap: subtrees cover exactly what they should, and lead to the root of the
// library.
func TestGap(t *testing.T) {
	t.Parallel()
	l := randomLedger(200)
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(0, 200).Draw(t, "size")
		var f fold
		for f.size < size {
			to := rapid.Int64Range(f.size+1, size).Draw(t, "to")
			for level, n := range gap(f.size, to) {
				if n<<level != f.size {
					t.Fatalf("a subtree at %d comes after %d leaves", n<<level, f.size)
				}
				h, _ := l.subtree(level, n)
				f.add(level, h)
			}
			if f.size != to {
				t.Fatalf("%d leaves are covered instead of %d", f.size, to)
			}
		}
		var one fold
		for _, leaf := range l.leaves[:size] {
			one.add(0, leaf)
		}
		if one.root() != f.root() {
			t.Fatal("the root depends on how it is covered")
		}
	})
	var all fold
	for _, leaf := range l.leaves {
		all.add(0, leaf)
	}
	if all.root() != l.root(t) {
		t.Error("the root is not the library's")
	}
}

// FuzzVerify: hostile files end with a sentence.
func FuzzVerify(f *testing.F) {
	l, s := randomLedger(8), newSigner(f, 1)
	raw, err := os.ReadFile(l.write(f, l.indexes(0, 8), Complete, s))
	must(f, err)
	f.Add(raw)
	whole := unpack(f, l.write(f, l.indexes(0, 8), Selection, s))
	raw, err = os.ReadFile(whole.pack(f))
	must(f, err)
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "x")
		must(t, os.WriteFile(path, raw, 0o600))
		if err := errorOf(Verify(path, s.verifier)); err != nil {
			if _, ok := errors.AsType[*Bad](err); !ok {
				t.Error(err)
			}
		}
	})
}
