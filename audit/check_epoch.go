package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/note"
)

// signedSoon is how long after a restore was accepted its epoch may be without
// a checkpoint: the signer needs a moment.
const signedSoon = time.Minute

// judgeEpoch checks that the epoch of the log is the one that its entries and
// its checkpoints lead to. A restore that nothing signed vouches for excuses
// nothing: anybody who can write into the database can write an entry of one.
func (c *Check) judgeEpoch(now uuid.UUID, claims []claim) error {
	is := func(epoch uuid.UUID) func(claim) bool { return func(p claim) bool { return p.Epoch == epoch } }
	if len(c.pass.restores) == 0 {
		if i := slices.IndexFunc(claims, func(p claim) bool { return p.Epoch != now }); i >= 0 {
			return differ(0, "log_head says epoch %v, and %s another, without a restore between them", now, c.where(claims[i]))
		}
		return nil
	}
	last := c.pass.restores[len(c.pass.restores)-1]
	if last.epoch != now {
		return differ(0, "log_head says epoch %v, and the last entry of a restore %v", now, last.epoch)
	}
	left := slices.ContainsFunc(claims, func(p claim) bool { return p.Seq > c.pass.leftAt(p.Epoch) })
	if left && !slices.ContainsFunc(claims, is(now)) && time.Since(last.recorded) > signedSoon {
		return &Difference{First: last.size + 1, Last: last.size + 1, What: "it says that an older backup was accepted, and nothing was signed after it"}
	}
	return nil
}

// furniture checks what stands around the log: that nothing may change it, that
// keys are what they verify with, and that the tree is stored. That the table of
// checkpoints lacks one that the file has is no fault: it comes second.
func (c *Check) furniture(ctx context.Context, claims []claim) error {
	var guarded bool
	err := c.DB.QueryRow(ctx, `select exists (select from pg_trigger where tgrelid = 'events'::regclass and tgname = 'append_only' and tgenabled in ('O', 'A'))`).Scan(&guarded)
	if err != nil {
		return fmt.Errorf("audit: look for the trigger of the log: %w", err)
	}
	if !guarded {
		return differ(0, "the trigger append_only of the table events is off or gone: entries could be changed")
	}
	for _, check := range []func(context.Context, []claim) error{c.keysFit, c.treeStored} {
		if err := check(ctx, claims); err != nil {
			return err
		}
	}
	return nil
}

// keysFit checks that the public bytes of each key are those of its verifier.
func (c *Check) keysFit(ctx context.Context, _ []claim) error {
	rows, err := c.DB.Query(ctx, `select verifier, public from audit_keys`)
	if err != nil {
		return fmt.Errorf("audit: read the keys: %w", err)
	}
	var verifier string
	var public []byte
	_, err = pgx.ForEachRow(rows, []any{&verifier, &public}, func() error {
		name, _, _ := strings.Cut(verifier, "+")
		if same, err := note.NewEd25519VerifierKey(name, public); err != nil || same != verifier {
			return differ(0, "the key %s of the table audit_keys has the public bytes of another", verifier)
		}
		return nil
	})
	return err
}

// treeStored checks that the table has every full subtree up to the newest
// checkpoint. What it has was compared entry by entry.
func (c *Check) treeStored(ctx context.Context, claims []claim) error {
	var signed int64
	for _, p := range claims {
		if p.known {
			signed = max(signed, p.Seq)
		}
	}
	for level := 1; signed>>(tileHeight*level) > 0; level++ {
		want, found := signed>>(tileHeight*level), int64(0)
		if err := c.DB.QueryRow(ctx, `select count(*) from audit_tree where level = $1 and n < $2`, level, want).Scan(&found); err != nil {
			return fmt.Errorf("audit: count the stored tree: %w", err)
		}
		if found != want {
			return differ(0, "the table audit_tree has %d subtrees of level %d instead of %d", found, level, want)
		}
	}
	return nil
}
