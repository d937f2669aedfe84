package httpapi

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"missioncontrol/projections"
)

// flawOf is the message of the only fault of a 422, with the place.
func flawOf(t *testing.T, a answer) string {
	t.Helper()
	if a.status != 422 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	detail, isList := a.value(t, "detail").([]any)
	if !isList {
		return "detail: " + a.text(t, "detail")
	}
	var place []string
	loc, _ := detail[0].(map[string]any)["loc"].([]any)
	for _, step := range loc {
		place = append(place, step.(string))
	}
	msg, _ := detail[0].(map[string]any)["msg"].(string)
	return strings.Join(place, ".") + ": " + strings.TrimPrefix(msg, "Value error, ")
}

func TestTags(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	path := v1 + "/tags"
	made := s.must("POST", path, `{"name":"  Front End  ","color":"  #FF8800 ","slug":null}`)
	if made.text(t, "name") != "Front End" || made.text(t, "slug") != "front-end" || made.text(t, "color") != "ff8800" || made.value(t, "description") != nil {
		t.Error(made.body)
	}
	one := path + "/" + made.text(t, "id")
	for body, want := range map[string]string{
		`{"name":"x","color":""}`:      "body.color: color is required",
		`{"name":"x","color":" # "}`:   "body.color: color is required",
		`{"name":"x","color":"12345"}`: "body.color: color must be a 6-digit hex value",
		`{"name":"x","color":null}`:    "body.color: Input should be a valid string",
		`{"name":""}`:                  "body.name: String should have at least 1 character",
		`{}`:                           "body.name: Field required",
	} {
		if got := flawOf(t, s.do("POST", path, body)); got != want {
			t.Errorf("POST %s: %s, want %s", body, got, want)
		}
	}
	for body, want := range map[string]string{
		`{}`:             "body: At least one field is required",
		`{"other":1}`:    "body: At least one field is required",
		`{"color":""}`:   "body.color: color must be a 6-digit hex value",
		`{"color":null}`: "body: color must be a 6-digit hex value",
		`{"name":null}`:  "body: name is required",
		`{"name":" "}`:   "body.name: String should have at least 1 character",
	} {
		if got := flawOf(t, s.do("PATCH", one, body)); got != want {
			t.Errorf("PATCH %s: %s, want %s", body, got, want)
		}
	}
	if a := s.must("PATCH", one, `{"slug":"U I","description":"d"}`); a.text(t, "slug") != "u-i" || a.text(t, "description") != "d" {
		t.Error(a.body)
	}
	if a := s.must("PATCH", one, `{"name":"Back","description":null}`); a.text(t, "slug") != "u-i" || a.value(t, "description") != nil {
		t.Error(a.body)
	}
	if a := s.must("PATCH", one, `{"slug":null}`); a.text(t, "slug") != "back" {
		t.Error(a.body)
	}
	two := path + "/" + s.must("POST", path, `{"name":"Other"}`).text(t, "id")
	for _, a := range []answer{s.do("POST", path, `{"name":"BACK!"}`), s.do("PATCH", two, `{"slug":"Back"}`)} {
		if a.status != 409 || a.text(t, "detail") != "Tag slug already exists in this organization." {
			t.Error(a.status, a.body)
		}
	}
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		if a := s.do(method, one, `{"name":"x"}`, as("outsider")); a.status != 403 || a.text(t, "detail") != "Forbidden" {
			t.Errorf("%s by another organization: %d %s", method, a.status, a.body)
		}
	}
	for range 3 {
		s.must("GET", path, "")
	}
	if asked := s.sql.during(func() { s.must("GET", path, "") }); len(asked) > 3 {
		t.Errorf("a list costs %d statements: %q", len(asked), asked)
	}
	if a := s.must("DELETE", one, ""); a.value(t, "ok") != true {
		t.Error(a.body)
	}
	if a := s.do("GET", one, ""); a.status != 404 {
		t.Error(a.status, a.body)
	}
}

// TestCatalogOnTheTaskStream: whoever follows the tasks of a board hears what
// those can carry now.
func TestCatalogOnTheTaskStream(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	tag := v1 + "/tags/" + s.must("POST", v1+"/tags", `{"name":"x"}`).text(t, "id")
	s.must("PATCH", tag, `{"name":"y"}`)
	id := board[strings.LastIndexByte(board, '/')+1:]
	s.must("POST", v1+"/organizations/me/custom-fields", `{"field_key":"k","board_ids":["`+id+`"]}`)
	s.task(board, "last")
	s.must("DELETE", tag, "")
	rows, err := s.db.Query(t.Context(), `select convert_from(payload, 'utf8') from feed order by seq`)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for rows.Next() {
		var payload string
		if err := rows.Scan(&payload); err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(payload, `"type":"`)
		name, _, _ := strings.Cut(rest, `"`)
		types = append(types, name)
	}
	if got := strings.Join(types, " "); got != "tag.created tag.updated field.created task.created tag.deleted" {
		t.Error(got)
	}
}

// TestTagRefsAreRemembered: cards show tags without asking the database, and
// what changes is asked for again, together.
func TestTagRefsAreRemembered(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	var ids []uuid.UUID
	var paths []string
	for _, name := range []string{"a", "b", "c"} {
		id := s.must("POST", v1+"/tags", `{"name":"`+name+`"}`).text(t, "id")
		ids, paths = append(ids, uuid.MustParse(id)), append(paths, v1+"/tags/"+id)
	}
	org := uuid.MustParse(s.must("GET", paths[0], "").text(t, "organization_id"))
	names := func() (all string) {
		refs, missing, err := projections.Tags{Reader: s.Read}.Refs(t.Context(), nil, org, ids)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range refs {
			all += r.Name
		}
		return all + strings.Repeat("-", len(missing))
	}
	expect := func(want string, statements int) {
		t.Helper()
		got := ""
		if asked := s.sql.during(func() { got = names() }); got != want || len(asked) != statements {
			t.Errorf("%s with %d statements, want %s with %d", got, len(asked), want, statements)
		}
	}
	expect("abc", 1)
	expect("abc", 0)
	s.must("PATCH", paths[1], `{"name":"B"}`)
	s.must("DELETE", paths[2], "")
	expect("aB-", 1)
	expect("aB-", 0)
}
