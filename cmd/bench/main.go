// Command bench measures the program against yardsticks of the same run and
// prints one table. It starts an instance of its own: a private Postgres with
// fsync on, in a directory for temporary files.
//
// R1 is pgbench: one insert a transaction into a table with the log's columns
// and indexes, median of three runs interleaved with ours. R2 is a bare
// net/http fan-out of the same bytes to as many readers. Ratios to them stay
// comparable from machine to machine, and while others use the machine;
// absolute figures do not.
//
// To add a row, write its function and name it in rows.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"syscall"
	"time"
)

// gcPercent is how much the heap may grow between collections: that of serve.
// What lives is small, what passes through is not.
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	rows    *regexp.Regexp // nil: all
	quick   bool
	window  time.Duration // of one measurement
	rounds  int           // of each measurement; the median counts
	profile string        // of this process' time
	allocs  string        // of this process' allocations
}

func parse(args []string, progress io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.Func("rows", "measure only rows whose name matches this regular expression", func(text string) (err error) {
		o.rows, err = regexp.Compile(text)
		return err
	})
	seconds := flags.Float64("seconds", 4, "how long one measurement takes")
	flags.BoolVar(&o.quick, "quick", false, "one round of one second, a shorter history: shows that it works, measures little")
	flags.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of this process to a file")
	flags.StringVar(&o.allocs, "memprofile", "", "write a profile of this process' allocations to a file")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.window, o.rounds = time.Duration(*seconds*float64(time.Second)), 3
	if o.quick {
		o.window, o.rounds = time.Second, 1
	}
	return o, nil
}

// bench is what rows measure with.
type bench struct {
	options
	cluster  *cluster
	progress io.Writer
	past     *history // nil until a row needs it
}

func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	chosen := o.choose(rows())
	if len(chosen) == 0 {
		return fmt.Errorf("no row's name matches %v", o.rows)
	}
	b := &bench{options: o, progress: progress}
	b.say("starting a private Postgres")
	if b.cluster, err = startCluster(ctx, progress); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.past.close(), b.cluster.close()) }()
	stop, err := o.profiles()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	var results []result
	for _, r := range chosen {
		b.say("%s", r.name)
		measured, err := r.measure(ctx, b)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", r.name, err), print(out, results, b))
		}
		for _, m := range measured {
			m.load = load()
			results = append(results, m)
			b.say("  %s: %s", m.row, m)
		}
	}
	return print(out, results, b)
}

// profiles starts what was asked for; stop writes it.
func (o options) profiles() (stop func() error, err error) {
	var cpu *os.File
	if o.profile != "" {
		if cpu, err = os.Create(o.profile); err != nil {
			return nil, err
		}
		if err := pprof.StartCPUProfile(cpu); err != nil {
			return nil, err
		}
	}
	return func() error {
		if cpu != nil {
			pprof.StopCPUProfile()
			if err := cpu.Close(); err != nil {
				return err
			}
		}
		if o.allocs == "" {
			return nil
		}
		file, err := os.Create(o.allocs)
		if err != nil {
			return err
		}
		return errors.Join(pprof.Lookup("allocs").WriteTo(file, 0), file.Close())
	}, nil
}

func (o options) choose(all []row) []row {
	return slices.DeleteFunc(all, func(r row) bool { return o.rows != nil && !o.rows.MatchString(r.name) })
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
