package audit

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// The subtrees are those that the library stores, wherever they are, and in
// whatever order they are asked for.
func TestSubtrees(t *testing.T) {
	t.Parallel()
	const size = 70_000 // more than one tile of the second stored level
	db := freshLog(t)
	newWriter(t, db).write(size)
	s := open(t, db)
	must(t, enrolled(t, s, fileIn(t)).step(t.Context()))
	read, trees := hashes(t.Context(), db), NewSubtrees(t.Context(), db)
	for range 300 {
		level := rand.IntN(17)
		n := rand.Int64N(size >> level)
		want, err := read.ReadHashes([]int64{tlog.StoredHashIndex(level, n)})
		must(t, err)
		got, err := trees.Hash(level, n)
		must(t, err)
		if got != want[0] {
			t.Errorf("subtree %d of level %d", n, level)
		}
	}
	if _, err := trees.Hash(17, 0); err == nil {
		t.Error("a subtree that is not full has a hash")
	}
}
