package eventstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
)

// The statements of the append. Together they are one implicit transaction and
// one round trip. A lost swap sets the head to null, which its column refuses:
// an error, behind which nothing happens.
const (
	swapHead = `update log_head set seq = case when seq = $1::bigint then $2::bigint end`

	insertEvents = `insert into events (seq, org, org_seq, stream, version, type, recorded, leaf, entry)
		select * from unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::uuid[], $5::integer[], $6::text[], $7::timestamptz[], $8::bytea[], $9::bytea[])`

	upsertChains = `insert into org_head (org, org_seq, leaf)
		select * from unnest($1::uuid[], $2::bigint[], $3::bytea[])
		on conflict (org) do update set org_seq = excluded.org_seq, leaf = excluded.leaf`

	insertRepeats = `insert into idempotency (scope, fingerprint, status, answer, seq, people, expires)
		select scope, fingerprint, status, answer, seq, people::uuid[], expires
		from unnest($1::bytea[], $2::bytea[], $3::integer[], $4::bytea[], $5::bigint[], $6::text[], $7::timestamptz[])
			as u(scope, fingerprint, status, answer, seq, people, expires)`

	insertFrames = `insert into feed (topic, seq, recorded, about, attrs, payload)
		select * from unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::uuid[], $5::jsonb[], $6::bytea[])`
)

// request collects the statements of one append in binary form. Its buffers
// are reused from one batch to the next.
type request struct {
	conn  *pgconn.PgConn
	known map[string]string // statement name by its text, prepared on conn
	batch *pgconn.Batch
	buf   []byte
	fresh bool // the tables of rows hold none of them yet
	err   error
}

// add appends a statement with its parameters, preparing it at first use.
func (q *request) add(ctx context.Context, sql string, params ...[]byte) {
	if q.err != nil {
		return
	}
	name, ok := q.known[sql]
	if !ok {
		name = fmt.Sprintf("append_%d", len(q.known))
		if _, q.err = q.conn.Prepare(ctx, name, sql, nil); q.err != nil {
			return
		}
		q.known[sql] = name
	}
	formats := make([]int16, len(params))
	for i := range formats {
		formats[i] = 1 // binary
	}
	q.batch.ExecPrepared(name, params, formats, nil)
}

// array frames n cells, which cell appends, as a parameter.
func (q *request) array(oid uint32, n int, cell func(b []byte, i int) []byte) []byte {
	start := len(q.buf)
	q.buf = array(q.buf, oid, n, cell)
	return q.buf[start:len(q.buf):len(q.buf)]
}

// send writes the batch in one round trip; commit asks for an explicit commit
// at the end of an explicit transaction.
func (c *committer) send(ctx context.Context, b *batch, commit bool) error {
	q := &request{conn: c.conn.PgConn(), known: c.prepared, batch: &pgconn.Batch{}, buf: c.buf[:0]}
	q.add(ctx, swapHead, int8Param(b.head), int8Param(b.last()))
	if len(b.events) > 0 {
		q.events(ctx, b)
		q.chains(ctx, b)
	}
	q.repeats(ctx, b)
	var writes []Write
	var frames []*Frame
	for _, it := range b.items {
		writes = append(writes, it.writes...)
		for i := range it.frames {
			frames = append(frames, &it.frames[i].Frame)
		}
	}
	q.rows(ctx, writes)
	q.frames(ctx, frames)
	if commit {
		q.add(ctx, "commit")
	}
	c.buf = q.buf
	if q.err != nil {
		return q.err
	}
	_, err := q.conn.ExecBatch(ctx, q.batch).ReadAll()
	return err
}

func int8Param(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// Cells in the binary form of array elements: length, then value.
func int8Cell(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(n))
}

func int4Cell(b []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(n))
}

func uuidCell(b []byte, id uuid.UUID) []byte { return append(append(b, 0, 0, 0, 16), id[:]...) }

func bytesCell[B ~[]byte | ~string](b []byte, v B) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
}

func (q *request) events(ctx context.Context, b *batch) {
	n, e := len(b.events), b.events
	q.add(ctx, insertEvents,
		q.array(oidInt8, n, func(b []byte, i int) []byte { return int8Cell(b, e[i].Seq) }),
		q.array(oidUUID, n, func(b []byte, i int) []byte { return uuidCell(b, e[i].Org) }),
		q.array(oidInt8, n, func(b []byte, i int) []byte { return int8Cell(b, e[i].OrgSeq) }),
		q.array(oidUUID, n, func(b []byte, i int) []byte { return uuidCell(b, e[i].Stream) }),
		q.array(oidInt4, n, func(b []byte, i int) []byte { return int4Cell(b, e[i].Version) }),
		q.array(oidText, n, func(b []byte, i int) []byte { return bytesCell(b, e[i].Type) }),
		q.array(oidTimestamptz, n, func(b []byte, i int) []byte { return appendTime(b, e[i].Recorded.Recorded) }),
		q.array(oidBytea, n, func(b []byte, i int) []byte { return bytesCell(b, e[i].Leaf[:]) }),
		q.array(oidBytea, n, func(b []byte, i int) []byte { return bytesCell(b, e[i].Entry) }),
	)
}

func (q *request) chains(ctx context.Context, batch *batch) {
	var orgs []uuid.UUID
	for org := range batch.chains {
		orgs = append(orgs, org)
	}
	n := len(orgs)
	q.add(ctx, upsertChains,
		q.array(oidUUID, n, func(b []byte, i int) []byte { return uuidCell(b, orgs[i]) }),
		q.array(oidInt8, n, func(b []byte, i int) []byte { return int8Cell(b, batch.chains[orgs[i]].seq) }),
		q.array(oidBytea, n, func(b []byte, i int) []byte { leaf := batch.chains[orgs[i]].leaf; return bytesCell(b, leaf[:]) }),
	)
}

func (q *request) repeats(ctx context.Context, b *batch) {
	var rows []*idempotencyRow
	for _, it := range b.items {
		if it.repeat != nil {
			it.repeat.seq = it.lastSeq(b)
			rows = append(rows, it.repeat)
		}
	}
	n := len(rows)
	if n == 0 {
		return
	}
	q.add(ctx, insertRepeats,
		q.array(oidBytea, n, func(b []byte, i int) []byte { return bytesCell(b, rows[i].scope[:]) }),
		q.array(oidBytea, n, func(b []byte, i int) []byte { return bytesCell(b, rows[i].fingerprint[:]) }),
		q.array(oidInt4, n, func(b []byte, i int) []byte { return int4Cell(b, rows[i].status) }),
		q.array(oidBytea, n, func(b []byte, i int) []byte { return bytesCell(b, rows[i].answer) }),
		q.array(oidInt8, n, func(b []byte, i int) []byte { return int8Cell(b, rows[i].seq) }),
		q.array(oidText, n, func(b []byte, i int) []byte { return bytesCell(b, rows[i].people) }),
		q.array(oidTimestamptz, n, func(b []byte, i int) []byte { return appendTime(b, rows[i].expires) }),
	)
}

// lastSeq is the position of the last event of the item, or of the log when it
// caused none.
func (it *item) lastSeq(b *batch) int64 {
	if n := len(it.decision.staged); n > 0 {
		return it.decision.staged[n-1].Seq
	}
	return b.head
}

// rows writes each table of the read model once, with the last write of each key.
func (q *request) rows(ctx context.Context, writes []Write) {
	type tableWrites struct {
		order []string
		last  map[string]Write
	}
	var tables []*Table
	byTable := map[*Table]*tableWrites{}
	for _, w := range writes {
		tw := byTable[w.table]
		if tw == nil {
			tw = &tableWrites{last: map[string]Write{}}
			byTable[w.table], tables = tw, append(tables, w.table)
		}
		if _, seen := tw.last[w.key]; !seen {
			tw.order = append(tw.order, w.key)
		}
		tw.last[w.key] = w
	}
	for _, t := range tables {
		var puts, removals []Write
		for _, key := range byTable[t].order {
			if w := byTable[t].last[key]; w.removed {
				removals = append(removals, w)
			} else {
				puts = append(puts, w)
			}
		}
		q.table(ctx, t, puts, removals)
	}
}

func (q *request) table(ctx context.Context, t *Table, puts, removals []Write) {
	if len(puts) > 0 {
		params := make([][]byte, len(t.columns))
		for col, c := range t.columns {
			params[col] = q.array(c.oid, len(puts), func(b []byte, i int) []byte { return append(b, puts[i].cells[col]...) })
		}
		if q.fresh {
			q.add(ctx, t.insert, params...)
		} else {
			q.add(ctx, t.upsert, params...)
		}
	}
	if len(removals) > 0 && !q.fresh {
		params := make([][]byte, len(t.keys))
		for k, col := range t.keys {
			params[k] = q.array(t.columns[col].oid, len(removals), func(b []byte, i int) []byte { return append(b, removals[i].cells[k]...) })
		}
		q.add(ctx, t.remove, params...)
	}
}

func (q *request) frames(ctx context.Context, f []*Frame) {
	n := len(f)
	if n == 0 {
		return
	}
	q.add(ctx, insertFrames,
		q.array(oidText, n, func(b []byte, i int) []byte { return bytesCell(b, f[i].Topic) }),
		q.array(oidInt8, n, func(b []byte, i int) []byte { return int8Cell(b, f[i].Seq) }),
		q.array(oidTimestamptz, n, func(b []byte, i int) []byte { return appendTime(b, f[i].Recorded) }),
		q.array(oidUUID, n, func(b []byte, i int) []byte { return uuidCell(b, f[i].About) }),
		q.array(oidJSONB, n, func(b []byte, i int) []byte { return attrsCell(b, f[i].Attrs) }),
		q.array(oidBytea, n, func(b []byte, i int) []byte { return bytesCell(b, f[i].Payload) }),
	)
}

// Loader writes rows and frames outside of the append, for a rebuild, on a
// connection whose search path leads to the tables to fill.
type Loader struct {
	// Fresh says that the tables hold no row of a key that is loaded; they
	// need no index then. Removals have nothing to do.
	Fresh bool

	conn     *pgconn.PgConn
	prepared map[string]string
	buf      []byte
}

// NewLoader returns a loader on conn.
func NewLoader(conn *pgconn.PgConn) *Loader {
	return &Loader{conn: conn, prepared: map[string]string{}}
}

// Load writes rows, the last of each key, and frames in one round trip; within
// no transaction they commit together.
func (l *Loader) Load(ctx context.Context, writes []Write, frames []*Frame) error {
	q := &request{conn: l.conn, known: l.prepared, batch: &pgconn.Batch{}, buf: l.buf[:0], fresh: l.Fresh}
	q.rows(ctx, writes)
	q.frames(ctx, frames)
	l.buf = q.buf
	if q.err != nil {
		return q.err
	}
	_, err := q.conn.ExecBatch(ctx, q.batch).ReadAll()
	return err
}

// attrsCell is a jsonb element: version byte 1, then the text.
func attrsCell(b []byte, attrs map[string]string) []byte {
	if attrs == nil {
		return appendNull(b)
	}
	text, err := json.Marshal(attrs, json.Deterministic(true))
	if err != nil {
		return appendNull(b) // a map of strings always encodes
	}
	return append(append(binary.BigEndian.AppendUint32(b, uint32(1+len(text))), 1), text...)
}

// lostSwap reports whether err says that another process moved the head.
func lostSwap(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23502" && pg.TableName == "log_head"
}
