package audit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	// tileHeight: of the levels above the leaves, every eighth is stored.
	tileHeight = 8
	// runOfLeaves is how many leaves are read at once, in a statement of
	// milliseconds: a long one would hold back the clean-up behind the head.
	runOfLeaves = 16 << 10
)

// querier is a pool or a transaction.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// hashes reads the hashes of the stored tree, all that are asked for in one
// round trip.
func hashes(ctx context.Context, db querier) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var batch pgx.Batch
		for _, index := range indexes {
			level, n := tlog.SplitStoredHashIndex(index)
			first, last := n<<(level%tileHeight), (n+1)<<(level%tileHeight)
			if level < tileHeight {
				batch.Queue(`select leaf from events where seq > $1 and seq <= $2 order by seq`, first, last)
			} else {
				batch.Queue(`select hash from audit_tree where level = $1 and n >= $2 and n < $3 order by n`, level/tileHeight, first, last)
			}
		}
		results := db.SendBatch(ctx, &batch)
		defer results.Close() //nolint:errcheck // reading reported it
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			level, n := tlog.SplitStoredHashIndex(index)
			rows, err := results.Query()
			if err != nil {
				return nil, fmt.Errorf("audit: read the tree: %w", err)
			}
			if found[i], err = fold(rows, 1<<(level%tileHeight)); err != nil {
				return nil, fmt.Errorf("audit: read subtree %d of level %d: %w", n, level, err)
			}
		}
		return found, nil
	})
}

// fold hashes the n rows of a full subtree together.
func fold(rows pgx.Rows, n int64) (tlog.Hash, error) {
	var e edge
	if err := eachHash(rows, func(h tlog.Hash) { e.add(h, func(int, int64, tlog.Hash) {}) }); err != nil {
		return tlog.Hash{}, err
	}
	if e.size != n {
		return tlog.Hash{}, &damagedTree{fmt.Sprintf("%d hashes are there instead of %d", e.size, n)}
	}
	return e.root(), nil
}

// damagedTree says that hashes are missing or no hashes.
type damagedTree struct{ what string }

func (e *damagedTree) Error() string { return e.what }

func eachHash(rows pgx.Rows, use func(tlog.Hash)) error {
	var b []byte
	_, err := pgx.ForEachRow(rows, []any{&b}, func() error {
		if len(b) != tlog.HashSize {
			return &damagedTree{fmt.Sprintf("%d bytes stand where a hash should", len(b))}
		}
		use(tlog.Hash(b))
		return nil
	})
	return err
}

// stored is the edge of the tree as far as it is stored.
func stored(ctx context.Context, db querier) (edge, error) {
	var tiles int64
	if err := db.QueryRow(ctx, `select coalesce(max(n) + 1, 0) from audit_tree where level = 1`).Scan(&tiles); err != nil {
		return edge{}, fmt.Errorf("audit: read how far the tree is: %w", err)
	}
	return edgeAt(tiles<<tileHeight, hashes(ctx, db))
}

// grow adds the leaves of the log up to size, and stores what they fill.
func (e *edge) grow(ctx context.Context, db querier, size int64) error {
	for e.size < size {
		upTo := min(size, e.size+runOfLeaves)
		rows, err := db.Query(ctx, `select leaf from events where seq > $1 and seq <= $2 order by seq`, e.size, upTo)
		if err != nil {
			return fmt.Errorf("audit: read leaves after %d: %w", e.size, err)
		}
		next := edge{size: e.size, full: append([]tlog.Hash(nil), e.full...)}
		var filled subtrees
		if err := eachHash(rows, func(h tlog.Hash) { next.add(h, filled.note) }); err != nil {
			return fmt.Errorf("audit: read leaves after %d: %w", e.size, err)
		}
		if next.size != upTo {
			return fmt.Errorf("audit: between positions %d and %d of the log some are missing", e.size+1, upTo)
		}
		if err := filled.store(ctx, db); err != nil {
			return err
		}
		*e = next
	}
	return nil
}

// subtrees are full subtrees of stored levels.
type subtrees struct {
	levels []int16
	ns     []int64
	hashes [][]byte
}

func (s *subtrees) note(level int, n int64, h tlog.Hash) {
	if level%tileHeight == 0 {
		s.levels, s.ns, s.hashes = append(s.levels, int16(level/tileHeight)), append(s.ns, n), append(s.hashes, append([]byte(nil), h[:]...))
	}
}

func (s *subtrees) store(ctx context.Context, db querier) error {
	if len(s.ns) == 0 {
		return nil
	}
	_, err := db.Exec(ctx, `insert into audit_tree (level, n, hash) select * from unnest($1::smallint[], $2::bigint[], $3::bytea[])
		on conflict (level, n) do update set hash = excluded.hash where audit_tree.hash <> excluded.hash`, s.levels, s.ns, s.hashes)
	if err != nil {
		return fmt.Errorf("audit: store the tree: %w", err)
	}
	return nil
}
