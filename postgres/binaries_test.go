package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"13.9", "15.2 (Debian 15.2-1)", "17beta1"} {
		fakeServer(t, filepath.Join(dir, strings.Fields(version)[0], "bin"), version)
	}
	fakeServer(t, filepath.Join(dir, "broken", "bin"), "")
	t.Setenv("PATH", "/usr/bin:/bin")
	everywhere := filepath.Join(dir, "*", "bin")
	onlyOld := filepath.Join(dir, "13.9", "bin")
	for _, c := range []struct {
		name   string
		search search
		want   string // version
		kind   error
		text   string
	}{
		{"the_newest_for_a_new_cluster", search{usual: []string{everywhere}}, "17beta1", nil, ""},
		{"the_same_for_an_existing_cluster", search{usual: []string{everywhere}, major: 15}, "15.2", nil, ""},
		{"an_old_one_for_an_old_cluster", search{usual: []string{everywhere}, major: 13}, "13.9", nil, ""},
		{"no_other_for_an_existing_cluster", search{usual: []string{everywhere}, major: 16, dataDir: "/d"}, "", ErrVersion, "DATA_DIR /d holds a cluster of PostgreSQL 16"},
		{"none_that_is_too_old", search{usual: []string{onlyOld}}, "", ErrMissing, "14 or newer is needed, but only version 13.9"},
		{"nothing", search{usual: []string{}}, "", ErrMissing, "PG_BIN"},
		{"what_PG_BIN_names", search{usual: []string{everywhere}, dir: filepath.Join(dir, "15.2", "bin")}, "15.2", nil, ""},
		{"no_other_than_PG_BIN", search{usual: []string{everywhere}, dir: filepath.Join(dir, "broken", "bin")}, "", ErrMissing, "PG_BIN " + dir},
		{"PG_BIN_of_another_version", search{usual: []string{everywhere}, dir: filepath.Join(dir, "15.2", "bin"), major: 17}, "", ErrVersion, "PG_BIN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.search.find(t.Context())
			if got.version != c.want || !errors.Is(err, c.kind) {
				t.Fatalf("got %q, %v", got.version, err)
			}
			if err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("%q does not say %q", err, c.text)
			}
		})
	}
}

func TestInstall(t *testing.T) {
	missing := func() bool { return false }

	t.Run("is_for_one_process_at_a_time", func(t *testing.T) {
		p, calls := fakeDebian(t, "exit 0")
		installed := func() bool {
			_, err := os.Stat(p.aptGet + ".calls")
			return err == nil
		}
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				if err := p.install(t.Context(), &bytes.Buffer{}, 0, installed); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if got := calls(); strings.Count(got, "install -y") != 1 {
			t.Errorf("called\n%s", got)
		}
	})

	t.Run("makes_no_system_cluster_and_updates_old_lists", func(t *testing.T) {
		p, calls := fakeDebian(t, `case "$*" in update) touch "$0.updated";; *) test -e "$0.updated";; esac`)
		var progress bytes.Buffer
		if err := p.install(t.Context(), &progress, 15, missing); err != nil {
			t.Fatal(err)
		}
		if got, want := progress.String(), "installing PostgreSQL: apt-get install -y postgresql-15\n"; got != want {
			t.Errorf("printed %q", got)
		}
		const install = "install -y --no-install-recommends postgresql-15 create_main_cluster = false\n"
		if got, want := calls(), install+"update create_main_cluster = false\n"+install; got != want {
			t.Errorf("called\n%swant\n%s", got, want)
		}
		if left, err := os.ReadDir(p.conf); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})

	t.Run("says_why_it_failed", func(t *testing.T) {
		p, _ := fakeDebian(t, `echo trying; echo "E: no space left"; exit 100`)
		err := p.install(t.Context(), &bytes.Buffer{}, 0, missing)
		if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "E: no space left") {
			t.Error(err)
		}
	})

	t.Run("says_what_to_install_where_there_is_no_apt", func(t *testing.T) {
		err := packages{aptGet: "no-such-program"}.install(t.Context(), &bytes.Buffer{}, 0, missing)
		if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "PG_BIN") {
			t.Error(err)
		}
	})
}

// fakeServer makes a directory with programs that only know their version.
func fakeServer(t *testing.T, dir, version string) {
	t.Helper()
	line := "exit 1"
	if version != "" {
		line = fmt.Sprintf("echo 'postgres (PostgreSQL) %s'", version)
	}
	script(t, filepath.Join(dir, "postgres"), line)
	script(t, filepath.Join(dir, "initdb"), "exit 1")
}

// fakeDebian is an apt-get that notes its calls and what the drop-ins say then.
func fakeDebian(t *testing.T, body string) (packages, func() string) {
	t.Helper()
	dir := t.TempDir()
	p := packages{aptGet: filepath.Join(dir, "apt-get"), conf: filepath.Join(dir, "etc", "createcluster.d")}
	script(t, p.aptGet, `echo "$* $(cat `+p.conf+`/*)" >> "$0.calls"`+"\n"+body)
	return p, func() string {
		text, err := os.ReadFile(p.aptGet + ".calls")
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
}

func script(t *testing.T, path, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}
