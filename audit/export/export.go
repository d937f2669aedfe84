// Package export writes what a reviewer takes away: bundles of evidence, CSV
// for spreadsheets, OCSF for log systems. An export is a job: it is asked for,
// some process with a worker writes it to a file, and whoever asked fetches
// that.
package export

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"missioncontrol/audit"
)

// Format is what an export is written as.
type Format string

// The formats.
const (
	Bundle Format = "bundle"
	CSV    Format = "csv"
	OCSF   Format = "ocsf"
)

// Extension is how the file of an export is called.
func (f Format) Extension() string {
	switch f {
	case CSV:
		return ".csv"
	case OCSF:
		return ".ndjson"
	case Bundle:
	}
	return ".tar.gz"
}

// Request is what somebody asks for.
type Request struct {
	Organization uuid.UUID         `json:"organization"`
	Format       Format            `json:"format"`
	Filter       audit.Filter      `json:"filter"`  // of one organization; First and Last are set
	Filters      map[string]string `json:"filters"` // as they were sent
	Names        bool              `json:"names"`   // people.csv too
}

// complete reports whether nothing is left out between the first entry and the
// last.
func (r Request) complete() bool {
	f := r.Filter
	return f.Actor == nil && f.Board == nil && f.Ref == nil && f.ActorType == "" && f.Types == nil && f.Outcome == "" && f.RequestID == ""
}

// Export is a job, as callers see it.
type Export struct {
	ID         uuid.UUID         `json:"id"`
	Status     string            `json:"status"` // waiting, running, done or failed
	Format     Format            `json:"format"`
	Filters    map[string]string `json:"filters"`
	Names      bool              `json:"names"`
	Progress   Progress          `json:"progress"`
	Problem    *string           `json:"problem"`
	Size       *int64            `json:"size"`
	SHA256     *string           `json:"sha256"`
	CreatedBy  uuid.UUID         `json:"created_by_user_id"`
	CreatedAt  time.Time         `json:"created_at"`
	FinishedAt *time.Time        `json:"finished_at"`
}

// Progress says how far an export is: positions of the log.
type Progress struct {
	From    int64 `json:"from"`
	At      int64 `json:"at"`
	To      int64 `json:"to"`
	Entries int64 `json:"entries"`
}

// Jobs are the exports of an installation. Their files lie in Dir of the
// process that wrote them.
type Jobs struct {
	DB  *pgxpool.Pool
	Dir string
}

// Kept is how long the file of an export can be fetched.
const Kept = 24 * time.Hour

// Path is where the file of an export lies.
func (j Jobs) Path(id uuid.UUID, f Format) string {
	return filepath.Join(j.Dir, id.String()+f.Extension())
}

// New is an export that waits for a worker.
func New(by uuid.UUID, now time.Time, r Request) Export {
	return Export{
		ID: uuid.New(), Status: "waiting", Format: r.Format, Filters: r.Filters, Names: r.Names,
		Progress: Progress{From: r.Filter.First, At: r.Filter.First - 1, To: r.Filter.Last}, CreatedBy: by, CreatedAt: now,
	}
}

// Add has an export written.
func (j Jobs) Add(ctx context.Context, e Export, r Request) error {
	asked, err := json.Marshal(r, json.FormatNilSliceAsNull(true)) // no types are others than all
	if err != nil {
		return fmt.Errorf("export: write a request: %w", err)
	}
	_, err = j.DB.Exec(ctx, `insert into audit_exports (id, org, asked, status, at, created_by, created_at) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict do nothing`, e.ID, r.Organization, asked, e.Status, e.Progress.At, e.CreatedBy, e.CreatedAt)
	if err != nil {
		return fmt.Errorf("export: add a job: %w", err)
	}
	return nil
}

const selectExport = `select id, asked, status, at, entries, problem, size, sha256, created_by, created_at, finished_at from audit_exports `

// Find is an export of an organization, nil if there is none.
func (j Jobs) Find(ctx context.Context, org, id uuid.UUID) (*Export, error) {
	rows, err := j.DB.Query(ctx, selectExport+`where id = $1 and org = $2`, id, org)
	if err != nil {
		return nil, fmt.Errorf("export: read a job: %w", err)
	}
	e, err := pgx.CollectExactlyOneRow(rows, scanExport)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("export: read a job: %w", err)
	}
	return &e, nil
}

// mostListed bounds a list of exports, the newest of which come first.
const mostListed = 100

// List is the exports of an organization, the newest first.
func (j Jobs) List(ctx context.Context, org uuid.UUID) ([]Export, error) {
	rows, err := j.DB.Query(ctx, selectExport+`where org = $1 order by created_at desc, id limit $2`, org, mostListed)
	if err != nil {
		return nil, fmt.Errorf("export: list jobs: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanExport)
	if err != nil {
		return nil, fmt.Errorf("export: list jobs: %w", err)
	}
	return all, nil
}

func scanExport(row pgx.CollectableRow) (e Export, err error) {
	var asked []byte
	if err := row.Scan(&e.ID, &asked, &e.Status, &e.Progress.At, &e.Progress.Entries, &e.Problem, &e.Size, &e.SHA256, &e.CreatedBy, &e.CreatedAt, &e.FinishedAt); err != nil {
		return e, err
	}
	var r Request
	if err := json.Unmarshal(asked, &r); err != nil {
		return e, err
	}
	e.Format, e.Filters, e.Names = r.Format, r.Filters, r.Names
	e.Progress.From, e.Progress.To = r.Filter.First, r.Filter.Last
	e.CreatedAt = e.CreatedAt.UTC()
	return e, nil
}
