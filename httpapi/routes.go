package httpapi

// routes is the whole API: what is asked, who may ask, who answers.
func (a *API) routes() []route {
	const v1 = "/api/v1"
	return []route{
		get("/health", public, a.health, tagged("health"), about("Liveness", "Answers while the process runs.")),
		get("/healthz", public, a.healthz, tagged("health"), about("Liveness", "Answers while the process runs.")),
		get("/readyz", public, a.readyz, tagged("health"), about("Readiness", "Answers 503 while the database, the bus or this process's streams are behind.")),

		post(v1+"/auth/bootstrap", a.person, a.bootstrapUser, tagged("auth"), forUsers(),
			about("Sign in", "Registers the caller at the first call, with an organization of its own.")),
		get(v1+"/users/me", a.person, a.getMe, tagged("users"), forUsers(), about("Who am I", "")),
		patch(v1+"/users/me", a.person, a.updateMe, tagged("users"), forUsers(), about("Change my profile", "Absent fields stay as they are.")),

		del(v1+"/users/me", a.person, a.deleteMe, tagged("users"), forUsers(),
			about("Delete my account", "Leaves every organization, ends those that have no other member, and erases everything personal.")),

		post(v1+"/organizations", a.person, a.createOrganization, tagged("organizations"), forUsers(), about("Found an organization", "")),
		get(v1+"/organizations/me/list", a.person, a.listMyOrganizations, tagged("organizations"), forUsers(), about("List my organizations", "By name.")),
		patch(v1+"/organizations/me/active", a.person, a.setActiveOrg, tagged("organizations"), forUsers(), about("Work in another organization", "")),
		get(v1+"/organizations/me", a.member, a.getMyOrg, tagged("organizations"), forUsers(), about("Get the active organization", "")),
		del(v1+"/organizations/me", a.member, a.deleteMyOrg, tagged("organizations"), forUsers(), about("Delete the active organization", "With everything in it; owners only.")),
		get(v1+"/organizations/me/member", a.member, a.getMyMembership, tagged("organizations"), forUsers(), about("Get my membership", "")),
		get(v1+"/organizations/me/members", a.member, a.listOrgMembers, tagged("organizations"), forUsers(), about("List members", "By email.")),
		get(v1+"/organizations/me/members/{member_id}", a.member, a.getOrgMember, tagged("organizations"), forUsers(), about("Get a member", "")),
		patch(v1+"/organizations/me/members/{member_id}", a.admin, a.updateOrgMember, tagged("organizations"), forUsers(), about("Change a member's role", "")),
		del(v1+"/organizations/me/members/{member_id}", a.admin, a.removeOrgMember, tagged("organizations"), forUsers(), about("Remove a member", "")),
		put(v1+"/organizations/me/members/{member_id}/access", a.admin, a.updateMemberAccess, tagged("organizations"), forUsers(), about("Change what a member may reach", "Replaces everything.")),
		get(v1+"/organizations/me/invites", a.admin, a.listOrgInvites, tagged("organizations"), forUsers(), about("List pending invites", "The newest first.")),
		post(v1+"/organizations/me/invites", a.admin, a.createOrgInvite, tagged("organizations"), forUsers(), about("Invite somebody", "No mail is sent: pass the token on.")),
		del(v1+"/organizations/me/invites/{invite_id}", a.admin, a.revokeOrgInvite, tagged("organizations"), forUsers(), about("Revoke a pending invite", "")),
		post(v1+"/organizations/invites/accept", a.person, a.acceptOrgInvite, tagged("organizations"), forUsers(), about("Accept an invite", "")),

		get(v1+"/boards", a.member, a.listBoards, tagged("boards"), forUsers(), about("List boards", "The boards of the active organization that the caller may read, by name.")),
		post(v1+"/boards", a.admin, a.createBoard, tagged("boards"), forUsers(), about("Create a board", "")),
		get(v1+"/boards/{board_id}", a.boardReader, a.getBoard, tagged("boards"), forUsers(), about("Get a board", "")),

		get(v1+"/boards/{board_id}/tasks", a.actorReader, a.listTasks, tagged("tasks"), about("List tasks", "The newest first.")),
		stream(v1+"/boards/{board_id}/tasks/stream", a.actorReader, a.streamTasks, tagged("tasks"), about("Follow tasks", "Server-sent events named task.")),
		post(v1+"/boards/{board_id}/tasks", a.boardWriter, a.createTask, tagged("tasks"), forUsers(), about("Create a task", "")),
		patch(v1+"/boards/{board_id}/tasks/{task_id}", a.actorWriter, a.updateTask, tagged("tasks"), about("Change a task", "Absent fields stay as they are.")),
		del(v1+"/boards/{board_id}/tasks/{task_id}", a.boardWriter, a.deleteTask, tagged("tasks"), about("Delete a task", "")),

		get(v1+"/boards/{board_id}/memory", a.actorReader, a.listBoardMemory, tagged("board-memory"), about("List memory", "The newest first.")),
		stream(v1+"/boards/{board_id}/memory/stream", a.actorReader, a.streamBoardMemory, tagged("board-memory"), about("Follow memory", "Server-sent events named memory.")),
		post(v1+"/boards/{board_id}/memory", a.actorWriter, a.createBoardMemory, tagged("board-memory"), about("Write into memory", "")),

		get(v1+"/agents", a.admin, a.listAgents, tagged("agents"), forUsers(), about("List agents", "The newest first.")),
		stream(v1+"/agents/stream", a.admin, a.streamAgents, tagged("agents"), forUsers(), about("Follow agents", "Server-sent events named agent.")),
		post(v1+"/agents", a.adminOrAgent, a.createAgent, tagged("agents"), about("Create an agent", "On a board without a gateway; it connects by itself, with a token.")),
		post(v1+"/agents/heartbeat", a.adminOrAgent, a.heartbeatOrCreateAgent, tagged("agents"), about("Give a sign of life by name", "Agents give their own; admins make the agent if there is none.")),
		get(v1+"/agents/{agent_id}", a.admin, a.getAgent, tagged("agents"), forUsers(), about("Get an agent", "")),
		patch(v1+"/agents/{agent_id}", a.admin, a.updateAgent, tagged("agents"), forUsers(), about("Change an agent", "Absent fields stay as they are.")),
		del(v1+"/agents/{agent_id}", a.admin, a.deleteAgent, tagged("agents"), forUsers(), about("Delete an agent", "Its tokens end at once, its tasks go back.")),
		post(v1+"/agents/{agent_id}/heartbeat", a.adminOrAgent, a.heartbeatAgent, tagged("agents"), about("Give a sign of life", "")),
		post(v1+"/agents/{agent_id}/tokens", a.admin, a.createAgentToken, tagged("agents"), forUsers(), about("Issue a token", "The only time that it is shown.")),
		get(v1+"/agents/{agent_id}/tokens", a.admin, a.listAgentTokens, tagged("agents"), forUsers(), about("List tokens", "Those in force, without what they open.")),
		del(v1+"/agents/{agent_id}/tokens/{token_id}", a.admin, a.deleteAgentToken, tagged("agents"), forUsers(), about("Revoke a token", "At once; streams opened with it end.")),

		get(v1+"/agent/healthz", a.agent, a.agentHealthz, tagged("agent")),
		get(v1+"/agent/boards", a.agent, a.listAgentBoards, handledBy("list_boards"), tagged("agent")),
		get(v1+"/agent/boards/{board_id}", a.agentOnBoard, a.getBoard, tagged("agent")),
		get(v1+"/agent/agents", a.agent, a.listBoardAgents, handledBy("list_agents"), tagged("agent")),
		post(v1+"/agent/agents", a.agent, a.leadCreateAgent, operation("agent_lead_create_agent"), tagged("agent")),
		get(v1+"/agent/boards/{board_id}/tasks", a.agentOnBoard, a.listTasks, tagged("agent")),
		post(v1+"/agent/boards/{board_id}/tasks", a.agentOnBoard, a.notYetForAgents, operation("agent_lead_create_task"), tagged("agent")),
		get(v1+"/agent/boards/{board_id}/memory", a.agentOnBoard, a.listBoardMemory, tagged("agent")),
		post(v1+"/agent/boards/{board_id}/memory", a.agentOnBoard, a.createBoardMemory, tagged("agent")),
		post(v1+"/agent/heartbeat", a.agent, a.agentHeartbeat, tagged("agent")),
		del(v1+"/agent/boards/{board_id}/agents/{agent_id}", a.agentOnBoard, a.leadDeleteAgent, operation("agent_lead_delete_board_agent"), tagged("agent")),
	}
}
