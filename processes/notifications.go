package processes

import (
	"log/slog"

	"missioncontrol/commands"
	"missioncontrol/eventstore"
)

// Notifications tells agents of what happens. It begins with what happens from
// now on: agents of a log that is older than this process are not told of its
// history.
func Notifications(store *eventstore.Store, tell commands.Notifications, log *slog.Logger) Process {
	return Process{Name: "notifications", Store: store, Handle: tell.React, Log: log, From: store.Head()}
}
