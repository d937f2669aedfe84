package audit

import (
	"testing"
	"time"
)

// BenchmarkMillion builds the tree over the stored leaves of a million events,
// and checks all of them: columns, hashes, chains, tree and checkpoint.
func BenchmarkMillion(b *testing.B) {
	const events = 1_000_000
	db := freshLog(b)
	w := newWriter(b, db)
	w.write(events)
	if _, err := db.Exec(b.Context(), `vacuum analyze events`); err != nil {
		b.Fatal(err)
	}
	s := open(b, db)
	signer := enrolled(b, s, fileIn(b))
	for b.Loop() {
		began := time.Now()
		var e edge
		must(b, e.grow(b.Context(), db, events))
		b.ReportMetric(time.Since(began).Seconds(), "s/build")
		must(b, signer.step(b.Context()))
		began = time.Now()
		check := Check{DB: db, File: signer.File}
		must(b, check.Run(b.Context()))
		b.ReportMetric(time.Since(began).Seconds(), "s/check")
	}
}
