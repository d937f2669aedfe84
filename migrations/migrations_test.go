package migrations_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"missioncontrol/migrations"
	"missioncontrol/postgres"
	"missioncontrol/postgres/pgtest"
)

// helperURL makes this binary a program that migrates one database.
const helperURL = "MIGRATIONS_TEST_HELPER_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(helperURL); url != "" {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := migrations.Apply(ctx, url, nil); err != nil {
			panic(err)
		}
		return
	}
	pgtest.Main(m)
}

func TestApply(t *testing.T) {
	first := file("create table a (x int);")
	second := file("insert into a values (1);")

	t.Run("processes_and_goroutines_may_do_it_at_once", func(t *testing.T) {
		t.Parallel()
		url := pgtest.Server(t, true).URL(postgres.Database)
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				cmd := exec.CommandContext(t.Context(), os.Args[0])
				cmd.Env = append(os.Environ(), helperURL+"="+url)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
		for range 6 {
			group.Go(func() {
				if err := migrations.Apply(t.Context(), url, nil); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		var times, distinct int
		err := pgtest.Connect(t, url).QueryRow(t.Context(),
			"select count(*), count(distinct version_id) from goose_db_version where version_id > 0").Scan(&times, &distinct)
		if err != nil || times == 0 || times != distinct {
			t.Errorf("%d rows for %d versions: %v", times, distinct, err)
		}
	})

	t.Run("applies_what_is_missing_and_nothing_twice", func(t *testing.T) {
		t.Parallel()
		url := pgtest.Server(t, true).URL(postgres.Database)
		for _, files := range []fstest.MapFS{
			{"00001_a.sql": first},
			{"00001_a.sql": first, "00002_b.sql": second},
			{"00001_a.sql": first, "00002_b.sql": second},
		} {
			if err := migrations.ApplyFrom(t.Context(), url, files); err != nil {
				t.Fatal(err)
			}
		}
		var rows int
		if err := pgtest.Connect(t, url).QueryRow(t.Context(), "select count(*) from a").Scan(&rows); err != nil || rows != 1 {
			t.Errorf("%d rows: %v", rows, err)
		}

		err := migrations.ApplyFrom(t.Context(), url, fstest.MapFS{"00001_a.sql": first})
		if !errors.Is(err, migrations.ErrNewer) || strings.Contains(err.Error(), "\n") {
			t.Errorf("an older program got %v", err)
		}
	})

	t.Run("a_failed_file_leaves_nothing_behind", func(t *testing.T) {
		t.Parallel()
		url := pgtest.Clone(t)
		err := migrations.ApplyFrom(t.Context(), url, fstest.MapFS{
			"09999_bad.sql": file("create table half (x int); insert into nothing values (1);"),
			"00001_log.sql": file("select 1;"),
		})
		if err == nil {
			t.Fatal("no error")
		}
		var half *string
		if err := pgtest.Connect(t, url).QueryRow(t.Context(), "select to_regclass('half')::text").Scan(&half); err != nil || half != nil {
			t.Errorf("the table is there: %v", err)
		}
	})

	t.Run("never_shows_the_password", func(t *testing.T) {
		t.Parallel()
		for _, url := range []string{"postgres://u:se/cret@h:x/d", "postgres://u:cret@127.0.0.1:1/d?sslmode=disable"} {
			if err := migrations.Apply(t.Context(), url, nil); err == nil || strings.Contains(err.Error(), "cret") {
				t.Errorf("got %v", err)
			}
		}
	})
}

func file(sql string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("-- +goose Up\n" + sql + "\n")}
}
