package bundle

import (
	"crypto/sha256"
	"iter"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// gap lists the largest full subtrees that cover the leaves from ≤ n < to, from
// left to right: each by its level and its place among those of the level.
func gap(from, to int64) iter.Seq2[int, int64] {
	return func(yield func(int, int64) bool) {
		for from < to {
			level := bits.Len64(uint64(to-from)) - 1
			if from > 0 {
				level = min(level, bits.TrailingZeros64(uint64(from)))
			}
			if !yield(level, from>>level) {
				return
			}
			from += 1 << level
		}
	}
}

// fold computes the root of a tree (RFC 6962) from the full subtrees that it
// consists of, from left to right.
type fold struct {
	size int64
	full []tlog.Hash // of the subtrees of size, the largest first
}

// add appends the full subtree of 2^level leaves; size must be a multiple of
// that.
func (f *fold) add(level int, h tlog.Hash) {
	next := f.size + 1<<level
	for ; f.size>>level&1 == 1; level++ {
		last := len(f.full) - 1
		h, f.full = tlog.NodeHash(f.full[last], h), f.full[:last]
	}
	f.full, f.size = append(f.full, h), next
}

func (f *fold) root() tlog.Hash {
	if len(f.full) == 0 {
		return sha256.Sum256(nil)
	}
	last := len(f.full) - 1
	h := f.full[last]
	for i := last - 1; i >= 0; i-- {
		h = tlog.NodeHash(f.full[i], h)
	}
	return h
}
