package projections

import "time"

// metricsSpan is what a range key asks for: how far back, in what steps.
type metricsSpan struct {
	window time.Duration
	bucket string
}

func metricsSpanOf(key string) metricsSpan {
	const day = 24 * time.Hour
	return map[string]metricsSpan{
		"24h": {day, "hour"},
		"3d":  {3 * day, "day"}, "7d": {7 * day, "day"}, "14d": {14 * day, "day"}, "1m": {30 * day, "day"},
		"3m": {90 * day, "week"}, "6m": {180 * day, "week"},
		"1y": {365 * day, "month"},
	}[key]
}

// windows are the span up to now and the one before it. They begin at a full
// hour, so that each hour is in one of them.
func (s metricsSpan) windows(now time.Time) (primary, comparison metricsWindow) {
	start := now.Add(-s.window).Truncate(time.Hour)
	primary = newMetricsWindow(start, now, s.bucket)
	primary.edges[len(primary.edges)-1] = endOfTime()
	return primary, newMetricsWindow(start.Add(-s.window), start, s.bucket)
}

// endOfTime is after everything that was recorded, also by a clock that is
// ahead of this one.
func endOfTime() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

// metricsWindow is a span in steps: step i begins at periods[i] by the
// calendar, and holds what is in the window from edges[i] to before edges[i+1].
type metricsWindow struct{ periods, edges []time.Time }

// newMetricsWindow has a step for whatever holds a moment from from to to.
func newMetricsWindow(from, to time.Time, bucket string) metricsWindow {
	w := metricsWindow{edges: []time.Time{from}}
	for p := stepWith(from, bucket); !p.After(to); p = stepAfter(p, bucket) {
		if len(w.periods) > 0 {
			w.edges = append(w.edges, p)
		}
		w.periods = append(w.periods, p)
	}
	w.edges = append(w.edges, to)
	return w
}

// stepWith is the beginning of the step that holds t, in UTC; weeks begin on
// Monday.
func stepWith(t time.Time, bucket string) time.Time {
	t = t.UTC()
	year, month, day := t.Date()
	switch bucket {
	case "hour":
		return t.Truncate(time.Hour)
	case "week":
		day -= (int(t.Weekday()) + 6) % 7
	case "month":
		day = 1
	}
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// stepAfter is the beginning of the step after the one that begins at t.
func stepAfter(t time.Time, bucket string) time.Time {
	switch bucket {
	case "hour":
		return t.Add(time.Hour)
	case "week":
		return t.AddDate(0, 0, 7)
	case "month":
		return t.AddDate(0, 1, 0)
	}
	return t.AddDate(0, 0, 1)
}
