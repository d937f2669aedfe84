package export

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/audit"
)

// Worker writes the exports that were asked for, one at a time. Any number of
// processes may have one: a job is leased, and one whose worker is gone is
// begun again.
type Worker struct {
	Jobs
	Trail  audit.Trail
	Proofs audit.Proofs
	Key    audit.Key
	Page   []byte // the page that specifies bundles
	Log    *slog.Logger

	id uuid.UUID
}

const (
	lookEvery = time.Second
	leaseTime = 30 * time.Second
	tellEvery = 500 * time.Millisecond
	sweepTime = time.Hour
)

// errLost means that another worker has taken a job over.
var errLost = errors.New("export: the job is another worker's")

// Run works until ctx ends.
func (w *Worker) Run(ctx context.Context) error {
	w.id = uuid.New()
	if err := os.MkdirAll(w.Dir, 0o700); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	look, sweep := time.NewTicker(lookEvery), time.NewTicker(sweepTime)
	defer look.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sweep.C:
			w.report("export.sweep.failed", ctx, w.sweep(ctx))
		case <-look.C:
			w.report("export.failed", ctx, w.next(ctx))
		}
	}
}

func (w *Worker) report(what string, ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		w.Log.Warn(what, "error", err)
	}
}

// next writes the oldest job that nobody works on, if there is one.
func (w *Worker) next(ctx context.Context) error {
	var j job
	var asked []byte
	err := w.DB.QueryRow(ctx, `update audit_exports set status = 'running', worker = $1, leased_until = now() + $2::interval
		where id = (select id from audit_exports where status = 'waiting' or status = 'running' and leased_until < now()
			order by created_at limit 1 for update skip locked)
		returning id, asked, created_at`, w.id, leaseTime).Scan(&j.id, &asked, &j.made)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(asked, &j.Request)
	}
	if err != nil {
		return fmt.Errorf("export: take a job: %w", err)
	}
	j.Worker = w
	err = j.write(ctx)
	if err == nil || errors.Is(err, errLost) || ctx.Err() != nil {
		return err
	}
	_, failed := w.DB.Exec(ctx, `update audit_exports set status = 'failed', problem = $3, finished_at = now() where id = $1 and worker = $2`,
		j.id, w.id, "The export could not be written. The log of the server says why; ask again.")
	return errors.Join(err, failed)
}

// sweep removes exports that are too old, and files that belong to none.
func (w *Worker) sweep(ctx context.Context) error {
	rows, err := w.DB.Query(ctx, `delete from audit_exports where created_at < now() - $1::interval returning id, asked`, Kept)
	if err != nil {
		return fmt.Errorf("export: sweep: %w", err)
	}
	var id uuid.UUID
	var asked []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &asked}, func() error {
		var r Request
		if err := json.Unmarshal(asked, &r); err != nil {
			return err
		}
		if err := os.Remove(w.Path(id, r.Format)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	return err
}

// job is an export that is being written.
type job struct {
	*Worker
	Request
	id      uuid.UUID
	made    time.Time
	entries int64
	told    time.Time
}

// write writes the file of the job, and then says so.
func (j *job) write(ctx context.Context) error {
	if err := j.reach(ctx); err != nil {
		return err
	}
	path := j.Path(j.id, j.Format)
	draft := path + ".draft"
	defer os.Remove(draft) //nolint:errcheck // it is there only if something else failed
	var err error
	if j.Format == Bundle {
		err = j.writeBundle(ctx, draft)
	} else {
		err = j.writeLines(ctx, draft)
	}
	if err != nil {
		return err
	}
	size, sum, err := digest(draft)
	if err != nil {
		return err
	}
	if err := os.Rename(draft, path); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	tag, err := j.DB.Exec(ctx, `update audit_exports set status = 'done', at = $3, entries = $4, size = $5, sha256 = $6, finished_at = now()
		where id = $1 and worker = $2`, j.id, j.Worker.id, j.Filter.Last, j.entries, size, sum)
	if err == nil && tag.RowsAffected() == 0 {
		err = errLost
	}
	return err
}

// reach waits until the index of the trail has all that is asked for.
func (j *job) reach(ctx context.Context) error {
	for {
		err := j.Trail.Indexed.Reach(ctx, j.Filter.Last)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if err := j.tell(ctx, j.Filter.First-1); err != nil {
			return err
		}
	}
}

// tell says how far the job is, and keeps the lease.
func (j *job) tell(ctx context.Context, at int64) error {
	if time.Since(j.told) < tellEvery {
		return nil
	}
	j.told = time.Now()
	tag, err := j.DB.Exec(ctx, `update audit_exports set at = $3, entries = $4, leased_until = now() + $5::interval where id = $1 and worker = $2`,
		j.id, j.Worker.id, at, j.entries, leaseTime)
	if err == nil && tag.RowsAffected() == 0 {
		return errLost
	}
	return err
}

func digest(path string) (size int64, sum string, err error) {
	file, err := os.Open(path) //nolint:gosec // our own
	if err != nil {
		return 0, "", fmt.Errorf("export: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	h := sha256.New()
	size, err = io.Copy(h, file)
	return size, hex.EncodeToString(h.Sum(nil)), err
}
