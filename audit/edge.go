// Package audit makes the log provable: a Merkle tree (RFC 6962) over the
// leaves of its entries, signed checkpoints of it in the C2SP formats, proofs,
// and the check that compares the database with all of them.
//
// The tree follows the log and is derived from it: nothing here is written in
// the transaction of an append. docs/audit-format.md specifies every byte that
// leaves this package.
package audit

import (
	"crypto/sha256"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// edge is the right edge of a tree that grows: the hashes of its full subtrees,
// the largest first. The hash of this tree, and of any that grows out of it,
// depends on nothing else.
type edge struct {
	size int64
	full []tlog.Hash
}

// add appends a leaf and tells filled of every subtree that it fills.
func (e *edge) add(leaf tlog.Hash, filled func(level int, n int64, h tlog.Hash)) {
	h := leaf
	for level := 0; e.size>>level&1 == 1; level++ {
		last := len(e.full) - 1
		h, e.full = tlog.NodeHash(e.full[last], h), e.full[:last]
		filled(level+1, e.size>>(level+1), h)
	}
	e.full = append(e.full, h)
	e.size++
}

// root is the hash of the tree.
func (e *edge) root() tlog.Hash {
	if len(e.full) == 0 {
		return sha256.Sum256(nil)
	}
	last := len(e.full) - 1
	h := e.full[last]
	for i := last - 1; i >= 0; i-- {
		h = tlog.NodeHash(e.full[i], h)
	}
	return h
}

// edgeAt reads the edge of the tree of the first size leaves.
func edgeAt(size int64, r tlog.HashReader) (edge, error) {
	var indexes []int64
	var at int64
	for level := bits.Len64(uint64(size)) - 1; level >= 0; level-- {
		if size>>level&1 == 1 {
			indexes = append(indexes, tlog.StoredHashIndex(level, at>>level))
			at += 1 << level
		}
	}
	full, err := r.ReadHashes(indexes)
	return edge{size: size, full: full}, err
}
