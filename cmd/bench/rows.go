package main

import "context"

// row is something that is measured; it gives one line of the table or more.
type row struct {
	name    string
	measure func(context.Context, *bench) ([]result, error)
}

// rows is everything that is measured, in the order of the table. The bars are
// those of two cores that are otherwise idle.
func rows() []row {
	return []row{
		{"log alone, 64 callers", appends(logAlone, 64, 1.5)},
		{"log alone, 256 callers", appends(logAlone, 256, 2)},
		{"log alone, one hot stream, 256 callers", appends(hotStream, 256, 2)},
		{"log, tasks and frames, 64 callers", appends(withTasks, 64, 0.8)},
		{"log, tasks and frames, 256 callers", appends(withTasks, 256, 1.2)},
		{"http POST tasks, 64 connections", httpThroughput},
		{"http POST tasks, one connection", httpLatency},
		{"http POST tasks, statements", httpStatements},
		{"read a board of 1000 tasks", readBoard},
		{"sse one client", streamLatency},
		{"sse 1000 subscribers", streamFanout},
		{"sse deliveries", streamDeliveries},
		{"sse one stalled among 1000", streamStalled},
		{"flood of refusals", flood},
		{"rebuild", rebuild},
		{"idle streams", idleStreams},
		{"history: metrics", onHistory(dashboards)},
		{"history: activity", onHistory(pagesOfActivity)},
		{"history: as_of", onHistory(snapshotsAt)},
		{"history: audit filters", onHistory(trail)},
		{"history: index lag", onHistory(indexLag)},
		{"history: tree and check", onHistory(proofs)},
		{"history: export and verify", onHistory(evidence)},
	}
}
