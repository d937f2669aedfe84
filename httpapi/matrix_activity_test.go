package httpapi

// activityPermissions are the rows of what happened, and of the feeds over all
// boards. A member without a board sees empty ones.
func activityPermissions() map[string][]row {
	const feed = v1 + "/activity/task-comments"
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
	}
}
