package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// account is the user of the operating system that postgres runs as. PostgreSQL
// refuses to run as root.
type account struct {
	name     string
	uid, gid int
	drop     bool // this process is root and its children become this user
}

// accountFor returns this process's own user or, for root, the owner of the
// cluster if there is one, else the user postgres, else nobody.
func accountFor(dir string, exists bool) (account, error) {
	self := os.Geteuid()
	if exists {
		info, err := os.Stat(dir)
		if err != nil {
			return account{}, err
		}
		owner := int(info.Sys().(*syscall.Stat_t).Uid)
		if owner == 0 || self != 0 && owner != self {
			return account{}, &Error{Kind: ErrDataDir, Text: fmt.Sprintf(
				"the cluster in %s belongs to the user %s: start the program as the user that made it, or choose another DATA_DIR", dir, userName(owner))}
		}
		if self == 0 {
			return accountOf(user.LookupId(strconv.Itoa(owner)))
		}
	}
	if self != 0 {
		return account{name: userName(self), uid: self, gid: os.Getegid()}, nil
	}
	a, err := accountOf(user.Lookup("postgres"))
	if err != nil {
		a, err = accountOf(user.Lookup("nobody"))
	}
	return a, err
}

func accountOf(u *user.User, err error) (account, error) {
	if err != nil {
		return account{}, fmt.Errorf("find a user to run PostgreSQL as: %w", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return account{}, err
	}
	gid, err := strconv.Atoi(u.Gid)
	return account{name: u.Username, uid: uid, gid: gid, drop: true}, err
}

func userName(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// command prepares a program that runs as the account. The environment is made
// new: the program's own holds secrets, and variables of PostgreSQL and of the
// locale would change what the server does. ctx is not watched.
func (a account) command(ctx context.Context, dir, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), path, args...)
	cmd.Dir = dir
	cmd.Env = []string{"LC_ALL=C.UTF-8", "TZ=UTC", "PATH=" + os.Getenv("PATH")}
	if libraries := os.Getenv("LD_LIBRARY_PATH"); libraries != "" {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+libraries)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if a.drop {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return cmd
}

// reaches fails unless the account can run the binaries and enter dir. It asks
// the kernel by doing it: modes alone do not know access control lists.
func (a account) reaches(ctx context.Context, b binaries, dir string) error {
	enter := func(dir string) error {
		return a.command(ctx, dir, b.postgres(), "-V").Run()
	}
	if !a.drop {
		return nil
	}
	if err := enter(dir); !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err := enter("/"); err != nil {
		return &Error{Kind: ErrMissing, Cause: err, Text: fmt.Sprintf(
			"the database user %s cannot run %s (%s): set PG_BIN to PostgreSQL binaries that every user can run", a.name, b.postgres(), reason(err))}
	}
	closed := dir
	for path := dir; path != "/"; path = filepath.Dir(path) {
		if enter(path) != nil {
			closed = path
		}
	}
	return &Error{Kind: ErrDataDir, Text: fmt.Sprintf(
		"DATA_DIR %s is out of reach of the database user %s, because %s is closed to it: choose another DATA_DIR, or open the way with chmod o+x %s", dir, a.name, closed, shell(closed))}
}

// makePrivate makes a directory that only the account can enter. One that is
// there already must be the account's own: in a directory for temporary files
// anybody may have made it.
func (a account) makePrivate(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner := int(info.Sys().(*syscall.Stat_t).Uid)
	if !info.IsDir() || owner != a.uid && owner != os.Geteuid() {
		return fmt.Errorf("%s was made by the user %s", dir, userName(owner))
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	if !a.drop {
		return nil
	}
	return os.Lchown(dir, a.uid, a.gid)
}

// shell quotes a path for a command that a person may paste.
func shell(path string) string {
	if strings.ContainsAny(path, " '\"$\\&;|()<>*?") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
