package postgres

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// endWithParent has the kernel send sig to the child when the thread that
// started it ends.
func endWithParent(cmd *exec.Cmd, sig syscall.Signal) { cmd.SysProcAttr.Pdeathsig = sig }

// processesIn returns the processes of the cluster in dir: every postgres works
// in its data directory. Where the kernel does not show that (root without
// CAP_SYS_PTRACE) the command line tells the server itself, not its children.
func processesIn(dir string, _ int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	argument := []byte("\x00-D\x00" + dir + "\x00")
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		proc := filepath.Join("/proc", entry.Name())
		if name, err := os.ReadFile(filepath.Join(proc, "comm")); err != nil || string(name) != "postgres\n" {
			continue
		}
		cwd, err := os.Readlink(filepath.Join(proc, "cwd"))
		if err == nil && cwd == dir {
			pids = append(pids, pid)
			continue
		}
		line, err := os.ReadFile(filepath.Join(proc, "cmdline"))
		if err == nil && bytes.Contains(line, argument) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
