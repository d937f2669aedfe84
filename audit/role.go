package audit

import (
	"context"
	"fmt"
)

// Exposure says how whoever has the database role of db could change the log
// unseen by its triggers, "" if that is in nobody's power but the owner's.
func Exposure(ctx context.Context, db querier) (string, error) {
	var role string
	var owns, around, mayJoin, may bool
	err := db.QueryRow(ctx, `
		select current_user, pg_has_role(c.relowner, 'MEMBER'),
			pg_has_role(n.nspowner, 'MEMBER') or pg_has_role(d.datdba, 'MEMBER'),
			r.rolcreaterole and current_setting('server_version_num')::int < 160000,
			has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')
		from pg_class c join pg_namespace n on n.oid = c.relnamespace, pg_database d, pg_roles r
		where c.oid = 'public.events'::regclass and d.datname = current_database() and r.rolname = current_user`).
		Scan(&role, &owns, &around, &mayJoin, &may)
	if err != nil {
		return "", fmt.Errorf("audit: read the rights of the database role: %w", err)
	}
	why := ""
	switch {
	case owns:
		why = "owns the tables of the log, so whoever has it could switch off the triggers that protect them"
	case around:
		why = "owns the database or the schema of the log, so whoever has it could drop them"
	case mayJoin:
		why = "may make itself a member of other roles, so whoever has it could become the owner of the log"
	case may:
		why = "may do more to the table of events than add to it, and triggers alone protect it"
	default:
		return "", nil
	}
	return fmt.Sprintf("The database role %q %s: let another role own them, named by DATABASE_ADMIN_URL, as docs/operations.md says.", role, why), nil
}
