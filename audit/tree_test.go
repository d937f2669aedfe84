package audit

import (
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// memoryTree is tlog's own way to store a tree.
type memoryTree []tlog.Hash

func (m *memoryTree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		found[i] = (*m)[index]
	}
	return found, nil
}

// The edge gives the hash that tlog gives, at every size, and every full
// subtree.
func TestEdge(t *testing.T) {
	t.Parallel()
	var m memoryTree
	var e edge
	for n := range int64(1100) {
		leaf := tlog.RecordHash([]byte{byte(n), byte(n >> 8)})
		hashes, err := tlog.StoredHashesForRecordHash(n, leaf, &m)
		must(t, err)
		m = append(m, hashes...)
		e.add(leaf, func(level int, i int64, h tlog.Hash) {
			if h != m[tlog.StoredHashIndex(level, i)] {
				t.Fatalf("subtree %d of level %d differs", i, level)
			}
		})
		want, err := tlog.TreeHash(n+1, &m)
		must(t, err)
		again, err := edgeAt(n+1, &m)
		must(t, err)
		if e.root() != want || again.root() != want {
			t.Fatalf("the hash of %d leaves differs", n+1)
		}
	}
}

// Proofs of any entry in any tree, and from any tree to any later one, hold
// before tlog and note, which know nothing of our tables.
func TestProofs(t *testing.T) {
	t.Parallel()
	db := freshLog(t)
	w := newWriter(t, db)
	const most = 70_000 // two stored levels
	w.write(most)
	s := open(t, db)
	signer := enrolled(t, s, fileIn(t))
	must(t, signer.step(t.Context()))
	proofs := Proofs{DB: db, Epoch: s.Epoch()}
	c, err := proofs.Newest(t.Context())
	must(t, err)
	keys, err := proofs.Keys(t.Context())
	must(t, err)
	verifier, err := note.NewVerifier(keys[0])
	must(t, err)
	opened, err := note.Open(c.Note, note.VerifierList(verifier))
	must(t, err)
	if c.Size != most || opened.Text != c.text() {
		t.Fatalf("the checkpoint says %q", opened.Text)
	}
	read := hashes(t.Context(), db)
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.Int64Range(1, most).Draw(rt, "size")
		from := rapid.Int64Range(1, size).Draw(rt, "from")
		index := rapid.Int64Range(0, size-1).Draw(rt, "index")
		root, err := tlog.TreeHash(size, read)
		must(t, err)
		old, err := tlog.TreeHash(from, read)
		must(t, err)
		entry, err := proofs.Entry(t.Context(), index+1)
		must(t, err)
		proof, err := tlog.ProveRecord(size, index, read)
		must(t, err)
		if err := tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry.Bytes)); err != nil {
			rt.Errorf("entry %d in %d: %v", index, size, err)
		}
		leads, err := proofs.Consistency(t.Context(), from, size)
		must(t, err)
		if err := tlog.CheckTree(leads, size, root, from, old); from < size && err != nil {
			rt.Errorf("%d to %d: %v", from, size, err)
		}
	})
}
