package httpapi

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// auditPermissions are the rows of what is proved about the log. Checkpoints
// and keys are for everybody who is known, entries for admins of their
// organization.
func auditPermissions() map[string][]row {
	const (
		proof   = v1 + "/audit/proof/{seq}"
		entry   = v1 + "/audit/events/{seq}/entry"
		forAll  = "+ + + + + + + + + + + 1"
		nobodys = "4 4 4 3 3 3 4 1 1 1 1 1"
	)
	ofTenant := func(pattern string) func(*tenant, string) string {
		return func(x *tenant, _ string) string { return x.at(pattern, "{seq}", fmt.Sprint(x.seq())) }
	}
	none := func(pattern string) func(*tenant, string) string {
		return func(x *tenant, _ string) string { return x.at(pattern, "{seq}", "1000000000") }
	}
	return map[string][]row{
		"GET /api/v1/audit/checkpoint":  {{cells: forAll}},
		"GET /api/v1/audit/keys":        {{cells: forAll}},
		"GET /api/v1/audit/consistency": {{cells: forAll, path: func(*tenant, string) string { return v1 + "/audit/consistency?from=1&to=1" }}},
		"GET " + proof:                  {{cells: forAdmins4, path: ofTenant(proof)}},
		"GET " + entry:                  {{cells: forAdmins4, path: ofTenant(entry)}, {name: "unknown", cells: nobodys, path: none(entry)}},
	}
}

// seq is the position of an entry of the tenant's organization.
func (x *tenant) seq() (seq int64) {
	x.n.t.Helper()
	if err := x.n.db.QueryRow(x.n.t.Context(), `select max(seq) from events where org = $1`, x.org).Scan(&seq); err != nil {
		x.n.t.Fatal(err)
	}
	return seq
}

// trailPermissions are the rows of the audit log.
func trailPermissions() map[string][]row {
	const events = v1 + "/audit/events"
	entry := func(x *tenant, _ string) string {
		position := x.says("Ow", x.board, x.task, "for the record")
		return events + "/" + position[strings.LastIndexByte(position, '-')+1:]
	}
	// An export of each tenant that no worker writes.
	exported := func(x *tenant, _ string) string {
		return exportsPath + "/" + x.must("Ow", "POST", exportsPath, "{}").text(x.n.t, "id")
	}
	return map[string][]row{
		"POST " + exportsPath:                      {{cells: forAdmins, body: body("{}")}},
		"GET " + exportsPath:                       {{cells: forAdmins}},
		"GET " + exportsPath + "/{export_id}":      {{cells: forAdmins4, path: exported}},
		"GET " + exportsPath + "/{export_id}/file": {{cells: "4 4 4 3 3 3 4 1 1 1 1 1", path: func(*tenant, string) string { return exportsPath + "/" + uuid.NewString() + "/file" }}},
		"GET " + events:                            {{cells: forAdmins}},
		"GET " + v1 + "/audit/replay":              {{cells: forAdmins, path: func(*tenant, string) string { return v1 + "/audit/replay?to=1" }}},
		"GET " + v1 + "/audit/diff": {
			{cells: forAdmins4, path: func(x *tenant, _ string) string { return v1 + "/audit/diff?from=1&board_id=" + x.board }},
			{name: "unknown", cells: "4 4 4 3 3 3 4 1 1 1 1 1", path: func(x *tenant, _ string) string { return v1 + "/audit/diff?from=1&board_id=" + x.task }},
		},
		"GET " + events + "/{seq}": {
			{cells: forAdmins4, path: entry},
			{name: "unknown", cells: "4 4 4 3 3 3 4 1 1 1 1 1", path: func(*tenant, string) string { return events + "/999999999" }},
		},
	}
}
