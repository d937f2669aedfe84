package migrations_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"missioncontrol/migrations"
	"missioncontrol/postgres/pgtest"
)

// as is the connection string of a role that is made for this database alone.
func as(t *testing.T, db, prefix string) (role, address string) {
	t.Helper()
	u, err := url.Parse(db)
	must(t, err)
	role = prefix + strings.TrimPrefix(u.Path, "/")
	run(t, db, "create role "+role+" login")
	t.Cleanup(func() {
		run(t, db, "reassign owned by "+role+" to missioncontrol; drop owned by "+role+"; drop role "+role)
	})
	u.User = url.User(role)
	return role, u.String()
}

func run(t *testing.T, db, sql string) {
	t.Helper()
	must(t, execute(context.WithoutCancel(t.Context()), db, sql))
}

// execute runs statements on a connection of their own.
func execute(ctx context.Context, db, sql string) (err error) {
	conn, err := pgx.Connect(ctx, db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, sql)
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const aRow = `insert into events (seq, org, org_seq, stream, version, type, recorded, leaf, entry)
	values (1, gen_random_uuid(), 1, gen_random_uuid(), 1, 'x', now(), '', '')`

func TestGrant(t *testing.T) {
	t.Parallel()

	t.Run("the_application_adds_to_the_log_and_changes_nothing_of_it", func(t *testing.T) {
		t.Parallel()
		owner := pgtest.Clone(t)
		role, app := as(t, owner, "app_")
		must(t, migrations.Grant(t.Context(), owner, role))
		run(t, app, aRow)
		run(t, app, "insert into log_head (seq, epoch) values (1, gen_random_uuid()); update log_head set seq = 1; select from events")
		run(t, app, "truncate activity, event_refs; lock table audit_keys in share row exclusive mode")
		before := fileOf(t, owner, "person_keys")
		run(t, app, "vacuum full person_keys")
		if fileOf(t, owner, "person_keys") == before {
			t.Error("erased keys stay in their file")
		}
		for _, sql := range refusedToTheApplication(role) {
			err := execute(t.Context(), app, sql)
			if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "42501" {
				t.Errorf("%s: %v", sql, err)
			}
		}
		var rows int
		must(t, pgtest.Connect(t, owner).QueryRow(t.Context(), "select count(*) from events where type = 'x'").Scan(&rows))
		if rows != 1 {
			t.Errorf("%d rows are left", rows)
		}
	})

	t.Run("changes_nothing_that_is_so_already", func(t *testing.T) {
		t.Parallel()
		owner := pgtest.Clone(t)
		role, _ := as(t, owner, "app_")
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if err := migrations.Grant(t.Context(), owner, role); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		before := catalogue(t, owner)
		must(t, migrations.Grant(t.Context(), owner, role))
		if after := catalogue(t, owner); after != before {
			t.Error("the catalogue was written again")
		}
		run(t, owner, "create table later (x int); revoke insert on tasks from "+role+"; grant update on events to "+role)
		must(t, migrations.Grant(t.Context(), owner, role))
		for what, want := range map[string]bool{"'later', 'delete'": true, "'tasks', 'insert'": true, "'events', 'update'": false} {
			var has bool
			must(t, pgtest.Connect(t, owner).QueryRow(t.Context(), fmt.Sprintf("select has_table_privilege('%s', %s)", role, what)).Scan(&has))
			if has != want {
				t.Errorf("has_table_privilege(%s) is %v", what, has)
			}
		}
	})

	t.Run("takes_over_what_the_application_owned", func(t *testing.T) {
		t.Parallel()
		super := pgtest.Clone(t)
		boss, owner := as(t, super, "boss_")
		role, app := as(t, super, "app_")
		u, err := url.Parse(super)
		must(t, err)
		database := strings.TrimPrefix(u.Path, "/")
		run(t, super, fmt.Sprintf(`alter database %s owner to %s; grant %s to %[2]s; grant create on schema public to %[3]s;
			drop schema public cascade; create schema public authorization pg_database_owner; grant create, usage on schema public to public`, database, boss, role))
		must(t, migrations.Apply(t.Context(), app, nil))
		run(t, app, aRow)
		must(t, migrations.Apply(t.Context(), owner, nil))
		must(t, migrations.Grant(t.Context(), owner, role))
		for _, sql := range refusedToTheApplication(boss) {
			err := execute(t.Context(), app, sql)
			if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "42501" {
				t.Errorf("%s: %v", sql, err)
			}
		}
		run(t, app, "vacuum full person_keys")
		must(t, migrations.Apply(t.Context(), app, nil)) // there is nothing to do
		if err := execute(t.Context(), owner, "update events set type = 'y'"); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("the owner got %v", err)
		}
	})

	t.Run("leaves_an_owner_alone", func(t *testing.T) {
		t.Parallel()
		owner := pgtest.Clone(t)
		before := catalogue(t, owner)
		must(t, migrations.Grant(t.Context(), owner, "missioncontrol"))
		if catalogue(t, owner) != before {
			t.Error("rights were changed")
		}
		if err := migrations.Grant(t.Context(), owner, "nobody's"); err == nil || !strings.Contains(err.Error(), "DATABASE_URL") {
			t.Errorf("a role that is not there got %v", err)
		}
	})

	t.Run("who_may_not_migrate_is_told_so", func(t *testing.T) {
		t.Parallel()
		owner := pgtest.Clone(t)
		role, app := as(t, owner, "app_")
		must(t, migrations.Grant(t.Context(), owner, role))
		run(t, owner, "delete from goose_db_version where version_id = (select max(version_id) from goose_db_version)")
		if err := migrations.Apply(t.Context(), app, nil); !errors.Is(err, migrations.ErrNotOwner) {
			t.Errorf("got %v", err)
		}
	})
}

// refusedToTheApplication are ways to change what was written, or who may.
func refusedToTheApplication(owner string) []string {
	return []string{
		"update events set type = 'y'",
		"update events set type = 'y' where false",
		"delete from events",
		"truncate events",
		"truncate events cascade",
		"insert into events select * from events on conflict (seq) do update set type = 'y'",
		"select from events for update",
		"begin; lock table events in access exclusive mode",
		"alter table events disable trigger append_only",
		"alter table events disable trigger all",
		"alter table events rename to gone",
		"alter table events drop column entry",
		"alter table events owner to current_user",
		"alter table events enable row level security",
		"drop trigger append_only on events",
		"create trigger other before insert on events execute function refuse_change_of_log()",
		"create rule other as on insert to events do instead nothing",
		"drop table events",
		"drop schema public cascade",
		"drop function refuse_change_of_log() cascade",
		"create or replace function refuse_change_of_log() returns trigger language plpgsql as 'begin return null; end'",
		"create table mine (x int)",
		"create schema rebuilding",
		"set session_replication_role = replica",
		"set role missioncontrol",
		"set session authorization missioncontrol",
		"grant missioncontrol to current_user",
		"grant pg_write_all_data to current_user",
		"alter role current_user superuser",
		"alter role missioncontrol password 'x'",
		"create role another superuser",
		"alter system set session_replication_role = replica",
		"copy events to program 'true'",
		"update pg_trigger set tgenabled = 'D'",
		"delete from log_head",
		"truncate log_head",
		"delete from org_head",
		"update audit_checkpoints set note = ''",
		"delete from audit_checkpoints",
		"delete from audit_keys",
		"delete from audit_tree",
		"insert into goose_db_version (version_id, is_applied) values (99999, true)",
		"drop table tasks",
		"reassign owned by " + owner + " to missioncontrol",
	}
}

// fileOf is where a table is stored.
func fileOf(t *testing.T, db, table string) (path string) {
	t.Helper()
	must(t, pgtest.Connect(t, db).QueryRow(t.Context(), "select pg_relation_filepath($1::text::regclass)", table).Scan(&path))
	return path
}

// catalogue says when each table, function and schema was changed last.
func catalogue(t *testing.T, db string) (versions string) {
	t.Helper()
	must(t, pgtest.Connect(t, db).QueryRow(t.Context(), `select string_agg(x, ' ') from (
		select oid || ':' || xmin as x from pg_class where relnamespace = 'public'::regnamespace
		union all select oid || ':' || xmin from pg_proc where pronamespace = 'public'::regnamespace
		union all select oid || ':' || xmin from pg_namespace where nspname = 'public' order by 1) all_of_it`).Scan(&versions))
	return versions
}
