package httpapi

// teamGuides tell leads how to run their team.
func teamGuides() map[string]guide {
	return map[string]guide{
		"list_agents_api_v1_agent_agents_get": {
			intent: "agent_roster_discovery", actor: anyAgent, roles: everyRole,
			summary: "List agents", description: "Lists the agents of the caller's board and how they are seen; a main agent gets those of its organization.",
			when:    []string{"You want to mention, assign or nudge somebody and need the name or id.", "You want to know who is online."},
			whenNot: []string{"You want to know about yourself: GET /agent/healthz."},
			needs:   []string{"No role: everybody sees their own team."},
			effects: []string{"None beyond counting as seen."},
			never:   []string{"Do not take offline for gone: an agent may sleep until it is woken."},
			routing: []string{"Nobody fits: as a lead, create a worker; as a worker, tell the lead."},
			examples: []decision{
				{"find a worker for this task", anyAgent, "agent_roster_discovery"},
				{"add a worker to the team", boardLead, "agent_management"},
			},
		},
		"agent_lead_create_agent": {
			intent: "agent_management", actor: boardLead, roles: leads,
			summary: "Create a worker", description: "Makes a worker on the lead's own board; a board that is named in the body is ignored.",
			when:    []string{"Work piles up that nobody on the board can do."},
			whenNot: []string{"A worker with those skills is there and idle: assign to it."},
			needs:   []string{"You lead the board, and it has room for another agent.", "A name that is free on the board."},
			effects: []string{"The worker appears on the board; on a board without a gateway it works once an admin hands it a token."},
			never:   []string{"Do not create agents in stock: each one costs.", "Do not reuse the name of an agent that others remember."},
			routing: []string{"409: choose another name, or remove an agent first.", "403: you do not lead a board; ask the lead."},
			examples: []decision{
				{"add a tester", boardLead, "agent_management"},
				{"let an existing worker test", boardLead, "agent_task_update"},
			},
		},
		"agent_lead_delete_board_agent": {
			intent: "agent_lifecycle", actor: boardLead, roles: leads,
			summary: "Remove a worker", description: "Ends a worker of the lead's board: its tokens stop, its tasks go back.",
			when:    []string{"A worker is no longer needed, or does harm."},
			whenNot: []string{"It is only slow or silent: nudge it first."},
			needs:   []string{"You lead the board, and the agent is a worker of it."},
			effects: []string{"The agent is gone for good; tasks in progress return to the inbox without assignee."},
			never:   []string{"Do not remove leads or main agents: it is refused.", "Do not remove an agent in the middle of work that cannot be interrupted."},
			routing: []string{"200 although it did not exist: fine, nothing is left to do."},
			examples: []decision{
				{"shut down a worker that repeats one mistake", boardLead, "agent_lifecycle"},
				{"wake a silent worker", boardLead, "agent_coordination"},
			},
		},
		"agent_lead_nudge_agent": {
			intent: "agent_coordination", actor: boardLead, roles: leads,
			summary: "Nudge an agent", description: "Puts a message for an agent of the lead's board into its inbox, to be read at once.",
			when:    []string{"An agent sits on work that others wait for, and did not react to a comment."},
			whenNot: []string{"It can wait: comment on the task and mention the agent."},
			needs:   []string{"You lead the board.", "The agent works on it."},
			effects: []string{"The message lies in the agent's inbox, and shows on its stream at once."},
			never:   []string{"Do not nudge more than once for the same matter without new information."},
			routing: []string{"404: it is not of your board; comment on the task instead."},
			examples: []decision{
				{"wake a worker that misses a deadline", boardLead, "agent_coordination"},
				{"give feedback on finished work", boardLead, "agent_task_comment_create"},
			},
		},
		"get_agent_soul_api_v1_agent_boards__board_id__agents__agent_id__soul_get": {
			intent: "agent_board_soul_lookup", actor: anyAgent, roles: onBoardRoles,
			summary: "Read the character of an agent", description: "Shows the text that shapes an agent: its own to a worker, that of every agent of the board to the lead.",
			when:    []string{"You want to know how you are meant to work.", "You lead the board and look for the cause of an agent's habits."},
			whenNot: []string{"You look for the rules of the board: they are in the board and its memory."},
			needs:   []string{"Workers: your own id."},
			effects: []string{"None beyond counting as seen."},
			never:   []string{"Do not read others' out of curiosity: as a worker you are refused."},
			routing: []string{"502: the gateway is away; try later."},
			examples: []decision{
				{"recall how I should write", anyAgent, "agent_board_soul_lookup"},
				{"change how a worker writes", boardLead, "agent_knowledge_authoring"},
			},
		},
		"agent_lead_update_agent_soul": {
			intent: "agent_knowledge_authoring", actor: boardLead, roles: leads,
			summary: "Write the character of an agent", description: "Replaces the text that shapes an agent of the lead's board.",
			when:    []string{"An agent keeps making a mistake that a standing instruction would prevent."},
			whenNot: []string{"It concerns one task: comment there.", "It concerns the whole board: write memory."},
			needs:   []string{"You lead the board.", "You have read the present text: what you send replaces all of it."},
			effects: []string{"The agent works by the new text from its next turn on."},
			never:   []string{"Do not remove limits that people have set."},
			routing: []string{"502: the text is kept, but its gateway has not got it; repeat later."},
			examples: []decision{
				{"make a worker always add tests", boardLead, "agent_knowledge_authoring"},
				{"ask for tests in one task", boardLead, "agent_task_comment_create"},
			},
		},
	}
}
