package httpapi

import (
	"fmt"

	"github.com/google/uuid"
)

// groupPermissions is the part of the permission matrix about groups of boards,
// and about changes of boards.
func groupPermissions() map[string][]row {
	const group, board = v1 + "/board-groups/{group_id}", v1 + "/boards/{board_id}"
	made := map[*tenant]string{}
	full := func(x *tenant) string { // a group with the tenant's board
		if made[x] == "" {
			made[x] = x.newGroup("group")
			x.moves(x.board, made[x])
		}
		return made[x]
	}
	empty := func(x *tenant) string { return x.newGroup(uuid.NewString()) }
	unknown := func(*tenant) string { return uuid.NewString() }
	of := func(pattern string, id func(x *tenant) string) func(*tenant, string) string {
		return func(x *tenant, _ string) string { return x.at(pattern, "{group_id}", id(x)) }
	}
	grouped := func(pattern string) func(*tenant, string) string {
		return func(x *tenant, _ string) string { full(x); return x.at(pattern) }
	}
	// fresh is a board that members may reach as they may reach the tenant's.
	fresh := func(x *tenant, kind string) string {
		id := x.newBoard(uuid.NewString())
		if kind == "Mw" || kind == "Mr" {
			x.must("Ow", "PUT", v1+"/organizations/me/members/"+x.member[kind]+"/access", fmt.Sprintf(
				`{"board_access":[{"board_id":"%s","can_write":%v},{"board_id":"%s","can_write":%[2]v}]}`, x.board, kind == "Mw", id))
		}
		return v1 + "/boards/" + id
	}
	// passing is a group with a board, for the caller to end.
	passing := func(x *tenant, _ string) string {
		id := x.newGroup(uuid.NewString())
		x.moves(x.newBoard(uuid.NewString()), id)
		return v1 + "/board-groups/" + id
	}
	const (
		write, read          = "+ + B + B B N 1 1 1 1 1", "+ + B + + B N + + 3 + 1"
		reads, readsEmpty    = "+ + 3 + + 3 3 1 1 1 1 1", "+ + + 3 3 3 3 1 1 1 1 1"
		admins, adminUnknown = "+ + 3 3 3 3 3 1 1 1 1 1", "4 4 4 3 3 3 4 1 1 1 1 1"
		nobodys              = "4 4 4 4 4 4 4 1 1 1 1 1"
	)
	note, beat := body(`{"content":"a note"}`), body(`{"every":"5m"}`)
	rows := map[string][]row{
		"PATCH " + board:                        {{cells: write, body: body(`{}`)}},
		"DELETE " + board:                       {{cells: write, path: fresh}},
		"GET " + board + "/group-snapshot":      {{cells: read, path: grouped(board + "/group-snapshot")}},
		"GET " + board + "/group-memory":        {{cells: read, path: grouped(board + "/group-memory")}},
		"GET " + board + "/group-memory/stream": {{cells: read, path: grouped(board + "/group-memory/stream")}},
		"POST " + board + "/group-memory":       {{cells: "+ + B + B B N + + 3 + 1", path: grouped(board + "/group-memory"), body: note}},

		"GET " + v1 + "/board-groups":  {{cells: forMembers}},
		"POST " + v1 + "/board-groups": {{cells: forAdmins, body: body(`{"name":"n","slug":"s"}`)}},
		"PATCH " + group: {
			{cells: admins, path: of(group, full), body: body(`{}`)},
			{name: "empty", cells: readsEmpty, path: of(group, empty), body: body(`{}`)},
			{name: "unknown", cells: adminUnknown, path: of(group, unknown), body: body(`{}`)},
		},
		"DELETE " + group: {
			{cells: admins, path: passing},
			{name: "empty", cells: readsEmpty, path: of(group, empty)},
			{name: "unknown", cells: adminUnknown, path: of(group, unknown)},
		},
		"POST " + group + "/heartbeat": {
			{cells: "+ + 3 3 3 3 3 + 3 3 3 1", path: of(group+"/heartbeat", full), body: beat},
			{name: "empty", cells: "+ + + 3 3 3 3 3 3 3 3 1", path: of(group+"/heartbeat", empty), body: beat},
			{name: "unknown", cells: "4 4 4 4 4 4 4 4 4 4 4 1", path: of(group+"/heartbeat", unknown), body: beat},
		},
		"POST " + group + "/memory": {
			{cells: "+ + 3 + 3 3 3 1 1 1 1 1", path: of(group+"/memory", full), body: note},
			{name: "empty", cells: readsEmpty, path: of(group+"/memory", empty), body: note},
			{name: "unknown", cells: nobodys, path: of(group+"/memory", unknown), body: note},
		},
	}
	for _, below := range []string{"", "/snapshot", "/memory", "/memory/stream"} {
		rows["GET "+group+below] = []row{
			{cells: reads, path: of(group+below, full)},
			{name: "empty", cells: readsEmpty, path: of(group+below, empty)},
			{name: "unknown", cells: nobodys, path: of(group+below, unknown)},
		}
	}
	return rows
}
