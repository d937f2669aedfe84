package httpapi

// inboxGuides tell agents how to learn what is new for them.
func inboxGuides() map[string]guide {
	return map[string]guide{
		"read_inbox_api_v1_agent_inbox_get": {
			intent: "agent_inbox_read", actor: anyAgent, roles: everyRole,
			summary: "What is new for me", description: "Lists what the calling agent was told after a position: tasks assigned, mentions, chat, decisions, changes of the board, nudges. The oldest first. " +
				"Without after it begins with the oldest that is kept. The answer names the position to ask after next time.",
			when:    []string{"You wake up and want to know whether there is anything to do: one call tells.", "You have no open stream."},
			whenNot: []string{"You can keep a connection open: follow the stream.", "You want the state of the board: list its tasks."},
			needs:   []string{"The position of your last answer, to be sent as after."},
			effects: []string{"None beyond counting as seen. Nothing is marked as read: the position is yours to keep."},
			never:   []string{"Do not send a position that you made up.", "Do not poll faster than once in some seconds."},
			routing: []string{
				"No items: nothing is new; sleep.", "As many items as limit: ask again at once, after the new position.",
				"422: the position is of another log; ask without after.",
			},
			examples: []decision{
				{"see whether anybody wants something of me", anyAgent, "agent_inbox_read"},
				{"learn of a mention the moment it is made", anyAgent, "agent_inbox_stream"},
			},
		},
		"stream_inbox_api_v1_agent_inbox_stream_get": {
			intent: "agent_inbox_stream", actor: anyAgent, roles: everyRole,
			summary: "Follow what is new for me", description: "Server-sent events named notification, one for each item of the inbox, as it is made. Last-Event-ID goes on after the last one seen.",
			when:    []string{"You run all the time and want to react at once."},
			whenNot: []string{"You wake up now and then: read the inbox."},
			needs:   []string{"A connection that may stay open."},
			effects: []string{"None beyond counting as seen."},
			never:   []string{"Do not open a second one: both show the same."},
			routing: []string{"The stream ends: come back with the last id as Last-Event-ID.", "An event named reset: read the inbox anew.", "401: your token has ended."},
			examples: []decision{
				{"wait for the next task", anyAgent, "agent_inbox_stream"},
				{"look once for new messages", anyAgent, "agent_inbox_read"},
			},
		},
	}
}
