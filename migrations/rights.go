package migrations

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// keysTable belongs to the application: erasing a person rewrites the table,
// which only its owner can.
const keysTable = "person_keys"

// rightsOn are the application's on a table. Of the log it gets what an append
// needs: nobody but the owner can change what is written.
func rightsOn(table string) []string {
	switch table {
	case "goose_db_version":
		return []string{"SELECT"}
	case "events", "audit_checkpoints":
		return []string{"INSERT", "SELECT"}
	case "log_head", "org_head", "audit_keys", "audit_tree":
		return []string{"INSERT", "SELECT", "UPDATE"}
	}
	return []string{"DELETE", "INSERT", "SELECT", "TRUNCATE", "UPDATE"}
}

// Grant lets role work with the migrated database at url as the application,
// whose owner connects there: it takes the tables over that role owned before,
// and leaves role what the program needs. A database where all is so already is
// not changed. For a role that may act as the owner it does nothing.
func Grant(ctx context.Context, url, role string) (err error) {
	conn, err := connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		// Two that grant at once would meet in the catalogue.
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('missioncontrol.rights'))`); err != nil {
			return fmt.Errorf("lock the rights: %w", err)
		}
		var known, owner bool
		err := tx.QueryRow(ctx, `select count(*) > 0, coalesce(bool_or(rolsuper or pg_has_role(rolname, current_user, 'MEMBER')), false)
			from pg_roles where rolname = $1`, role).Scan(&known, &owner)
		switch {
		case err != nil:
			return fmt.Errorf("look for the role %q: %w", role, err)
		case !known:
			return fmt.Errorf("the role %q, which the program is to work as, is not known where the tables are: set DATABASE_URL and DATABASE_ADMIN_URL to the same database", role)
		case owner:
			return nil
		}
		statements, err := missing(ctx, tx, role)
		if err == nil {
			_, err = tx.Exec(ctx, strings.Join(statements, ";"))
		}
		if err != nil {
			return fmt.Errorf("grant the role %q what the program needs: %w", role, err)
		}
		return nil
	})
}

func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	cfg, err := parse(url)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to grant rights: %w", err)
	}
	return conn, nil
}

// missing are the statements that bring role to its rights.
func missing(ctx context.Context, tx pgx.Tx, role string) ([]string, error) {
	statements, err := onSchema(ctx, tx, role)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `
		select c.relname, c.relowner = r.oid, array(
			select a.privilege_type from aclexplode(c.relacl) a where a.grantee = r.oid order by 1)
		from pg_class c, pg_roles r
		where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and r.rolname = $1 order by c.relname`, role)
	if err != nil {
		return nil, err
	}
	var table string
	var owns bool
	var has []string
	name := pgx.Identifier{role}.Sanitize()
	_, err = pgx.ForEachRow(rows, []any{&table, &owns, &has}, func() error {
		on := "public." + pgx.Identifier{table}.Sanitize()
		switch rights := rightsOn(table); {
		case table == keysTable && owns:
		case table == keysTable:
			// An owner needs this to be given a table, and not to keep it.
			statements = append(statements, "grant create on schema public to "+name,
				"alter table "+on+" owner to "+name, "revoke create on schema public from "+name)
		case owns || !slices.Equal(has, rights):
			if owns {
				statements = append(statements, "alter table "+on+" owner to current_user")
			}
			statements = append(statements, "revoke all on "+on+" from "+name,
				"grant "+strings.Join(rights, ", ")+" on "+on+" to "+name)
		}
		return nil
	})
	return statements, err
}

// onSchema lets role see the schema, but make nothing in it, and takes its
// functions over.
func onSchema(ctx context.Context, tx pgx.Tx, role string) (statements []string, err error) {
	var sees, makes, everybody bool
	err = tx.QueryRow(ctx, `select has_schema_privilege($1, 'public', 'USAGE'), has_schema_privilege($1, 'public', 'CREATE'),
		has_schema_privilege('public', 'public', 'CREATE')`, role).Scan(&sees, &makes, &everybody)
	if err != nil {
		return nil, err
	}
	name := pgx.Identifier{role}.Sanitize()
	if !sees {
		statements = append(statements, "grant usage on schema public to "+name)
	}
	if everybody { // as before version 15
		statements = append(statements, "revoke create on schema public from public")
	}
	if makes {
		statements = append(statements, "revoke create on schema public from "+name)
	}
	rows, err := tx.Query(ctx, `select format('alter function %s owner to current_user', oid::regprocedure) from pg_proc
		where pronamespace = 'public'::regnamespace and proowner = (select oid from pg_roles where rolname = $1)`, role)
	if err != nil {
		return nil, err
	}
	functions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return append(statements, functions...), err
}
