package postgres_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"missioncontrol/postgres"
	"missioncontrol/postgres/pgtest"
)

func TestStart(t *testing.T) {
	t.Run("keeps_data_between_runs", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(pgtest.Dir(t), "new", "directories")
		server, stop := start(t, config(dir))
		must(t, execute(t.Context(), server.URL(postgres.Database), "create table kept (x int)"))
		stop()
		server, _ = start(t, config(dir))
		must(t, execute(t.Context(), server.URL(postgres.Database), "insert into kept values (1)"))
	})

	t.Run("refuses_a_directory_in_use", func(t *testing.T) {
		t.Parallel()
		dir := pgtest.DataDir(t)
		server, _ := start(t, config(dir))
		_, err := postgres.Start(t.Context(), config(dir))
		wantError(t, err, postgres.ErrInUse, "DATA_DIR "+dir, "process "+strconv.Itoa(os.Getpid()))
		must(t, execute(t.Context(), server.URL(postgres.Database), "select 1"))
	})

	t.Run("runs_under_any_path", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{
			strings.Repeat("long", 40),
			`with spaces, 'quotes" [a-b] and 100% $more`,
			`other \ "quotes"`,
		} {
			dir := filepath.Join(pgtest.DataDir(t), path)
			must(t, os.Mkdir(dir, 0o711))
			must(t, os.Rename(filepath.Join(dir, "..", "postgres"), filepath.Join(dir, "postgres")))
			cfg := config(dir)
			cfg.Unsafe = true
			server, stop := start(t, cfg)
			must(t, execute(t.Context(), server.URL(postgres.Database), "select 1"))
			stop()
		}
	})

	t.Run("refuses_another_version_and_deletes_nothing", func(t *testing.T) {
		t.Parallel()
		dir := pgtest.Dir(t)
		cluster := filepath.Join(dir, "postgres")
		must(t, os.Mkdir(cluster, 0o700))
		must(t, os.WriteFile(filepath.Join(cluster, "PG_VERSION"), []byte("9\n"), 0o600))
		must(t, os.WriteFile(filepath.Join(cluster, "data"), []byte("precious"), 0o600))
		_, err := postgres.Start(t.Context(), config(dir))
		wantError(t, err, postgres.ErrVersion, "DATA_DIR "+dir, "PostgreSQL 9", "postgresql-9")
		if data, err := os.ReadFile(filepath.Join(cluster, "data")); string(data) != "precious" {
			t.Error("data is gone:", err)
		}
	})

	t.Run("refuses_a_directory_of_something_else", func(t *testing.T) {
		t.Parallel()
		dir := pgtest.Dir(t)
		must(t, os.MkdirAll(filepath.Join(dir, "postgres", "photos"), 0o700))
		_, err := postgres.Start(t.Context(), config(dir))
		wantError(t, err, postgres.ErrDataDir, "DATA_DIR", dir)
		if _, err := os.Stat(filepath.Join(dir, "postgres", "photos")); err != nil {
			t.Error(err)
		}
	})

	t.Run("clears_up_after_an_interrupted_first_start", func(t *testing.T) {
		t.Parallel()
		dir := pgtest.Dir(t)
		unfinished := filepath.Join(dir, "postgres.new-1")
		must(t, os.MkdirAll(filepath.Join(unfinished, "base"), 0o700))
		must(t, os.Mkdir(filepath.Join(dir, "postgres"), 0o700))
		start(t, config(dir))
		if _, err := os.Stat(unfinished); !errors.Is(err, os.ErrNotExist) {
			t.Error("still there:", err)
		}
	})

	t.Run("ignores_a_claim_whose_process_id_is_in_use_by_something_else", func(t *testing.T) {
		t.Parallel()
		dir := pgtest.DataDir(t)
		_, stop := start(t, config(dir))
		stop()
		cluster := filepath.Join(dir, "postgres")
		info, err := os.Stat(cluster)
		must(t, err)
		owner := info.Sys().(*syscall.Stat_t)
		other := exec.CommandContext(t.Context(), "sleep", "60") // killed with the test
		if os.Geteuid() == 0 {
			other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
		}
		must(t, other.Start())
		t.Cleanup(func() { _ = other.Wait() })
		text := []byte(strconv.Itoa(other.Process.Pid) + "\n" + cluster + "\n")
		for _, claim := range []string{
			filepath.Join(cluster, "postmaster.pid"),
			filepath.Join(dir, "socket", ".s.PGSQL.5432.lock"),
		} {
			must(t, os.WriteFile(claim, text, 0o600))
			must(t, os.Chown(claim, int(owner.Uid), int(owner.Gid)))
		}
		start(t, config(dir))
		must(t, other.Process.Signal(syscall.Signal(0)))
	})

	t.Run("says_why_postgres_does_not_start", func(t *testing.T) {
		t.Parallel()
		dir := pgtest.DataDir(t)
		cfg := config(dir)
		cfg.Unsafe = true
		cfg.Settings = map[string]string{"shared_buffers": "plenty"}
		_, err := postgres.Start(t.Context(), cfg)
		wantError(t, err, postgres.ErrStart, "DATA_DIR "+dir, `invalid value for parameter "shared_buffers"`)
		start(t, config(dir)) // the failure has let go of the directory
	})

	t.Run("names_what_is_wrong", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(pgtest.Dir(t), "file")
		must(t, os.WriteFile(file, nil, 0o600))
		empty := pgtest.Dir(t)
		for _, c := range []struct {
			cfg  postgres.Config
			kind error
			text string
		}{
			{postgres.Config{}, postgres.ErrDataDir, "DATA_DIR is empty"},
			{postgres.Config{DataDir: file}, postgres.ErrDataDir, "DATA_DIR " + file},
			{postgres.Config{DataDir: filepath.Join(file, "below")}, postgres.ErrDataDir, "DATA_DIR " + file},
			{postgres.Config{DataDir: "/proc/nowhere"}, postgres.ErrDataDir, "DATA_DIR /proc/nowhere"},
			{postgres.Config{DataDir: pgtest.Dir(t), BinDir: empty}, postgres.ErrMissing, "PG_BIN " + empty},
		} {
			_, err := postgres.Start(t.Context(), c.cfg)
			wantError(t, err, c.kind, c.text)
		}
	})

	t.Run("says_which_directory_is_closed_to_the_database_user", func(t *testing.T) {
		t.Parallel()
		closed := pgtest.Dir(t)
		must(t, os.Chmod(closed, 0o700))
		dir := filepath.Join(closed, "data")
		if os.Geteuid() != 0 { // an ordinary user is the database user
			start(t, config(dir))
			return
		}
		_, err := postgres.Start(t.Context(), config(dir))
		wantError(t, err, postgres.ErrDataDir, "DATA_DIR "+dir, "chmod o+x "+closed)
		if info, err := os.Stat(closed); err != nil || info.Mode().Perm() != 0o700 {
			t.Error("the mode was changed:", info, err)
		}
	})
}

// wantError checks the kind and that the text is one line with all parts.
func wantError(t *testing.T, err, kind error, parts ...string) {
	t.Helper()
	var sentence *postgres.Error
	if !errors.Is(err, kind) || !errors.As(err, &sentence) {
		t.Fatalf("got %v, want %v", err, kind)
	}
	t.Log(err)
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
}
