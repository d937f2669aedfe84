package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"missioncontrol/postgres"
	"missioncontrol/postgres/pgtest"
)

func TestConnect(t *testing.T) {
	t.Run("sets_what_every_session_needs", func(t *testing.T) {
		got := map[string]string{}
		for _, name := range []string{"application_name", "timezone", "statement_timeout"} {
			var value string
			must(t, pgtest.Pool(t).QueryRow(t.Context(), "select current_setting($1)", name).Scan(&value))
			got[name] = value
		}
		want := map[string]string{"application_name": "missioncontrol", "timezone": "UTC", "statement_timeout": "30s"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})

	t.Run("leaves_what_the_connection_string_sets", func(t *testing.T) {
		var got string
		pool := pgtest.Connect(t, pgtest.URL(t)+"&statement_timeout=7000")
		must(t, pool.QueryRow(t.Context(), "select current_setting('statement_timeout')").Scan(&got))
		if got != "7s" {
			t.Error(got)
		}
	})

	t.Run("says_what_is_wrong_without_the_password", func(t *testing.T) {
		latin := pgtest.Server(t, true)
		must(t, execute(t.Context(), latin.URL("postgres"),
			"create database latin encoding latin1 lc_collate 'C' lc_ctype 'C' template template0"))
		for _, c := range []struct {
			url   string
			kind  error
			parts []string
		}{
			{"postgres://u:cret@127.0.0.1:1/d?sslmode=disable", postgres.ErrUnreachable, []string{`"d" at 127.0.0.1:1`, "connection refused"}},
			{"postgres://u:cret@127.0.0.1:1,127.0.0.1:2/d", postgres.ErrUnreachable, []string{"connection refused"}},
			{"postgres://u:cret@nowhere.invalid/d", postgres.ErrUnreachable, []string{"nowhere.invalid:5432"}},
			{"postgres://u:cret@/d?host=/nowhere", postgres.ErrUnreachable, []string{"/nowhere", "no such file"}},
			{latin.URL("missing"), postgres.ErrUnreachable, []string{`database "missing" does not exist`}},
			{latin.URL("latin"), postgres.ErrURL, []string{"LATIN1"}},
			{"postgres://u:se/cret@h:x/d", postgres.ErrURL, []string{"postgres://user:password@host"}},
			{"mysql://u:cret@h/d", postgres.ErrURL, nil},
			{"host=h password=cret port=x", postgres.ErrURL, nil},
		} {
			pool, err := postgres.Connect(t.Context(), c.url, 1)
			if err == nil {
				pool.Close()
				t.Fatalf("%s: connected", c.url)
			}
			wantError(t, err, c.kind, append(c.parts, "DATABASE_URL")...)
			for cause := err; cause != nil; cause = errors.Unwrap(cause) {
				if strings.Contains(cause.Error(), "cret") {
					t.Errorf("shows the password: %v", cause)
				}
			}
		}
	})
}

func TestUnavailable(t *testing.T) {
	t.Run("knows_the_words_of_the_server", func(t *testing.T) {
		for code, want := range map[string]bool{
			"57P01": true, "57P02": true, "57P03": true, "08006": true, "53300": true, "25006": true,
			"57014": false, "23505": false, "40001": false, "42601": false, "28P01": false,
		} {
			if got := postgres.Unavailable(fmt.Errorf("read: %w", &pgconn.PgError{Code: code})); got != want {
				t.Errorf("%s: %v", code, got)
			}
		}
		if postgres.Unavailable(nil) || postgres.Unavailable(pgx.ErrNoRows) || postgres.Unavailable(context.DeadlineExceeded) {
			t.Error("no error, no rows or the caller's deadline are no fault of the database")
		}
	})

	t.Run("knows_what_a_pool_says_while_postgres_is_away", func(t *testing.T) {
		server := pgtest.Server(t, true)
		pool, err := postgres.Connect(t.Context(), server.URL(postgres.Database), 4)
		must(t, err)
		defer pool.Close()
		conn, err := pool.Acquire(t.Context())
		must(t, err)
		killed := server.Pid()
		must(t, syscall.Kill(killed, syscall.SIGKILL))
		_, err = conn.Exec(t.Context(), "select pg_sleep(10)")
		unavailable(t, "the connection that was open", err)
		_, err = conn.Exec(t.Context(), "select 1")
		unavailable(t, "the same connection again", err)
		conn.Release()
		var seen int
		eventually(t, 20*time.Second, "the pool answers again", func() bool {
			_, err = pool.Exec(t.Context(), "select 1")
			if err != nil {
				unavailable(t, "the pool", err)
				seen++
			}
			return err == nil && server.Pid() != killed
		})
		t.Log("errors seen:", seen)
		pool.Close()
		_, err = pool.Exec(t.Context(), "select 1")
		unavailable(t, "the closed pool", err)
	})

	t.Run("is_not_what_the_caller_did", func(t *testing.T) {
		pool := pgtest.Pool(t)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		late, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, wrong := pool.Exec(t.Context(), "selec 1")
		_, canceled := pool.Exec(gone, "select 1")
		_, slow := pool.Exec(late, "select pg_sleep(5)")
		for _, err := range []error{wrong, canceled, slow} {
			if err == nil || postgres.Unavailable(err) {
				t.Errorf("%v", err)
			}
		}
	})
}

func unavailable(t *testing.T, what string, err error) {
	t.Helper()
	if !postgres.Unavailable(err) {
		t.Errorf("%s: %v", what, err)
	}
}
