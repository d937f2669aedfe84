package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cpu is the processor time that this process and Postgres have used. It says
// where the time goes, and other programs disturb it less than they do rates.
type cpu struct{ own, postgres time.Duration }

// cpu adds up the children of the server that live now; it knows those of
// Linux only.
func (c *cluster) cpu() cpu {
	var used cpu
	var own syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &own) == nil {
		used.own = time.Duration(own.Utime.Nano() + own.Stime.Nano())
	}
	parent := strconv.Itoa(c.server.Pid())
	paths, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is valid
	for _, path := range paths {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid …, and user and system time in fields 14 and 15
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 13 || fields[1] != parent {
			continue
		}
		for _, field := range fields[11:13] {
			ticks, _ := strconv.ParseInt(field, 10, 64) // 0 is as good as any
			used.postgres += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return used
}

// each is what one of n calls since took on average.
func (used cpu) each(since cpu, n float64) string {
	micros := func(d time.Duration) float64 { return float64(d.Microseconds()) / max(n, 1) }
	return fmt.Sprintf("%.1f µs of ours and %.1f µs of Postgres each", micros(used.own-since.own), micros(used.postgres-since.postgres))
}
