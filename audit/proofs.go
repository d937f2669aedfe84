package audit

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/tlog"
)

// Proofs answers what can be proved about the log of an epoch.
type Proofs struct {
	DB    *pgxpool.Pool
	Epoch uuid.UUID
}

// Newest is the newest checkpoint, nil before the first.
func (p Proofs) Newest(ctx context.Context) (*Checkpoint, error) { return newest(ctx, p.DB, p.Epoch) }

// Covering waits for a checkpoint that covers position seq, and returns nil if
// none comes within patience.
func (p Proofs) Covering(ctx context.Context, seq int64, patience time.Duration) (*Checkpoint, error) {
	const look = 50 * time.Millisecond
	for limit := time.Now().Add(patience); ; {
		c, err := p.Newest(ctx)
		if err != nil || c != nil && c.Size >= seq {
			return c, err
		}
		if time.Now().After(limit) {
			return nil, nil
		}
		select {
		case <-time.After(look):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Keys lists the verifier keys of the log, the current one first.
func (p Proofs) Keys(ctx context.Context) ([]string, error) { return Keys(ctx, p.DB) }

// Current fails with ErrNotCurrent unless k is the key that the log is signed
// with.
func (p Proofs) Current(ctx context.Context, k Key) error {
	keys, err := p.Keys(ctx)
	if err == nil && (len(keys) == 0 || keys[0] != k.Verifier(p.Epoch)) {
		err = ErrNotCurrent
	}
	return err
}

// Hashed is an entry as it was hashed.
type Hashed struct {
	Organization uuid.UUID // Nil: of the system itself
	Bytes        []byte
}

// Entry returns the entry at a position, nil if there is none.
func (p Proofs) Entry(ctx context.Context, seq int64) (*Hashed, error) {
	var e Hashed
	err := p.DB.QueryRow(ctx, `select org, entry from events where seq = $1`, seq).Scan(&e.Organization, &e.Bytes)
	if isNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("audit: read entry %d: %w", seq, err)
	}
	return &e, nil
}

// Inclusion proves that the entry at a position stands in the tree of c, in
// the format tlog-proof@v1. What does not prove it is not handed out.
func (p Proofs) Inclusion(ctx context.Context, c *Checkpoint, seq int64, entry []byte) ([]byte, error) {
	proof, err := tlog.ProveRecord(c.Size, seq-1, hashes(ctx, p.DB))
	if err != nil {
		return nil, fmt.Errorf("audit: prove entry %d: %w", seq, err)
	}
	if err := tlog.CheckRecord(proof, c.Size, c.Root, seq-1, tlog.RecordHash(entry)); err != nil {
		return nil, fmt.Errorf("audit: entry %d is not in the tree of checkpoint %d: %w", seq, c.Size, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "c2sp.org/tlog-proof@v1\nindex %d\n%s\n%s", seq-1, Lines(proof), c.Note)
	return []byte(b.String()), nil
}

// Consistency proves that the tree of size to grew out of that of size from.
func (p Proofs) Consistency(ctx context.Context, from, to int64) ([]tlog.Hash, error) {
	if from == to {
		return nil, nil
	}
	proof, err := tlog.ProveTree(to, from, hashes(ctx, p.DB))
	if err != nil {
		return nil, fmt.Errorf("audit: prove that %d leads to %d: %w", from, to, err)
	}
	return proof, nil
}

// Lines writes hashes in base64, one a line.
func Lines(hashes []tlog.Hash) string {
	var b strings.Builder
	for _, h := range hashes {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	return b.String()
}
