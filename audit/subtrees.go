package audit

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Subtrees gives hashes of full subtrees of the log to somebody who goes
// through it from left to right, such as the writer of a bundle. It keeps one
// tile of each stored level, so that neighbours cost one statement together.
type Subtrees struct {
	ctx   context.Context // of the walk
	db    querier
	tiles map[int]tile
}

// tile is a run of up to 256 hashes of one stored level.
type tile struct {
	n      int64 // its place among the tiles of its level
	hashes []tlog.Hash
}

// NewSubtrees returns the subtrees of the log of db, for as long as ctx lives.
func NewSubtrees(ctx context.Context, db querier) *Subtrees {
	return &Subtrees{ctx: ctx, db: db, tiles: map[int]tile{}}
}

// Hash is that of the n-th full subtree of 2^level leaves.
func (s *Subtrees) Hash(level int, n int64) (tlog.Hash, error) {
	height := level % tileHeight
	from, width := n<<height, int64(1)<<height // in the stored level below
	t, err := s.tile(level/tileHeight, from>>tileHeight)
	if err != nil {
		return tlog.Hash{}, err
	}
	at := from & (1<<tileHeight - 1)
	if at+width > int64(len(t.hashes)) {
		return tlog.Hash{}, fmt.Errorf("audit: subtree %d of level %d is not full", n, level)
	}
	var e edge
	for _, h := range t.hashes[at : at+width] {
		e.add(h, func(int, int64, tlog.Hash) {})
	}
	return e.root(), nil
}

func (s *Subtrees) tile(stored int, n int64) (tile, error) {
	if held, ok := s.tiles[stored]; ok && held.n == n {
		return held, nil
	}
	sql, args := `select hash from audit_tree where n >= $1 and n < $2 and level = $3 order by n`, []any{n << tileHeight, (n + 1) << tileHeight}
	if stored == 0 {
		sql = `select leaf from events where seq > $1 and seq <= $2 order by seq`
	} else {
		args = append(args, stored)
	}
	rows, err := s.db.Query(s.ctx, sql, args...)
	if err != nil {
		return tile{}, fmt.Errorf("audit: read the tree: %w", err)
	}
	t := tile{n: n}
	if err := eachHash(rows, func(h tlog.Hash) { t.hashes = append(t.hashes, h) }); err != nil {
		return tile{}, fmt.Errorf("audit: read the tree: %w", err)
	}
	s.tiles[stored] = t
	return t, nil
}
