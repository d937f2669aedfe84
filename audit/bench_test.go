package audit

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// BenchmarkMillion builds the tree over the stored leaves of a million events,
// and checks all of them: columns, hashes, chains, tree and checkpoint. The
// seconds of this process' own work are told beside, and the load, because the
// machine may be others' too.
func BenchmarkMillion(b *testing.B) {
	const events = 1_000_000
	db := freshLog(b)
	w := newWriter(b, db)
	w.write(events)
	_, err := db.Exec(b.Context(), `vacuum analyze events`)
	must(b, err)
	signer := enrolled(b, open(b, db), fileIn(b))
	for b.Loop() {
		timed(b, "build", func() {
			var e edge
			must(b, e.grow(b.Context(), db, events))
		})
		must(b, signer.step(b.Context()))
		timed(b, "check", func() {
			check := Check{DB: db, File: signer.File}
			must(b, check.Run(b.Context()))
		})
	}
	load, err := os.ReadFile("/proc/loadavg")
	b.Logf("load %s %v", load, err)
}

func timed(b *testing.B, name string, do func()) {
	b.Helper()
	began, worked := time.Now(), ownWork()
	do()
	b.ReportMetric(time.Since(began).Seconds(), "s/"+name)
	b.ReportMetric((ownWork() - worked).Seconds(), "cpu-s/"+name)
}

func ownWork() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
