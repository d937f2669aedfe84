package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Check compares the database with itself and with what was signed: columns
// with entries, leaves with entries, positions and chains without holes, and
// the tree with the checkpoints of the table and of the file. A second Run goes
// on where the first one has ended.
type Check struct {
	DB   *pgxpool.Pool
	File File
	// Report is told how far it is; nil: nobody.
	Report func(done, head int64)
	// Share is the part of the time that it may work, for one that runs beside
	// a server; 0: all.
	Share float64

	pass pass
}

// Difference is the first thing found wrong.
type Difference struct {
	First, Last int64 // the entry that is wrong is one of these
	What        string
}

func (d *Difference) Error() string {
	switch d.First {
	case 0:
		return d.What
	case d.Last:
		return fmt.Sprintf("position %d of the log: %s", d.First, d.What)
	}
	return fmt.Sprintf("positions %d to %d of the log: %s", d.First, d.Last, d.What)
}

func differ(seq int64, format string, args ...any) error {
	return &Difference{First: seq, Last: seq, What: fmt.Sprintf(format, args...)}
}

// Size is how many entries were found to be right.
func (c *Check) Size() int64 { return c.pass.tree.size }

// Run checks up to the head of the log. Its error is a Difference if something
// is wrong.
func (c *Check) Run(ctx context.Context) error {
	if c.pass.chains == nil {
		c.pass.chains = map[uuid.UUID]chain{}
	}
	claims, err := c.claims(ctx)
	if err != nil {
		return err
	}
	end, err := readEnd(ctx, c.DB)
	if err != nil {
		return err
	}
	if err := end.beyond(); err != nil {
		return err
	}
	pending := claims
	for c.pass.tree.size < end.head {
		began := time.Now()
		if pending, err = c.run(ctx, end.head, pending); err != nil {
			return err
		}
		if c.Report != nil {
			c.Report(c.pass.tree.size, end.head)
		}
		if err := c.rest(ctx, time.Since(began)); err != nil {
			return err
		}
	}
	if err := c.judge(claims); err != nil {
		return err
	}
	if err := c.judgeEpoch(end.epoch, claims); err != nil {
		return err
	}
	if err := end.compare(c.pass.chains); err != nil {
		return err
	}
	return c.furniture(ctx, claims)
}

// rest leaves the machine to others for a while.
func (c *Check) rest(ctx context.Context, worked time.Duration) error {
	if c.Share <= 0 || c.Share >= 1 {
		return ctx.Err()
	}
	select {
	case <-time.After(time.Duration(float64(worked) * (1/c.Share - 1))):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// claim is what a checkpoint says, and what the log says to it.
type claim struct {
	Head
	signed tlog.Hash
	found  tlog.Hash // of the log at that size
	known  bool      // found is
	line   int       // of the file, 0: of the table
}

func (c *Check) where(p claim) string {
	if p.line == 0 {
		return fmt.Sprintf("checkpoint %d of the table audit_checkpoints", p.Seq)
	}
	return fmt.Sprintf("the checkpoint in line %d of %s", p.line, c.File.Path)
}

// claims are the checkpoints of the file and of the table that no earlier run
// has gone past, by size. Each must be signed by a listed key.
func (c *Check) claims(ctx context.Context) ([]claim, error) {
	keys, err := Keys(ctx, c.DB)
	if err != nil {
		return nil, err
	}
	known, err := verifiers(keys)
	if err != nil {
		return nil, &Difference{What: err.Error()}
	}
	var all []claim
	add := func(line int, point *Checkpoint) error {
		if point.Size <= c.pass.tree.size {
			return nil
		}
		p := claim{Head: Head{point.Epoch, point.Size}, signed: point.Root, line: line}
		all = append(all, p)
		if _, err := note.Open(point.Note, known); err != nil {
			return &Difference{What: fmt.Sprintf("%s is not signed by a key of this log: %v", c.where(p), err)}
		}
		return nil
	}
	err = c.File.notes(func(line int, signed []byte) error {
		point, err := parseCheckpoint(signed)
		if err != nil {
			return &Difference{What: fmt.Sprintf("what begins in line %d of %s is no checkpoint: %v", line, c.File.Path, err)}
		}
		return add(line, point)
	})
	if err != nil {
		return nil, err
	}
	err = eachCheckpoint(ctx, c.DB, c.pass.tree.size, func(row *Checkpoint) error {
		point, err := parseCheckpoint(row.Note)
		if err != nil || point.Size != row.Size || point.Epoch != row.Epoch || point.Root != row.Root {
			return &Difference{What: fmt.Sprintf("checkpoint %d of the table audit_checkpoints is not what its note says", row.Size)}
		}
		return add(0, point)
	})
	slices.SortStableFunc(all, func(a, b claim) int { return cmp.Compare(a.Seq, b.Seq) })
	return all, err
}

// judge compares the claims with the log. A checkpoint of a log that was left
// behind by an accepted restore counts only up to where that was restored to.
func (c *Check) judge(claims []claim) error {
	for _, p := range claims {
		if p.Seq > c.pass.leftAt(p.Epoch) {
			continue
		}
		if !p.known {
			return &Difference{
				First: c.pass.tree.size + 1, Last: p.Seq,
				What: fmt.Sprintf("missing: the log ends at %d, but %s covers %d", c.pass.tree.size, c.where(p), p.Seq),
			}
		}
		if p.found != p.signed {
			return &Difference{First: c.pass.right + 1, Last: p.Seq, What: "not what was signed: " + c.where(p) + " says otherwise"}
		}
		c.pass.right = p.Seq
	}
	return nil
}
