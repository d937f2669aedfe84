package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// yardstickTable is the log without the log: its columns and its indexes. Its
// numbers come from sequences, which cost the inserts less than any order that
// a reader could rely on.
const yardstickTable = `
	create table yardstick (like events including all);
	create sequence yardstick_seq;
	create sequence yardstick_org_seq;`

const yardstickScript = `insert into yardstick (seq, org, org_seq, stream, version, type, recorded, leaf, entry)
	values (nextval('yardstick_seq'), '0190a5f1-0000-7000-8000-000000000001', nextval('yardstick_org_seq'), gen_random_uuid(),
	1, 'task.created', now(), :leaf, :entry);
`

// entryBytes is the size of R1's entries. Ours are larger: the envelope alone
// has more.
const entryBytes = 450

var pgbenchTPS = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)

// r1 is how many transactions of one insert pgbench does in a second.
func (b *bench) r1(ctx context.Context, url string, callers int) (float64, error) {
	script := filepath.Join(b.cluster.dir, "yardstick.sql")
	if err := os.WriteFile(script, []byte(yardstickScript), 0o600); err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, b.cluster.pgbench, "-n", "-M", "prepared", "-j", "2",
		"-c", strconv.Itoa(callers), "-T", strconv.Itoa(max(1, int(b.window.Seconds()))), "-f", script,
		"-D", "leaf="+`\x`+strings.Repeat("a7", 32), "-D", "entry="+strings.Repeat("x", entryBytes), url)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w: %s", err, out)
	}
	match := pgbenchTPS.FindSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("pgbench printed no tps: %s", out)
	}
	return strconv.ParseFloat(string(match[1]), 64)
}

// againstR1 measures ours and R1 in turn and returns the medians.
func (b *bench) againstR1(ctx context.Context, url string, callers int, ours func() (float64, error)) (measured, yardstick float64, err error) {
	var us, them []float64
	for range b.rounds {
		tps, err := b.r1(ctx, url, callers)
		if err != nil {
			return 0, 0, err
		}
		before := b.cluster.cpu()
		rate, err := ours()
		if err != nil {
			return 0, 0, err
		}
		b.say("  R1 %.0f/s, ours %.0f/s, %s", tps, rate, b.cluster.cpu().each(before, rate*(warmUp+b.window).Seconds()))
		us, them = append(us, rate), append(them, tps)
	}
	return median(us), median(them), nil
}
