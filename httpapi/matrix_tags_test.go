package httpapi

import "github.com/google/uuid"

// labelPermissions is the part of the permission matrix about tags and custom
// fields.
func labelPermissions() map[string][]row {
	const tags, fields = v1 + "/tags", v1 + "/organizations/me/custom-fields"
	fresh := func(path, body string) func(x *tenant) string {
		return func(x *tenant) string {
			return x.must("Ow", "POST", path, x.at(body, "FRESH", uuid.NewString())).value0("id")
		}
	}
	tag := fresh(tags, `{"name":"FRESH"}`)
	field := fresh(fields, `{"field_key":"FRESH","board_ids":["{board_id}"]}`)
	of := func(path string, id func(x *tenant) string) func(*tenant, string) string {
		return func(x *tenant, _ string) string { return path + "/" + id(x) }
	}
	unknown := func(*tenant) string { return uuid.NewString() }
	named := func(text string) func(*tenant, string) string {
		return func(x *tenant, _ string) string { return x.at(text, "FRESH", uuid.NewString()) }
	}
	const forMembers3, forAdmins3 = "+ + + + + + 3 1 1 1 1 1", "+ + + 3 3 3 3 1 1 1 1 1"
	return map[string][]row{
		"GET " + tags:  {{cells: forMembers}},
		"POST " + tags: {{cells: forAdmins, body: named(`{"name":"FRESH"}`)}},
		"GET " + tags + "/{tag_id}": {
			{cells: forMembers3, path: of(tags, tag)},
			{name: "unknown", cells: "4 4 4 4 4 4 4 1 1 1 1 1", path: of(tags, unknown)},
		},
		"PATCH " + tags + "/{tag_id}": {
			{cells: forAdmins3, path: of(tags, tag), body: named(`{"name":"FRESH"}`)},
			{name: "unknown", cells: "4 4 4 3 3 3 4 1 1 1 1 1", path: of(tags, unknown), body: named(`{"name":"FRESH"}`)},
		},
		"DELETE " + tags + "/{tag_id}": {
			{cells: forAdmins3, path: of(tags, tag)},
			{name: "unknown", cells: "4 4 4 3 3 3 4 1 1 1 1 1", path: of(tags, unknown)},
		},

		"GET " + fields:  {{cells: forMembers}},
		"POST " + fields: {{cells: "+ + + 3 3 3 I 1 1 1 1 1", body: named(`{"field_key":"FRESH","board_ids":["{board_id}"]}`)}},
		"PATCH " + fields + "/{task_custom_field_definition_id}":  {{cells: forAdmins4, path: of(fields, field), body: named(`{"label":"FRESH"}`)}},
		"DELETE " + fields + "/{task_custom_field_definition_id}": {{cells: forAdmins4, path: of(fields, field)}},
	}
}
