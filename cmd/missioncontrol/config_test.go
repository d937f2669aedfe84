package main

import (
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"missioncontrol/postgres/pgtest"
)

// A wrong configuration is answered in one sentence that names the variable to
// look at, and changes nothing.
func TestWrongConfiguration(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	const nobodyListens = "postgres://missioncontrol:secret-word@127.0.0.1:1/missioncontrol"
	for name, c := range map[string]struct {
		env   env
		args  []string
		names string // what the sentence must name
	}{
		"http_addr_in_use":           {env: env{"HTTP_ADDR": taken.Addr().String()}, names: "HTTP_ADDR"},
		"http_addr_is_no_address":    {env: env{"HTTP_ADDR": "nonsense"}, names: "HTTP_ADDR"},
		"http_addr_has_no_such_port": {env: env{"HTTP_ADDR": "127.0.0.1:99999"}, names: "HTTP_ADDR"},
		"http_addr_is_elsewhere":     {env: env{"HTTP_ADDR": "192.0.2.1:8000"}, names: "HTTP_ADDR"},
		"metrics_addr_in_use":        {env: env{"METRICS_ADDR": taken.Addr().String()}, names: "METRICS_ADDR"},
		"metrics_addr_is_no_address": {env: env{"METRICS_ADDR": "nonsense"}, names: "METRICS_ADDR"},
		"metrics_addr_is_http_addr":  {env: env{"METRICS_ADDR": "same"}, names: "METRICS_ADDR"},
		"base_url_is_no_url":         {env: env{"BASE_URL": "localhost:8000"}, names: "BASE_URL"},
		"base_url_has_no_host":       {env: env{"BASE_URL": "http://"}, names: "BASE_URL"},
		"base_url_is_of_a_file":      {env: env{"BASE_URL": "file:///etc/passwd"}, names: "BASE_URL"},
		"auth_mode_is_unknown":       {env: env{"AUTH_MODE": "magic"}, names: "AUTH_MODE"},
		"token_is_short":             {env: env{"LOCAL_AUTH_TOKEN": "too-short"}, names: "LOCAL_AUTH_TOKEN"},
		"token_is_a_placeholder":     {env: env{"LOCAL_AUTH_TOKEN": "change-me"}, names: "LOCAL_AUTH_TOKEN"},
		"nats_is_open_to_all":        {env: env{"NATS_LISTEN": "0.0.0.0:0"}, names: "NATS_LISTEN"},
		"nats_listens_nowhere":       {env: env{"NATS_LISTEN": "nonsense"}, names: "NATS_LISTEN"},
		"nats_listen_in_use":         {env: env{"NATS_LISTEN": taken.Addr().String()}, names: "NATS_LISTEN"},
		"nats_url_is_of_the_web":     {env: env{"NATS_URL": "http://localhost:4222"}, names: "NATS_URL"},
		"nats_both_ways":             {env: env{"NATS_URL": "nats://localhost:4222", "NATS_LISTEN": "127.0.0.1:0"}, names: "NATS_LISTEN"},
		"key_is_short":               {env: env{"INSTALLATION_KEY": "c2hvcnQ="}, names: "INSTALLATION_KEY"},
		"key_is_no_key":              {env: env{"INSTALLATION_KEY": "%%%"}, names: "INSTALLATION_KEY"},
		"audit_key_is_short":         {env: env{"AUDIT_SIGNING_KEY": "c2hvcnQ="}, names: "AUDIT_SIGNING_KEY"},
		"audit_key_is_no_key":        {env: env{"AUDIT_SIGNING_KEY": "PRIVATE+KEY+x"}, args: []string{"audit", "rotate"}, names: "AUDIT_SIGNING_KEY"},
		"operators_are_names":        {env: env{"OPERATORS": "me,you"}, names: "OPERATORS"},
		"body_limit_is_no_number":    {env: env{"MAX_BODY_BYTES": "many"}, names: "MAX_BODY_BYTES"},
		"body_limit_is_negative":     {env: env{"MAX_BODY_BYTES": "-1"}, names: "MAX_BODY_BYTES"},
		"connections_are_no_number":  {env: env{"DATABASE_CONNECTIONS": "x"}, names: "DATABASE_CONNECTIONS"},
		"connections_are_none":       {env: env{"DATABASE_CONNECTIONS": "0"}, names: "DATABASE_CONNECTIONS"},
		"connections_are_too_many":   {env: env{"DATABASE_CONNECTIONS": "2147483647"}, names: "DATABASE_CONNECTIONS"},
		"slow_is_no_number":          {env: env{"REQUEST_LOG_SLOW_MS": "slow"}, names: "REQUEST_LOG_SLOW_MS"},
		"slow_is_negative":           {env: env{"REQUEST_LOG_SLOW_MS": "-5"}, names: "REQUEST_LOG_SLOW_MS"},
		"health_is_no_switch":        {env: env{"REQUEST_LOG_INCLUDE_HEALTH": "maybe"}, names: "REQUEST_LOG_INCLUDE_HEALTH"},
		"log_format_is_unknown":      {env: env{"LOG_FORMAT": "xml"}, names: "LOG_FORMAT"},
		"tls_without_a_key":          {env: env{"TLS_CERT_FILE": "/etc/hostname"}, names: "TLS_KEY_FILE"},
		"tls_without_a_certificate":  {env: env{"TLS_KEY_FILE": "/etc/hostname"}, names: "TLS_CERT_FILE"},
		"tls_of_no_file":             {env: env{"TLS_CERT_FILE": "/nonexistent", "TLS_KEY_FILE": "/nonexistent"}, names: "TLS_CERT_FILE"},
		"tls_of_no_certificate":      {env: env{"TLS_CERT_FILE": "/etc/passwd", "TLS_KEY_FILE": "/etc/passwd"}, names: "TLS_CERT_FILE"},
		"header_timeout_is_none":     {env: env{"REQUEST_HEADER_TIMEOUT": "0s"}, names: "REQUEST_HEADER_TIMEOUT"},
		"body_timeout_is_negative":   {env: env{"REQUEST_BODY_TIMEOUT": "-1s"}, names: "REQUEST_BODY_TIMEOUT"},
		"no_binaries_there":          {env: env{"PG_BIN": "/nonexistent"}, names: "PG_BIN"},
		"database_is_away":           {env: env{"DATABASE_URL": nobodyListens}, names: "DATABASE_URL"},
		"database_admin_url_alone":   {env: env{"DATABASE_ADMIN_URL": nobodyListens}, names: "DATABASE_URL"},
		"database_admin_url_is_no_url": {
			env: env{"DATABASE_URL": pgtest.URL(t), "DATABASE_ADMIN_URL": "postgres://user:secret-word@:no:port/x"}, names: "DATABASE_ADMIN_URL is not",
		},
		"database_admin_is_away": {
			env: env{"DATABASE_URL": pgtest.URL(t), "DATABASE_ADMIN_URL": nobodyListens}, names: "DATABASE_ADMIN_URL: the database",
		},
		"database_url_is_no_url": {env: env{"DATABASE_URL": "postgres://user:secret-word@:no:port/x"}, names: "DATABASE_URL"},
		"data_dir_is_a_file":     {env: env{"DATA_DIR": "/etc/passwd"}, names: "DATA_DIR"},
		"data_dir_is_a_file_beside_a_url": {
			env: env{"DATA_DIR": "/etc/passwd", "DATABASE_URL": nobodyListens}, names: "DATA_DIR",
		},
		"rebuild_with_the_database_away": {env: env{"DATABASE_URL": nobodyListens}, args: []string{"rebuild"}, names: "DATABASE_URL"},
		"rebuild_with_a_wrong_key":       {env: env{"INSTALLATION_KEY": "x"}, args: []string{"rebuild"}, names: "INSTALLATION_KEY"},
		"rebuild_with_a_wrong_number":    {env: env{"DATABASE_CONNECTIONS": "0"}, args: []string{"rebuild"}, names: "DATABASE_CONNECTIONS"},
		"tail_without_a_token":           {args: []string{"tail", "boards/x/tasks"}, names: "LOCAL_AUTH_TOKEN"},
		"tail_of_a_bad_url":              {env: env{"BASE_URL": "://"}, args: []string{"tail", "--token=t", "boards/x/tasks"}, names: "BASE_URL"},
		"tail_of_a_url_without_a_host":   {env: env{"BASE_URL": "localhost"}, args: []string{"tail", "--token=t", "boards/x/tasks"}, names: "BASE_URL"},
		"tail_from_nowhere":              {args: []string{"tail", "--token=t", "--from=yesterday", "boards/x/tasks"}, names: "--from"},
		"tail_of_nothing":                {args: []string{"tail"}, names: "<stream>"},
		"unknown_flag":                   {args: []string{"--bogus"}, names: "--bogus"},
		"unknown_flag_of_serve":          {args: []string{"serve", "--bogus"}, names: "--bogus"},
		"unknown_flag_of_tail":           {args: []string{"tail", "x", "--bogus"}, names: "--bogus"},
		"unknown_flag_of_rebuild":        {args: []string{"rebuild", "--bogus"}, names: "--bogus"},
		"unknown_command":                {args: []string{"destroy"}, names: "destroy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := env{"DATA_DIR": pgtest.Dir(t), "HTTP_ADDR": address(t)}.with(c.env)
			if e["METRICS_ADDR"] == "same" {
				e["METRICS_ADDR"] = e["HTTP_ADDR"]
			}
			p := launch(t, nil, e, c.args...)
			p.fails(c.names)
			if strings.Contains(p.stderr.String(), "secret-word") {
				t.Errorf("a password was shown: %s", p.stderr.String())
			}
			if dir := e["DATA_DIR"]; dir != "/etc/passwd" {
				noPostgres(t, dir)
			}
		})
	}
}

// fails waits for the program to end with one sentence that names what.
func (p *program) fails(what string) {
	p.t.Helper()
	if code := p.wait(); code <= 0 {
		p.t.Errorf("ended with %d", code)
	}
	var said []string
	for line := range strings.Lines(p.stderr.String()) {
		if !strings.HasPrefix(line, "time=") {
			said = append(said, line)
		}
	}
	if len(said) != 1 || !strings.HasPrefix(said[0], "missioncontrol: ") || !strings.Contains(said[0], what) || len(said[0]) > 500 {
		p.t.Errorf("said %q, want one sentence that names %s", said, what)
		return
	}
	p.t.Logf("after %v: %s", p.took.Round(1e6), strings.TrimSpace(said[0]))
}

// A directory that is not this server's to use is left as it is.
func TestForeignDataDir(t *testing.T) {
	t.Parallel()
	t.Run("of_another_version", func(t *testing.T) {
		t.Parallel()
		dir := pgtest.DataDir(t)
		must(t, os.WriteFile(filepath.Join(dir, "postgres", "PG_VERSION"), []byte("9\n"), 0o600))
		untouched(t, private(t, dir), nil, "DATA_DIR")
	})
	t.Run("of_something_else", func(t *testing.T) {
		t.Parallel()
		dir := pgtest.Dir(t)
		must(t, os.Mkdir(filepath.Join(dir, "postgres"), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "postgres", "novel.txt"), []byte("It was a dark night.\n"), 0o600))
		untouched(t, private(t, dir), nil, "DATA_DIR")
	})
	t.Run("of_a_running_instance", func(t *testing.T) {
		t.Parallel()
		dir := pgtest.DataDir(t)
		e := private(t, dir)
		p, _ := serve(t, e)
		second := launch(t, nil, e.with(env{"HTTP_ADDR": address(t)}))
		second.fails("DATA_DIR")
		rebuild := launch(t, nil, e, "rebuild")
		rebuild.fails("DATA_DIR")
		if got := readiness("http://" + e["HTTP_ADDR"]); got != 200 {
			t.Errorf("/readyz of the first answers %d", got)
		}
		p.stop(syscall.SIGTERM)
	})
	t.Run("out_of_the_reach_of_the_database_user", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() != 0 {
			t.Log("an ordinary user runs postgres itself")
			return
		}
		closed := filepath.Join(pgtest.Dir(t), "closed")
		dir := filepath.Join(closed, "data")
		must(t, os.MkdirAll(dir, 0o700))
		untouched(t, private(t, dir), nil, "DATA_DIR")
	})
	t.Run("out_of_reach_of_an_ordinary_user", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(pgtest.Dir(t), "closed")
		must(t, os.Mkdir(dir, 0o500))
		untouched(t, private(t, dir), nobody(t), "DATA_DIR")
	})
	t.Run("of_another_user", func(t *testing.T) {
		t.Parallel()
		as := nobody(t)
		if as == nil {
			t.Log("only root can make one")
			return
		}
		dir := pgtest.DataDir(t) // of the database user
		give(t, dir, as)
		untouched(t, private(t, dir), as, "DATA_DIR", "start the program as the user that made it")
	})
	t.Run("with_a_damaged_key", func(t *testing.T) {
		t.Parallel()
		dir := pgtest.DataDir(t)
		must(t, os.WriteFile(filepath.Join(dir, installationKeyFile), []byte("garbage\n"), 0o600))
		p := launch(t, nil, private(t, dir))
		p.fails(installationKeyFile)
		if text, err := os.ReadFile(filepath.Join(dir, installationKeyFile)); string(text) != "garbage\n" {
			t.Errorf("the key now holds %q, %v", text, err)
		}
		noPostgres(t, dir)
	})
	t.Run("with_the_key_of_another_installation", func(t *testing.T) {
		t.Parallel()
		dir := pgtest.DataDir(t)
		e := private(t, dir)
		p, _ := serve(t, e)
		newAPI(t, e["HTTP_ADDR"]).ok(t, "POST", "/auth/bootstrap", nil)
		p.stop(syscall.SIGTERM)
		other := launch(t, nil, e.with(env{"INSTALLATION_KEY": testKey}))
		other.fails("INSTALLATION_KEY")
		noPostgres(t, dir)
		serve(t, e)
	})
}

// untouched runs the program, which must refuse the directory and leave what
// is in it.
func untouched(t *testing.T, e env, as *user.User, names ...string) {
	t.Helper()
	before := contents(t, e["DATA_DIR"])
	p := launch(t, as, e)
	for _, name := range names {
		p.fails(name)
	}
	after := contents(t, e["DATA_DIR"])
	after = slices.DeleteFunc(after, func(line string) bool { return strings.HasPrefix(line, "postgres.lock ") })
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the directory was changed: %s", diff)
	}
}

// contents lists a directory with modes and sizes.
func contents(t *testing.T, dir string) (lines []string) {
	t.Helper()
	lines = []string{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err == nil {
			lines = append(lines, strings.TrimPrefix(path, dir+"/")+" "+info.Mode().String())
		}
		return err
	}))
	return lines
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for args, wants := range map[string][]string{
		"--help":         {"serve", "tail", "rebuild", "LOG_LEVEL"},
		"serve --help":   {"HTTP_ADDR", "DATABASE_URL", "LOCAL_AUTH_TOKEN", "NATS_LISTEN", "METRICS_ADDR"},
		"tail --help":    {"<stream>", "--from", "--json", "BASE_URL"},
		"rebuild --help": {"--[no-]frames", "DATABASE_URL", "DATA_DIR"},
		"audit --help":   {"replay"},
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			p := launch(t, nil, nil, strings.Fields(args)...)
			if code := p.wait(); code != 0 || p.stderr.String() != "" {
				t.Errorf("ended with %d: %s", code, p.stderr.String())
			}
			for _, want := range wants {
				if !strings.Contains(p.stdout.String(), want) {
					t.Errorf("%s is missing:\n%s", want, p.stdout.String())
				}
			}
		})
	}
}
