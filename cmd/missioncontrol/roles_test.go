package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"missioncontrol/migrations"
	"missioncontrol/postgres"
	"missioncontrol/postgres/pgtest"
)

// rolesOf are the roles of a program's connections.
func rolesOf(t testing.TB, url string) map[string]bool {
	t.Helper()
	db, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer db.Close(context.Background()) //nolint:errcheck // it only reads
	roles := map[string]bool{}
	for _, r := range rowsOf[struct{ Name string }](t, db, `select distinct usename::text from pg_stat_activity
		where backend_type = 'client backend' and application_name like 'missioncontrol%'`) {
		roles[r.Name] = true
	}
	return roles
}

// exercise writes to most tables that a program has, and follows a stream.
func exercise(t testing.TB, a api, name string) (board, position string) {
	t.Helper()
	a.ok(t, http.MethodPatch, "/users/me", map[string]any{"name": "Ada"})
	board, position = a.board(t, name)
	for i := range 3 {
		task := a.task(t, board, fmt.Sprint("task ", i))
		a.ok(t, http.MethodPost, "/boards/"+board+"/tasks/"+task+"/comments", map[string]any{"message": "hm"})
	}
	a.ok(t, http.MethodPost, "/boards/"+board+"/memory", map[string]any{"content": "note", "tags": []string{"chat"}})
	gone, _ := a.board(t, name+"-gone")
	a.task(t, gone, "goes with its board")
	a.ok(t, http.MethodDelete, "/boards/"+gone, nil)
	a.ok(t, http.MethodGet, "/activity", nil)
	proved(t, a, position)
	return board, position
}

// exposed reports whether audit check warns of the role, and must succeed.
func exposed(t testing.TB, e env) bool {
	t.Helper()
	code, p := audits(t, e, "check")
	if code != 0 {
		t.Errorf("audit check ends with %d: %s", code, p.stderr.String())
	}
	return strings.Contains(p.stdout.String(), "owns the tables of the log")
}

// A private cluster of an earlier program, whose one role did everything, is
// used by two: the program cannot change the log, and everything works.
func TestPrivateRoles(t *testing.T) {
	t.Parallel()
	dir := pgtest.DataDir(t)
	before(t, dir)
	e := private(t, dir)
	server, _ := serve(t, e)
	a := newAPI(t, e["HTTP_ADDR"])
	a.ok(t, http.MethodPost, "/auth/bootstrap", nil)
	board, position := exercise(t, a, "b")
	if diff := cmp.Diff(map[string]bool{postgres.Application: true}, rolesOf(t, socketURL(dir))); diff != "" {
		t.Errorf("the server works as %s", diff)
	}
	app := strings.Replace(socketURL(dir), "missioncontrol@", postgres.Application+"@", 1)
	refusesChanges(t, app)
	execute(t, socketURL(dir), "update read_models set version = 0")
	shown, want := frames(t, a, board, position, 6), reads(t, a, board)
	server.stop(syscall.SIGTERM)
	if strings.Contains(server.stderr.String(), "audit.log.exposed") || exposed(t, e) {
		t.Error("it says that the log is exposed")
	}

	server, _ = serve(t, e) // rebuilds
	if !strings.Contains(server.stdout.String(), "rebuilding") {
		t.Error("the read models of another version were kept")
	}
	server.stop(syscall.SIGTERM)
	rebuildWith(t, e)
	server, _ = serve(t, e)
	if diff := cmp.Diff(want, reads(t, a, board)); diff != "" {
		t.Errorf("reads differ: %s", diff)
	}
	if diff := cmp.Diff(shown, frames(t, a, board, position, 6), cmp.AllowUnexported(frame{})); diff != "" {
		t.Errorf("a client is shown something else: %s", diff)
	}
	exercise(t, a, "after")
	refusesChanges(t, app)
	erases(t, a, socketURL(dir))
	server.stop(syscall.SIGTERM)
}

// before leaves a cluster as an earlier program did.
func before(t testing.TB, dir string) {
	t.Helper()
	cluster, err := postgres.Start(t.Context(), postgres.Config{DataDir: dir})
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- cluster.Run(ctx) }()
	must(t, migrations.Apply(t.Context(), cluster.URL(postgres.Database), nil))
	execute(t, cluster.URL(postgres.Database), "drop role "+postgres.Application)
	stop()
	must(t, <-ended)
}

// refusesChanges tries to change the log as the application.
func refusesChanges(t testing.TB, app string) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), app)
	must(t, err)
	defer db.Close(context.Background()) //nolint:errcheck // it changes nothing
	for _, sql := range []string{
		"update events set type = 'x'", "delete from events", "truncate events", "drop table events", "drop table tasks",
		"alter table events disable trigger all", "drop trigger append_only on events",
		"set session_replication_role = replica", "set role missioncontrol", "delete from audit_checkpoints",
	} {
		if _, err := db.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// erases ends the account of the caller, whose key must leave the files of the
// database.
func erases(t testing.TB, a api, url string) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer db.Close(context.Background()) //nolint:errcheck // it only reads
	stored := func() string {
		return rowsOf[struct{ Path string }](t, db, `select pg_relation_filepath('person_keys') as path`)[0].Path
	}
	path := stored()
	a.ok(t, http.MethodDelete, "/users/me", nil)
	eventually(t, patience, "the table of keys is rewritten", func() bool { return stored() != path })
}

// With an outside database the owner migrates, and another role works.
func TestOutsideRoles(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Server(t, false)
	super := cluster.URL(postgres.Database)
	execute(t, super, `create role boss login; create role worker login; grant worker to boss; alter database missioncontrol owner to boss`)
	boss, worker := strings.Replace(super, "missioncontrol@", "boss@", 1), strings.Replace(super, "missioncontrol@", "worker@", 1)
	e := env{
		"DATA_DIR": pgtest.Dir(t), "DATABASE_URL": worker, "HTTP_ADDR": address(t), "LOCAL_AUTH_TOKEN": testToken,
		"INSTALLATION_KEY": testKey, "AUDIT_SIGNING_KEY": testKey,
	}
	launch(t, nil, e).fails("DATABASE_ADMIN_URL") // nobody has migrated yet

	admin := env{"DATABASE_ADMIN_URL": boss}
	server, _ := serve(t, e.with(admin))
	a := newAPI(t, e["HTTP_ADDR"])
	a.ok(t, http.MethodPost, "/auth/bootstrap", nil)
	board, _ := exercise(t, a, "b")
	if diff := cmp.Diff(map[string]bool{"worker": true}, rolesOf(t, super)); diff != "" {
		t.Errorf("the server works as %s", diff)
	}
	want := reads(t, a, board)
	rebuildWith(t, e.with(admin)) // while it serves
	if diff := cmp.Diff(want, reads(t, a, board)); diff != "" {
		t.Errorf("reads differ: %s", diff)
	}
	exercise(t, a, "after")
	refusesChanges(t, worker)
	server.stop(syscall.SIGTERM)
	without := e.with(nil)
	delete(without, "HTTP_ADDR")
	launch(t, nil, without, "rebuild").fails("DATABASE_ADMIN_URL")

	server, _ = serve(t, e) // who need not migrate need not be able to
	exercise(t, a, "later")
	erases(t, a, super)
	server.stop(syscall.SIGTERM)
	if strings.Contains(server.stderr.String(), "audit.log.exposed") || exposed(t, e) {
		t.Error("it says that the log is exposed")
	}

	e["DATABASE_URL"] = boss
	server, _ = serve(t, e)
	server.stop(syscall.SIGTERM)
	if !strings.Contains(server.stderr.String(), "audit.log.exposed") || !exposed(t, e) {
		t.Error("it does not say that the role owns the tables")
	}
}
