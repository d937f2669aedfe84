package httpapi

// activityPermissions are the rows of what happened, and of the feeds and
// figures over all boards. A member without a board sees empty ones.
func activityPermissions() map[string][]row {
	const feed, metrics = v1 + "/activity/task-comments", v1 + "/metrics/dashboard"
	ofTheBoard := func(path string) func(*tenant, string) string {
		return func(x *tenant, _ string) string { return path + "?board_id=" + x.board }
	}
	const forReaders = "+ + 3 + + 3 3 1 1 1 1 1"
	everything := func(*tenant, string) string { return v1 + "/activity?include=all" }
	return map[string][]row{
		"GET " + v1 + "/activity": {
			{cells: "+ + e + + e o o o o o 1"},
			{name: "everything", cells: "+ + + + + e o o o o o 1", path: everything},
		},
		"GET " + feed: {
			{cells: "+ + e + + e o 1 1 1 1 1"},
			{name: "of the board", cells: forReaders, path: ofTheBoard(feed)},
		},
		"GET " + feed + "/stream": {
			{cells: forMembers},
			{name: "of the board", cells: forReaders, path: ofTheBoard(feed + "/stream")},
		},
		"GET " + metrics: {
			{cells: "+ + e + + e o 1 1 1 1 1", own: true},
			// To who can read no board, none is refused.
			{name: "of the board", cells: "+ + e + + e o 1 1 1 1 1", own: true, path: ofTheBoard(metrics)},
			{name: "of another board", cells: "+ + e 3 3 e o 1 1 1 1 1", own: true, path: func(x *tenant, _ string) string { return metrics + "?board_id=" + x.other }},
		},
	}
}
