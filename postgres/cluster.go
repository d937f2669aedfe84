package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// lockDataDir takes the directory for this process until the file is closed or
// the process ends, however it ends.
func lockDataDir(dataDir string) (*os.File, error) {
	path := filepath.Join(dataDir, "postgres.lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, &Error{Kind: ErrDataDir, Cause: err, Text: fmt.Sprintf(
			"DATA_DIR %s cannot be used (%s: %s): set DATA_DIR to a directory that this user can write", dataDir, path, reason(err))}
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		holder := "a running instance"
		if pid := claimant(path); pid != 0 { // it may not have written it yet
			holder = fmt.Sprintf("a running instance (process %d)", pid)
		}
		_ = file.Close()
		return nil, &Error{Kind: ErrInUse, Cause: err, Text: fmt.Sprintf(
			"DATA_DIR %s is in use by %s: stop it or choose another DATA_DIR", dataDir, holder)}
	}
	if err := file.Truncate(0); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if _, err := fmt.Fprintln(file, os.Getpid()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// version returns the major version of the existing cluster, 0 if there is none.
func (c cluster) version() (int, error) {
	text, err := os.ReadFile(filepath.Join(c.dir, "PG_VERSION"))
	if err == nil {
		major, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return 0, &Error{Kind: ErrVersion, Text: fmt.Sprintf(
				"DATA_DIR %s holds a cluster of PostgreSQL %q, which this program does not know: choose another DATA_DIR", c.dataDir, oneLine(string(text)))}
		}
		return major, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, &Error{Kind: ErrDataDir, Cause: err, Text: fmt.Sprintf(
			"the cluster in %s cannot be read (%s): start the program as the user that made it, or choose another DATA_DIR", c.dir, reason(err))}
	}
	// Removes an empty directory only.
	if err := os.Remove(c.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, &Error{Kind: ErrDataDir, Cause: err, Text: fmt.Sprintf(
			"%s exists but is not a PostgreSQL cluster: move it away or choose another DATA_DIR", c.dir)}
	}
	return 0, nil
}

// make creates the cluster in a directory beside its place and moves it there
// when it is complete, so that a crash leaves nothing half made.
func (c cluster) make(ctx context.Context) error {
	const unfinished = "postgres.new-"
	leftovers, err := filepath.Glob(filepath.Join(globEscape(c.dataDir), unfinished+"*"))
	if err != nil {
		return err
	}
	for _, dir := range leftovers {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove what an interrupted start left behind: %w", err)
		}
	}
	dir := filepath.Join(c.dataDir, unfinished+strconv.Itoa(os.Getpid()))
	if err := c.account.makePrivate(dir); err != nil {
		return err
	}
	if err := c.initdb(ctx, dir); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	if err := os.Rename(dir, c.dir); err != nil {
		return err
	}
	return syncDir(c.dataDir)
}

func (c cluster) initdb(ctx context.Context, dir string) error {
	args := []string{
		"-D", dir, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--data-checksums", "-U", superuser,
	}
	if c.unsafe {
		args = append(args, "--no-sync")
	}
	cmd := c.account.command(ctx, c.dataDir, c.binaries.initdb(), args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	endWithParent(cmd, syscall.SIGKILL)
	// The thread that starts a child is its parent for that signal.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	if err == nil {
		// A stop need not wait for what is thrown away.
		leave := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		err = cmd.Wait()
		leave()
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return &Error{Kind: ErrStart, Cause: err, Text: fmt.Sprintf(
			"a PostgreSQL cluster cannot be made in DATA_DIR %s (%v): %s", c.dataDir, err, lastLines(out.Bytes()))}
	}
	return nil
}

// arguments are those of postgres. What an operator may want to tune is left to
// postgresql.conf; what the program relies on is fixed here.
func (c cluster) arguments(more map[string]string) []string {
	settings := map[string]string{
		"listen_addresses":        "",
		"unix_socket_directories": `"` + strings.ReplaceAll(c.socket, `"`, `""`) + `"`,
		"port":                    "5432",
		"cluster_name":            Database,
		"max_connections":         "200",
		"jit":                     "off", // every query here is short
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"log_destination":         "stderr",
		"logging_collector":       "off",
		"log_line_prefix":         "%m [%p] ",
		// A lost swap of the log's head is an error by design and would fill the
		// file, with values of rows; callers report errors of statements.
		"log_min_messages": "log",
	}
	if c.unsafe {
		settings["fsync"] = "off"
		settings["synchronous_commit"] = "off"
		settings["full_page_writes"] = "off"
	}
	maps.Copy(settings, more)
	args := []string{"-D", c.dir}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// globEscape makes a path match itself only.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
