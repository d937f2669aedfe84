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

		get(v1+"/boards/{board_id}/tasks", a.boardReader, a.listTasks, tagged("tasks"), about("List tasks", "The newest first.")),
		stream(v1+"/boards/{board_id}/tasks/stream", a.boardReader, a.streamTasks, tagged("tasks"), about("Follow tasks", "Server-sent events named task.")),
		post(v1+"/boards/{board_id}/tasks", a.boardWriter, a.createTask, tagged("tasks"), forUsers(), about("Create a task", "")),
		patch(v1+"/boards/{board_id}/tasks/{task_id}", a.boardWriter, a.updateTask, tagged("tasks"), about("Change a task", "Absent fields stay as they are.")),
		del(v1+"/boards/{board_id}/tasks/{task_id}", a.boardWriter, a.deleteTask, tagged("tasks"), about("Delete a task", "")),

		get(v1+"/boards/{board_id}/memory", a.boardReader, a.listBoardMemory, tagged("board-memory"), about("List memory", "The newest first.")),
		stream(v1+"/boards/{board_id}/memory/stream", a.boardReader, a.streamBoardMemory, tagged("board-memory"), about("Follow memory", "Server-sent events named memory.")),
		post(v1+"/boards/{board_id}/memory", a.boardWriter, a.createBoardMemory, tagged("board-memory"), about("Write into memory", "")),
	}
}
