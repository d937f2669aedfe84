package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint says what the hash of a log is at a size (C2SP tlog-checkpoint).
type Checkpoint struct {
	Epoch uuid.UUID
	Size  int64
	Root  tlog.Hash
	Note  []byte // the signed note
}

// text is what is signed.
func (c *Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin(c.Epoch), c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// Origin names the log that it is about.
func (c *Checkpoint) Origin() string { return origin(c.Epoch) }

// sign makes the note.
func (c *Checkpoint) sign(k Key) error {
	var err error
	c.Note, err = k.Sign(c.Epoch, c.text())
	return err
}

// parseCheckpoint reads a signed note without judging its signature.
func parseCheckpoint(signed []byte) (*Checkpoint, error) {
	const lines = 5 // origin, size, hash, an empty one, a signature
	parts := strings.SplitN(string(signed), "\n", lines)
	if len(parts) != lines || parts[3] != "" {
		return nil, errors.New("it is no signed note of three lines")
	}
	name, signature, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(parts[4], signatureMark), "\n"), " ")
	if _, err := base64.StdEncoding.Strict().DecodeString(signature); err != nil || parts[4] != signatureMark+name+" "+signature+"\n" {
		return nil, errors.New("its signature cannot be read")
	}
	c := &Checkpoint{Note: signed}
	epoch, named := strings.CutPrefix(parts[0], originMark)
	id, idErr := uuid.Parse(epoch)
	size, sizeErr := strconv.ParseInt(parts[1], 10, 64)
	root, rootErr := base64.StdEncoding.DecodeString(parts[2])
	if err := errors.Join(idErr, sizeErr, rootErr); err != nil || !named || len(root) != tlog.HashSize {
		return nil, errors.New("it does not say origin, size and hash")
	}
	c.Epoch, c.Size, c.Root = id, size, tlog.Hash(root)
	if size < 1 || c.text() != strings.Join(parts[:3], "\n")+"\n" {
		return nil, errors.New("it is written otherwise than checkpoints are")
	}
	return c, nil
}

const selectCheckpoint = `select epoch, size, root, note from audit_checkpoints `

// newest is the last checkpoint of an epoch, nil before the first.
func newest(ctx context.Context, db querier, epoch uuid.UUID) (*Checkpoint, error) {
	rows, err := db.Query(ctx, selectCheckpoint+`where epoch = $1 order by size desc limit 1`, epoch)
	if err == nil {
		var c *Checkpoint
		c, err = pgx.CollectExactlyOneRow(rows, scanCheckpoint)
		if isNoRows(err) {
			return nil, nil
		}
		if err == nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("audit: read the newest checkpoint: %w", err)
}

func scanCheckpoint(row pgx.CollectableRow) (*Checkpoint, error) {
	var c Checkpoint
	var root []byte
	if err := row.Scan(&c.Epoch, &c.Size, &root, &c.Note); err != nil {
		return nil, err
	}
	if len(root) != tlog.HashSize {
		return nil, fmt.Errorf("the hash of checkpoint %d has %d bytes", c.Size, len(root))
	}
	c.Root = tlog.Hash(root)
	return &c, nil
}

func (c *Checkpoint) insert(ctx context.Context, db querier) error {
	_, err := db.Exec(ctx, `insert into audit_checkpoints (epoch, size, root, note) values ($1, $2, $3, $4)`, c.Epoch, c.Size, c.Root[:], c.Note)
	if err != nil {
		return fmt.Errorf("audit: store a checkpoint: %w", err)
	}
	return nil
}

// runOfCheckpoints is how many are read at once.
const runOfCheckpoints = 1000

// eachCheckpoint calls use with those of more than size leaves.
func eachCheckpoint(ctx context.Context, db querier, size int64, use func(*Checkpoint) error) error {
	var last Checkpoint
	for {
		rows, err := db.Query(ctx, selectCheckpoint+`where (epoch, size) > ($1, $2) and size > $3 order by epoch, size limit $4`,
			pgtype.UUID{Bytes: last.Epoch, Valid: true}, last.Size, size, runOfCheckpoints)
		if err != nil {
			return fmt.Errorf("audit: read the checkpoints: %w", err)
		}
		run, err := pgx.CollectRows(rows, scanCheckpoint)
		if err != nil {
			return fmt.Errorf("audit: read the checkpoints: %w", err)
		}
		for _, c := range run {
			if err := use(c); err != nil {
				return err
			}
			last = *c
		}
		if len(run) < runOfCheckpoints {
			return nil
		}
	}
}

func isNoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
