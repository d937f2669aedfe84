package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// packages installs the PostgreSQL server of a Debian.
type packages struct {
	aptGet string // program
	conf   string // directory of drop-ins for the making of clusters
}

var debian = packages{aptGet: "apt-get", conf: "/etc/postgresql-common/createcluster.d"}

func debianPackage(major int) string {
	if major == 0 {
		return "postgresql"
	}
	return fmt.Sprintf("postgresql-%d", major)
}

// install installs the package unless another process has just done so, which
// present tells. The package would make and start a system cluster; a drop-in
// file keeps it from that while it is being installed.
func (p packages) install(ctx context.Context, progress io.Writer, major int, present func() bool) (err error) {
	name := debianPackage(major)
	if _, err := exec.LookPath(p.aptGet); err != nil {
		return search{major: major}.missing(nil)
	}
	if err := os.MkdirAll(p.conf, 0o755); err != nil {
		return err
	}
	dir, err := os.Open(p.conf)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if present() {
		return nil
	}
	fmt.Fprintf(progress, "installing PostgreSQL: apt-get install -y %s\n", name)
	dropIn := filepath.Join(p.conf, "missioncontrol.conf")
	if err := os.WriteFile(dropIn, []byte("create_main_cluster = false\n"), 0o644); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(dropIn)) }()
	err = p.run(ctx, "install", "-y", "--no-install-recommends", name)
	if err == nil {
		return nil
	}
	// A fresh machine has no package lists, or old ones.
	if err := p.run(ctx, "update"); err != nil {
		return p.failed(name, err)
	}
	if err := p.run(ctx, "install", "-y", "--no-install-recommends", name); err != nil {
		return p.failed(name, err)
	}
	return nil
}

func (p packages) failed(name string, err error) error {
	return &Error{Kind: ErrMissing, Cause: err, Text: fmt.Sprintf(
		"PostgreSQL is missing and apt-get install %s failed (%s): install it by hand, or set PG_BIN to the directory of its programs", name, oneLine(err.Error()))}
}

func (p packages) run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, p.aptGet, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return fmt.Errorf("%w: %s", err, lines[len(lines)-1])
}
