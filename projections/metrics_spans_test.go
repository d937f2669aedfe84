package projections

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestMetricsWindows: steps are those of the calendar in UTC; the windows begin
// at a full hour and meet without a gap.
func TestMetricsWindows(t *testing.T) {
	t.Parallel()
	const layout = "2006-01-02T15"
	now := time.Date(2024, 3, 3, 0, 30, 0, 0, time.FixedZone("", 3600)) // Saturday the 2nd, 23:30 in UTC, of a leap year
	for key, want := range map[string]struct {
		points                    [2]int
		first, last, start, begin string // of the primary's steps; of the windows
	}{
		"24h": {[2]int{25, 25}, "2024-03-01T23", "2024-03-02T23", "2024-03-01T23", "2024-02-29T23"},
		"3d":  {[2]int{4, 4}, "2024-02-28T00", "2024-03-02T00", "2024-02-28T23", "2024-02-25T23"},
		"7d":  {[2]int{8, 8}, "2024-02-24T00", "2024-03-02T00", "2024-02-24T23", "2024-02-17T23"},
		"14d": {[2]int{15, 15}, "2024-02-17T00", "2024-03-02T00", "2024-02-17T23", "2024-02-03T23"},
		"1m":  {[2]int{31, 31}, "2024-02-01T00", "2024-03-02T00", "2024-02-01T23", "2024-01-02T23"},
		"3m":  {[2]int{14, 13}, "2023-11-27T00", "2024-02-26T00", "2023-12-03T23", "2023-09-04T23"},
		"6m":  {[2]int{26, 27}, "2023-09-04T00", "2024-02-26T00", "2023-09-04T23", "2023-03-08T23"},
		"1y":  {[2]int{13, 13}, "2023-03-01T00", "2024-03-01T00", "2023-03-03T23", "2022-03-03T23"},
	} {
		primary, comparison := metricsSpanOf(key).windows(now)
		n, m := len(primary.periods), len(comparison.periods)
		got := []string{
			primary.periods[0].Format(layout), primary.periods[n-1].Format(layout), primary.edges[0].UTC().Format(layout), comparison.edges[0].UTC().Format(layout),
		}
		for i, text := range []string{want.first, want.last, want.start, want.begin} {
			if got[i] != text {
				t.Errorf("%s: %v, want %+v", key, got, want)
			}
		}
		if n != want.points[0] || m != want.points[1] {
			t.Errorf("%s: %d and %d points, want %v", key, n, m, want.points)
		}
		if !comparison.edges[m].Equal(primary.edges[0]) || !primary.edges[n].Equal(endOfTime()) || len(primary.edges) != n+1 || len(comparison.edges) != m+1 {
			t.Errorf("%s: the windows do not meet: %v %v", key, comparison.edges, primary.edges)
		}
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	if medianHours(nil) != nil {
		t.Error("nothing has a median")
	}
	for n := range 300 {
		var micros []int64
		for range n + 1 {
			micros = append(micros, r.Int64N(int64(n)+3))
		}
		sorted := slices.Sorted(slices.Values(micros))
		want := Float(float64(sorted[n/2]+sorted[(n+1)/2]) / 2 / microsPerHour)
		if got := medianHours(micros); *got != want {
			t.Fatalf("of %v: %v, want %v", sorted, *got, want)
		}
	}
}
