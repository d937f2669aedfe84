package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// A stopped cluster, of which copies are quicker to have than new ones.
var made struct {
	once sync.Once
	dir  string
	err  error
}

// Dir returns an empty directory that the database user can reach, which that
// of testing.T is not when the tests run as root.
func Dir(tb testing.TB) string {
	tb.Helper()
	dir, err := makeDir()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return dir
}

// DataDir returns a DATA_DIR with a cluster that is not running, as a first
// start leaves it.
func DataDir(tb testing.TB) string {
	tb.Helper()
	made.once.Do(func() { made.err = makeCluster(context.WithoutCancel(tb.Context())) })
	if made.err != nil {
		tb.Fatal(made.err)
	}
	dir := Dir(tb)
	from, to := filepath.Join(made.dir, "postgres"), filepath.Join(dir, "postgres")
	if out, err := exec.CommandContext(tb.Context(), "cp", "-a", from, to).CombinedOutput(); err != nil {
		tb.Fatalf("copy the cluster: %v: %s", err, out)
	}
	return dir
}

func makeCluster(ctx context.Context) (err error) {
	if made.dir, err = makeDir(); err != nil {
		return err
	}
	_, stop, err := start(ctx, made.dir, true)
	if err == nil {
		stop()
	}
	return err
}

func removeMade() error {
	if made.dir == "" {
		return nil
	}
	return os.RemoveAll(made.dir)
}

const dirPrefix = "missioncontrol-test-"

// makeDir makes a directory whose name tells the process that it is for.
func makeDir() (string, error) {
	if err := sweep(); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", dirPrefix, os.Getpid()))
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// sweep removes the directories of test processes that were killed: there is no
// such process and nobody holds the lock, as one elsewhere might that shares
// the directory for temporary files.
func sweep() error {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*-*"))
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirPrefix), "-")
		pid, err := strconv.Atoi(number)
		if err != nil || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue
		}
		file, err := os.OpenFile(filepath.Join(dir, "postgres.lock"), os.O_RDWR, 0)
		if err != nil {
			continue // of another user, or there is no cluster
		}
		if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(dir) // the next sweep tries again
		}
		_ = file.Close()
	}
	return nil
}
