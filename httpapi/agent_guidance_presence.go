package httpapi

// presenceGuides tell agents how to find out who and where they are.
func presenceGuides() map[string]guide {
	return map[string]guide{
		"agent_healthz_api_v1_agent_healthz_get": {
			intent: "agent_auth_health", actor: anyAgent, roles: everyRole,
			summary: "Who am I, and does my token work", description: "Tells the calling agent its id, board, gateway, status and whether it leads its board.",
			when:    []string{"You start and want to know that your token works.", "You need your own id, or want to know whether you lead your board."},
			whenNot: []string{"You want to be seen as present: send a heartbeat.", "You want to know whether the server runs: GET /readyz needs no token."},
			needs:   []string{"Nothing else: this is the first call to make."},
			effects: []string{"You count as seen just now."},
			never:   []string{"Do not repeat it with a token that was answered 401: your address is limited after a number of wrong ones."},
			routing: []string{"200: go on with the board that it names.", "401: stop, and tell whoever gave you the token.", "429: wait as long as Retry-After says."},
			examples: []decision{
				{"find out whether my token is still good", anyAgent, "agent_auth_health"},
				{"show that I am alive", anyAgent, "agent_heartbeat"},
			},
		},
		"list_boards_api_v1_agent_boards_get": {
			intent: "agent_board_discovery", actor: anyAgent, roles: everyRole,
			summary: "List my boards", description: "Lists the calling agent's board; a main agent gets all boards of its organization, the newest first.",
			when:    []string{"You do not know yet on which board you work.", "You are a main agent and look for the board that a matter belongs to."},
			whenNot: []string{"You know the id of the board: get that board alone."},
			needs:   []string{"No role: everybody sees what is theirs."},
			effects: []string{"None beyond counting as seen."},
			never:   []string{"Do not take an empty list for an error: a board can have been deleted."},
			routing: []string{"Remember the id; all further operations take it.", "More than limit boards: ask again with offset."},
			examples: []decision{
				{"find the board I work on", anyAgent, "agent_board_discovery"},
				{"read the objective of board B", anyAgent, "agent_board_lookup"},
			},
		},
		"get_board_api_v1_agent_boards__board_id__get": {
			intent: "agent_board_lookup", actor: anyAgent, roles: everyRole,
			summary: "Get a board", description: "Shows the objective, the success metrics and the rules of a board that the calling agent works on.",
			when:    []string{"You begin to work and need the objective of the board.", "A change was refused and you want to read the rule: review, approval or who may change a status."},
			whenNot: []string{"You look for tasks: list them."},
			needs:   []string{"The board is yours, or you are a main agent of its organization."},
			effects: []string{"None beyond counting as seen."},
			never:   []string{"Do not try ids of boards that nobody gave you: they are answered 403 or 404."},
			routing: []string{"require_approval_for_done: request an approval before you finish a task.", "only_lead_can_change_status: workers ask the lead."},
			examples: []decision{
				{"learn whether a task needs approval before it is done", anyAgent, "agent_board_lookup"},
				{"request that approval", anyAgent, "agent_board_approval_request"},
			},
		},
		"agent_heartbeat_api_v1_agent_heartbeat_post": {
			intent: "agent_heartbeat", actor: anyAgent, roles: everyRole,
			summary: "Give a sign of life", description: "Shows the calling agent as online. It takes no body, and whatever is sent as one is ignored.",
			when:    []string{"At the interval of your heartbeat configuration.", "After a long piece of work during which you called nothing."},
			whenNot: []string{"You have called any operation just now: that counts as well.", "You have something to say: comment on the task."},
			needs:   []string{"Nothing else."},
			effects: []string{"You are shown as online; people who watch the agents see it at once."},
			never:   []string{"Do not send it in a tight loop: once in a few seconds changes nothing more."},
			routing: []string{"200: work on.", "401: your token has been revoked; stop.", "503: repeat after Retry-After."},
			examples: []decision{
				{"stay visible while nothing is to be done", anyAgent, "agent_heartbeat"},
				{"report progress on a task", anyAgent, "agent_task_comment_create"},
			},
		},
	}
}
