// Package migrations brings a database to the schema of this program. The SQL
// files are embedded and only ever go forward.
package migrations

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed *.sql
var files embed.FS

// ErrNewer means that a newer program has migrated the database.
var ErrNewer = errors.New("the database is newer than this program")

// ErrNotOwner means that the role may not migrate the database.
var ErrNotOwner = errors.New("only the owner of the tables can migrate the database: set DATABASE_ADMIN_URL")

// insufficientPrivilege is how Postgres refuses what a role may not do.
const insufficientPrivilege = "42501"

// Apply applies what the database at url is missing. Several processes may do
// it at once: one migrates, the others wait for it. A nil log discards.
func Apply(ctx context.Context, url string, log *slog.Logger) error {
	err := apply(ctx, url, files, log)
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == insufficientPrivilege {
		return fmt.Errorf("%w (%s)", ErrNotOwner, refused.Message)
	}
	return err
}

func apply(ctx context.Context, url string, files fs.FS, log *slog.Logger) (err error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	cfg, err := parse(url)
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*cfg)
	defer func() { err = errors.Join(err, db.Close()) }()

	// The lock is asked for once a second, for ten minutes.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600))
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if err := refuseNewer(ctx, provider); err != nil {
		return err
	}
	results, err := provider.Up(ctx)
	for _, r := range results {
		log.Info("migration applied", "file", r.Source.Path, "took", r.Duration)
	}
	if err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	// A newer program may have been faster.
	return refuseNewer(ctx, provider)
}

func parse(url string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL is not a PostgreSQL connection string") // the reason may quote the password
	}
	cfg.RuntimeParams["application_name"] = "missioncontrol migrations"
	cfg.RuntimeParams["timezone"] = "UTC"
	cfg.RuntimeParams["statement_timeout"] = "0" // a migration takes as long as it takes
	// Files are sent as they are; nothing here runs twice.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	return cfg, nil
}

func refuseNewer(ctx context.Context, provider *goose.Provider) error {
	current, known, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the database: %w", err)
	}
	if current > known {
		return fmt.Errorf("%w: its schema has version %d, and this program knows versions up to %d: start a newer program or set DATABASE_URL or DATA_DIR to other data",
			ErrNewer, current, known)
	}
	return nil
}
