package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
)

// result is one line of the table.
type result struct {
	row       string
	measured  float64
	unit      string
	yardstick float64 // 0: none
	bar       bar
	load      string // of the machine when it was measured
}

// bar is what a result must reach.
type bar struct {
	limit  float64
	atMost bool
	times  string // the yardstick that limit is a multiple of; "": limit is in the result's unit
}

func atLeast(limit float64) bar                 { return bar{limit: limit} }
func atMost(limit float64) bar                  { return bar{limit: limit, atMost: true} }
func atLeastTimes(limit float64, of string) bar { return bar{limit: limit, times: of} }
func atMostTimes(limit float64, of string) bar  { return bar{limit: limit, atMost: true, times: of} }

func (b bar) String() string {
	sign, of := "≥", ""
	if b.atMost {
		sign = "≤"
	}
	if b.times != "" {
		of = " x " + b.times
	}
	return sign + " " + number(b.limit) + of
}

func (r result) ratio() float64 { return r.measured / r.yardstick }

func (r result) ok() bool {
	value := r.measured
	if r.bar.times != "" {
		value = r.ratio()
	}
	if r.bar.atMost {
		return value <= r.bar.limit
	}
	return value >= r.bar.limit
}

func (r result) verdict() string {
	if r.ok() {
		return "ok"
	}
	return "MISS"
}

func (r result) cells() []string {
	yardstick, ratio := "-", "-"
	if r.yardstick != 0 {
		yardstick, ratio = number(r.yardstick), fmt.Sprintf("%.2f", r.ratio())
	}
	return []string{number(r.measured) + " " + r.unit, yardstick, ratio, r.bar.String(), r.verdict()}
}

func (r result) String() string { return strings.Join(r.cells(), "  ") }

// number writes three digits that count, or all before the point.
func number(x float64) string {
	switch {
	case x >= 100 || x == float64(int64(x)):
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2f", x)
	}
}

func print(out io.Writer, results []result, b *bench) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "row\tmeasured\tyardstick\tratio\tbar\t\tload")
	missed := 0
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.row, strings.Join(r.cells(), "\t"), r.load)
		if !r.ok() {
			missed++
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d of %d bars missed; %d cores, %s, %s; %v a measurement, median of %d; load is that of the last minute.\n",
		missed, len(results), runtime.NumCPU(), runtime.Version(), b.cluster.version, b.window, b.rounds)
	return err
}

// load is the machine's load average of the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
