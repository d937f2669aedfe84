package projections

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"missioncontrol/eventstore"
)

// Version is that of the read models. A program of another one than the
// database was filled by derives them again before it serves.
const Version = 1

// tables are the read models that a rebuild fills, beside the feed.
func tables() []*eventstore.Table {
	return []*eventstore.Table{
		usersTable, organizationsTable, membersTable, invitesTable, boardsTable, agentsTable, tasksTable,
		commentsTable, approvalsTable, memoryTable, groupsTable, groupMemoryTable, tagsTable, fieldsTable,
	}
}

// rebuildSchema holds the fresh tables until they replace the old ones.
const rebuildSchema = "rebuilding"

const (
	replayRun    = 5000 // events read at once
	loadRun      = 2000 // rows or frames written at once
	progressStep = 500 * time.Millisecond
)

// Progress tells how far a rebuild has come.
type Progress struct {
	Done, Head int64
	Elapsed    time.Duration
}

// Rebuild derives the read models from the log: it replays into fresh tables,
// then catches up and swaps them while it holds the head of the log. The
// program may serve meanwhile. Memory grows with the number of streams.
type Rebuild struct {
	Reader
	Owner  string         // how the owner of the tables connects; "": like Reader
	Frames bool           // the feed too
	Report func(Progress) // told now and then; may be nil

	conn    *pgx.Conn
	loader  *eventstore.Loader
	states  *world
	dirty   map[uuid.UUID]bool // streams whose row is not written yet
	gone    []gone             // what was deleted with all that it held
	at      int64
	began   time.Time
	lastSay time.Time
}

// ErrRebuilding means that another process is at it.
var ErrRebuilding = errors.New("another process is rebuilding the read models: wait for it")

// ErrNotOwner means that the role may not replace the tables.
var ErrNotOwner = errors.New("only the owner of the tables can rebuild them: set DATABASE_ADMIN_URL")

// insufficientPrivilege is how Postgres refuses what a role may not do.
const insufficientPrivilege = "42501"

// Needed reports whether the read models were filled by another version.
func Needed(ctx context.Context, r Reader) (bool, error) {
	var version int
	var head int64
	err := r.DB.QueryRow(ctx, `select seq, (select version from read_models) from log_head`).Scan(&head, &version)
	if err != nil {
		return false, fmt.Errorf("projections: read the version of the read models: %w", err)
	}
	if version != Version && head == 0 {
		_, err = r.DB.Exec(ctx, `update read_models set version = $1`, Version)
		return false, err
	}
	return version != Version, err
}

// Run rebuilds.
func (b *Rebuild) Run(ctx context.Context) (err error) {
	b.states, b.dirty, b.began = newWorld(), map[uuid.UUID]bool{}, time.Now()
	if b.conn, err = b.connect(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.conn.Close(context.WithoutCancel(ctx))) }()
	if err := b.prepare(ctx); err != nil {
		return err
	}
	b.loader = eventstore.NewLoader(b.conn.PgConn())
	head, err := b.head(ctx, b.conn, "")
	if err != nil {
		return err
	}
	b.loader.Fresh = true
	if err := b.replay(ctx, head); err != nil {
		return err
	}
	if err := b.index(ctx); err != nil {
		return err
	}
	b.loader.Fresh = false
	return b.swap(ctx)
}

// connect opens a connection whose tables are the fresh ones.
func (b *Rebuild) connect(ctx context.Context) (*pgx.Conn, error) {
	cfg := b.DB.Config().ConnConfig.Copy()
	if b.Owner != "" {
		var err error
		if cfg, err = pgx.ParseConfig(b.Owner); err != nil {
			return nil, errors.New("projections: the owner's connection string is none") // the reason may quote the password
		}
		cfg.RuntimeParams["application_name"] = "missioncontrol rebuild"
		cfg.RuntimeParams["timezone"] = "UTC"
	}
	cfg.RuntimeParams["search_path"] = rebuildSchema + ", public"
	cfg.RuntimeParams["statement_timeout"] = "0"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("projections: connect for the rebuild: %w", err)
	}
	return conn, nil
}

// prepare makes the fresh tables. The lock ends with the connection.
func (b *Rebuild) prepare(ctx context.Context) error {
	var free bool
	if err := b.conn.QueryRow(ctx, `select pg_try_advisory_lock(hashtext('missioncontrol.rebuild'))`).Scan(&free); err != nil {
		return fmt.Errorf("projections: lock the rebuild: %w", err)
	}
	if !free {
		return ErrRebuilding
	}
	var sql strings.Builder
	fmt.Fprintf(&sql, "drop schema if exists %[1]s cascade; create schema %[1]s;", rebuildSchema)
	for _, name := range b.names() {
		fmt.Fprintf(&sql, "create table %[1]s.%[2]s (like public.%[2]s including all excluding indexes);", rebuildSchema, name)
	}
	_, err := b.conn.Exec(ctx, sql.String())
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == insufficientPrivilege {
		return fmt.Errorf("%w (%s)", ErrNotOwner, refused.Message)
	}
	if err != nil {
		return fmt.Errorf("projections: make fresh tables: %w", err)
	}
	return b.copyStorage(ctx)
}

// copyStorage gives the fresh tables the storage parameters of the old ones,
// and the rights on them, which LIKE leaves out.
func (b *Rebuild) copyStorage(ctx context.Context) error {
	rows, err := b.conn.Query(ctx, `
		select format('alter table %I.%I set (%s);', $1::text, relname, array_to_string(reloptions, ', '))
		from pg_class where relnamespace = 'public'::regnamespace and relname = any($2) and reloptions is not null
		union all
		select format('grant %s on %I.%I to %s;', string_agg(a.privilege_type, ', '), $1::text, c.relname, coalesce(quote_ident(r.rolname), 'public'))
		from pg_class c, aclexplode(c.relacl) a left join pg_roles r on r.oid = a.grantee
		where c.relnamespace = 'public'::regnamespace and c.relname = any($2) and a.grantee <> c.relowner
		group by c.relname, r.rolname`, rebuildSchema, b.names())
	if err != nil {
		return fmt.Errorf("projections: read how the tables are stored: %w", err)
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil {
		_, err = b.conn.Exec(ctx, strings.Join(statements, ""))
	}
	if err != nil {
		return fmt.Errorf("projections: store the fresh tables like the old ones: %w", err)
	}
	return nil
}

// index gives the fresh tables the keys and indexes of the old ones, which
// costs less once the rows are there.
func (b *Rebuild) index(ctx context.Context) error {
	rows, err := b.conn.Query(ctx, `
		select format('alter table %I.%I add constraint %I %s;', $1::text, t.relname, c.conname, pg_get_constraintdef(c.oid))
		from pg_class t join pg_constraint c on c.conrelid = t.oid
		where t.relnamespace = 'public'::regnamespace and t.relname = any($2) and c.contype in ('p', 'u', 'x')
		union all
		select replace(pg_get_indexdef(i.indexrelid), format(' ON public.%I ', t.relname), format(' ON %I.%I ', $1::text, t.relname)) || ';'
		from pg_class t join pg_index i on i.indrelid = t.oid
		where t.relnamespace = 'public'::regnamespace and t.relname = any($2)
			and not exists (select from pg_constraint c where c.conindid = i.indexrelid)`, rebuildSchema, b.names())
	if err != nil {
		return fmt.Errorf("projections: read the indexes of the tables: %w", err)
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil {
		_, err = b.conn.Exec(ctx, strings.Join(statements, ""))
	}
	if err != nil {
		return fmt.Errorf("projections: index the fresh tables: %w", err)
	}
	return nil
}

func (b *Rebuild) names() []string {
	var names []string
	for _, t := range tables() {
		names = append(names, t.Name)
	}
	if b.Frames {
		names = append(names, "feed")
	}
	return names
}

func (b *Rebuild) head(ctx context.Context, conn *pgx.Conn, lock string) (int64, error) {
	var head int64
	if err := conn.QueryRow(ctx, "select seq from public.log_head "+lock).Scan(&head); err != nil {
		return 0, fmt.Errorf("projections: read the head of the log: %w", err)
	}
	return head, nil
}

// replay folds the events up to head and writes what they lead to. The next
// events are read meanwhile.
func (b *Rebuild) replay(ctx context.Context, head int64) error {
	runs, from := make(chan []*eventstore.Recorded, 1), b.at
	g, working := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(runs)
		return b.read(working, from, head, runs)
	})
	g.Go(func() error {
		for events := range runs {
			if err := b.take(working, events); err != nil {
				return err
			}
			b.report(head)
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return b.writeRows(ctx)
}

// read hands on the events with from < seq ≤ head.
func (b *Rebuild) read(ctx context.Context, from, head int64, runs chan<- []*eventstore.Recorded) error {
	for from < head {
		events, err := b.Store.Range(ctx, from, head, replayRun)
		if err != nil {
			return err
		}
		from = events[len(events)-1].Seq
		select {
		case runs <- events:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// take folds events and writes their frames.
func (b *Rebuild) take(ctx context.Context, events []*eventstore.Recorded) error {
	frames, err := b.fold(events)
	if err != nil {
		return err
	}
	for len(frames) > 0 {
		n := min(loadRun, len(frames))
		if err := b.loader.Load(ctx, nil, frames[:n]); err != nil {
			return fmt.Errorf("projections: write frames: %w", err)
		}
		frames = frames[n:]
	}
	b.at = events[len(events)-1].Seq
	return nil
}

// fold takes events into the states, and renders their frames.
func (b *Rebuild) fold(events []*eventstore.Recorded) ([]*eventstore.Frame, error) {
	vocabulary := b.Store.Vocabulary()
	var frames []*eventstore.Frame
	for _, r := range events {
		if unseen(r) {
			continue
		}
		state := vocabulary.Evolve(b.states.states[r.Stream], r)
		b.states.take(r.Stream, state)
		b.dirty[r.Stream] = true
		if held := heldBy(r.Event); held != nil {
			b.gone = append(b.gone, gone{r.Stream, held})
		}
		if !b.Frames {
			continue
		}
		shown, err := frameIn(b.states, &eventstore.Staged{Recorded: r, State: state})
		if err != nil {
			return nil, err
		}
		for i := range shown {
			f := &shown[i].Frame
			f.Seq, f.Recorded = r.Seq, r.Recorded
			frames = append(frames, f)
		}
	}
	return frames, nil
}

// writeRows writes the rows of the streams that changed since the last call.
func (b *Rebuild) writeRows(ctx context.Context) error {
	var writes []eventstore.Write
	flush := func() error {
		if err := b.loader.Load(ctx, writes, nil); err != nil {
			return fmt.Errorf("projections: write rows: %w", err)
		}
		writes = writes[:0]
		return nil
	}
	for stream := range b.dirty {
		w, err := row(b.states.states[stream])
		if err != nil {
			return err
		}
		if writes = append(writes, w...); len(writes) == loadRun {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	clear(b.dirty)
	return flush()
}

// swap replaces the old tables while nobody can append.
func (b *Rebuild) swap(ctx context.Context) error {
	if _, err := b.conn.Exec(ctx, "begin"); err != nil {
		return fmt.Errorf("projections: begin the swap: %w", err)
	}
	head, err := b.head(ctx, b.conn, "for update")
	if err != nil {
		return err
	}
	if err := b.replay(ctx, head); err != nil {
		return err
	}
	if err := b.leaveOut(ctx); err != nil {
		return err
	}
	var sql strings.Builder
	for _, name := range b.names() {
		fmt.Fprintf(&sql, "drop table public.%[2]s; alter table %[1]s.%[2]s set schema public;", rebuildSchema, name)
	}
	fmt.Fprintf(&sql, "drop schema %s; update public.read_models set version = %d; commit;", rebuildSchema, Version)
	sql.WriteString("select pg_advisory_unlock_all()") // closing a connection frees its locks a moment later
	if _, err := b.conn.Exec(ctx, sql.String()); err != nil {
		return fmt.Errorf("projections: swap the tables: %w", err)
	}
	b.lastSay = time.Time{}
	b.report(head)
	return nil
}

// leaveOut removes from the fresh tables what was held by what was deleted, in
// the order of the log, as Removal does.
func (b *Rebuild) leaveOut(ctx context.Context) error {
	if _, err := b.conn.Exec(ctx, ofNoTask, nil); err != nil {
		return fmt.Errorf("projections: leave out comments of deleted tasks: %w", err)
	}
	for _, g := range b.gone {
		for _, sql := range g.held {
			if _, err := b.conn.Exec(ctx, sql, g.id, nil); err != nil { // no limit: nobody waits for these tables
				return fmt.Errorf("projections: leave out what %v held: %w", g.id, err)
			}
		}
	}
	return nil
}

func (b *Rebuild) report(head int64) {
	if b.Report == nil || time.Since(b.lastSay) < progressStep {
		return
	}
	b.lastSay = time.Now()
	b.Report(Progress{Done: b.at, Head: head, Elapsed: time.Since(b.began)})
}
