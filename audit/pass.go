package audit

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"golang.org/x/mod/sumdb/tlog"

	"missioncontrol/eventstore"
)

// runOfEntries is how many entries a check reads at once.
const runOfEntries = 4096

// pass is how far a check has come, and what it has seen.
type pass struct {
	tree     edge
	chains   map[uuid.UUID]chain
	recorded time.Time
	restores []restore
	right    int64 // the largest checkpoint that agreed
}

// chain is the end of an organization's entries.
type chain struct {
	seq  int64
	leaf eventstore.Hash
}

// restore is what log.restored says: from size on, the log is one of epoch.
type restore struct {
	size     int64
	epoch    uuid.UUID
	recorded time.Time
}

// restoredType is the entry that an accepted restore leaves.
const restoredType = "log.restored"

// leftAt is the size up to which checkpoints of an epoch are about this log.
func (p *pass) leftAt(epoch uuid.UUID) int64 {
	left := int64(math.MaxInt64)
	for i := len(p.restores) - 1; i >= 0 && p.restores[i].epoch != epoch; i-- {
		left = min(left, p.restores[i].size)
	}
	return left
}

// storedRow is a row of the log.
type storedRow struct {
	seq, orgSeq   int64
	org, stream   pgtype.UUID
	version       int
	kind          string
	recorded      time.Time
	leaf, content []byte
}

// run checks the next entries, notes the hash of the log where one is claimed,
// and returns the claims that lie further on.
func (c *Check) run(ctx context.Context, head int64, pending []claim) ([]claim, error) {
	rows, err := c.DB.Query(ctx, `select seq, org, org_seq, stream, version, type, recorded, leaf, entry
		from events where seq > $1 and seq <= $2 order by seq limit $3`, c.pass.tree.size, head, runOfEntries)
	if err != nil {
		return nil, fmt.Errorf("audit: read entries after %d: %w", c.pass.tree.size, err)
	}
	before := c.pass.tree.size
	var r storedRow
	var filled subtrees
	_, err = pgx.ForEachRow(rows, []any{&r.seq, &r.org, &r.orgSeq, &r.stream, &r.version, &r.kind, &r.recorded, &r.leaf, &r.content}, func() error {
		leaf, err := c.pass.entry(&r)
		if err != nil {
			return err
		}
		c.pass.tree.add(leaf, filled.note)
		for len(pending) > 0 && pending[0].Seq == c.pass.tree.size {
			pending[0].found, pending[0].known = c.pass.tree.root(), true
			pending = pending[1:]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if c.pass.tree.size == before {
		return nil, differ(before+1, "it is missing")
	}
	return pending, filled.compare(ctx, c.DB)
}

// entry checks a row and returns its leaf.
func (p *pass) entry(row *storedRow) (tlog.Hash, error) {
	at := p.tree.size + 1
	if row.seq != at {
		return tlog.Hash{}, differ(at, "it is missing; position %d comes next", row.seq)
	}
	r, err := eventstore.ReadEnvelope(row.content)
	if err != nil {
		return tlog.Hash{}, differ(at, "its entry cannot be read: %v", err)
	}
	for _, column := range []struct {
		name  string
		equal bool
	}{
		{"leaf", string(row.leaf) == string(r.Leaf[:])},
		{"seq", row.seq == r.Seq},
		{"org", row.org.Bytes == r.Org && row.org.Valid},
		{"org_seq", row.orgSeq == r.OrgSeq},
		{"stream", row.stream.Bytes == r.Stream && row.stream.Valid},
		{"version", row.version == r.Version},
		{"type", row.kind == r.Type},
		{"recorded", row.recorded.Equal(r.Recorded)},
	} {
		if !column.equal {
			return tlog.Hash{}, differ(at, "its column %s is not what its entry says", column.name)
		}
	}
	return tlog.Hash(r.Leaf), p.follow(r)
}

// follow checks that an entry comes after those before it.
func (p *pass) follow(r *eventstore.Recorded) error {
	before := p.chains[r.Org]
	switch {
	case r.OrgSeq != before.seq+1:
		return differ(r.Seq, "it says org_seq %d, and the one before of its organization %d", r.OrgSeq, before.seq)
	case r.OrgPrev != before.leaf:
		return differ(r.Seq, "its org_prev is not the leaf of the one before of its organization")
	case r.Recorded.Before(p.recorded):
		return differ(r.Seq, "it was recorded before the one before it")
	}
	p.chains[r.Org], p.recorded = chain{r.OrgSeq, r.Leaf}, r.Recorded
	if r.Type != restoredType || r.Org != uuid.Nil {
		return nil
	}
	var body struct {
		Now struct {
			Epoch uuid.UUID `json:"epoch"`
			Seq   int64     `json:"seq"`
		} `json:"now"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		return differ(r.Seq, "its body cannot be read: %v", err)
	}
	if body.Now.Seq != r.Seq-1 { // else it would excuse what was changed before it
		return differ(r.Seq, "it says that the log was restored up to %d, and stands at %d", body.Now.Seq, r.Seq)
	}
	p.restores = append(p.restores, restore{body.Now.Seq, body.Now.Epoch, r.Recorded})
	return nil
}

// compare looks at what is stored of full subtrees.
func (s *subtrees) compare(ctx context.Context, db querier) error {
	if len(s.ns) == 0 {
		return nil
	}
	var level int16
	var n int64
	err := db.QueryRow(ctx, `select level, n from unnest($1::smallint[], $2::bigint[], $3::bytea[]) as is_(level, n, hash)
		join audit_tree t using (level, n) where t.hash <> is_.hash order by level, n limit 1`, s.levels, s.ns, s.hashes).Scan(&level, &n)
	switch {
	case err == nil:
		width := int64(1) << (tileHeight * level)
		return &Difference{First: n*width + 1, Last: (n + 1) * width, What: "not what the stored tree says"}
	case isNoRows(err):
		return nil
	}
	return fmt.Errorf("audit: compare the stored tree: %w", err)
}

// end is where the log and its chains ended when a check began.
type end struct {
	epoch      uuid.UUID
	head, last int64
	chains     map[uuid.UUID]chain
}

// readEnd reads it in one statement, and so as of one moment.
func readEnd(ctx context.Context, db querier) (end, error) {
	e := end{chains: map[uuid.UUID]chain{}}
	rows, err := db.Query(ctx, `select h.epoch, h.seq, (select coalesce(max(seq), 0) from events), o.org, coalesce(o.org_seq, 0), o.leaf
		from log_head h left join org_head o on true`)
	if err != nil {
		return e, fmt.Errorf("audit: read the end of the log: %w", err)
	}
	var epoch, org pgtype.UUID
	var c chain
	var leaf []byte
	_, err = pgx.ForEachRow(rows, []any{&epoch, &e.head, &e.last, &org, &c.seq, &leaf}, func() error {
		e.epoch = epoch.Bytes
		if org.Valid {
			copy(c.leaf[:], leaf)
			e.chains[org.Bytes] = c
		}
		return nil
	})
	if err != nil {
		return e, fmt.Errorf("audit: read the end of the log: %w", err)
	}
	return e, nil
}

// beyond refuses entries that stand behind the head.
func (e end) beyond() error {
	if e.last > e.head {
		return &Difference{First: e.head + 1, Last: e.last, What: "behind the head of the log, which nothing is"}
	}
	return nil
}

// compare refuses ends of chains that are not those of the entries.
func (e end) compare(chains map[uuid.UUID]chain) error {
	for org, c := range chains {
		if e.chains[org] != c {
			return differ(0, "org_head does not say where the chain of organization %v ends", org)
		}
	}
	if len(e.chains) != len(chains) {
		return differ(0, "org_head holds %d chains, and the log %d", len(e.chains), len(chains))
	}
	return nil
}
