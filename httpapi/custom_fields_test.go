package httpapi

import (
	"strings"
	"testing"
)

func TestCustomFields(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	path := v1 + "/organizations/me/custom-fields"
	board := s.board()
	id := board[strings.LastIndexByte(board, '/')+1:]
	on := func(rest string) string {
		return strings.TrimSuffix(`{`+rest, ",") + `,"board_ids":["` + id + `","` + id + `"]}`
	}

	made := s.must("POST", path, on(`"field_key":" Effort ","label":null,"field_type":" Decimal ","ui_visibility":"If Set","validation_regex":"  ","default_value":80.0`))
	if !strings.Contains(made.body, `"default_value":80.0,`) || made.text(t, "field_key") != "Effort" || made.text(t, "label") != "Effort" ||
		made.text(t, "field_type") != "decimal" || made.text(t, "ui_visibility") != "if_set" || made.value(t, "validation_regex") != nil ||
		len(made.value(t, "board_ids").([]any)) != 1 {
		t.Error(made.body)
	}
	one := path + "/" + made.text(t, "id")
	for rest, want := range map[string]string{
		`"field_key":"x","label":"  "`:                                   "body.label: label is required",
		`"field_key":" "`:                                                "body.field_key: String should have at least 1 character",
		`"field_key":"x","field_type":"money"`:                           "body.field_type: field_type must be one of: text, text_long, integer, decimal, boolean, date, date_time, url, json",
		`"field_key":"x","ui_visibility":"never"`:                        "body.ui_visibility: ui_visibility must be one of: always, if_set, hidden",
		`"field_key":"x","validation_regex":"(a"`:                        "body.validation_regex: validation_regex is invalid: missing ), unterminated subpattern at position 0",
		`"field_key":"x","field_type":"json","validation_regex":"a"`:     "body: validation_regex is only supported for string field types.",
		`"field_key":"x","field_type":"true/false","default_value":1`:    "detail: must be true or false",
		`"field_key":"x","validation_regex":"a+","default_value":"b"`:    "detail: does not match validation_regex",
		`"field_key":"x","field_type":"url","default_value":"ftp://a"`:   "detail: must be a valid http/https URL",
		`"field_key":"x","field_type":"date","default_value":"1.2.2026"`: "detail: must be an ISO date string (YYYY-MM-DD)",
	} {
		if got := flawOf(t, s.do("POST", path, on(rest))); got != want {
			t.Errorf("POST %s: %s, want %s", rest, got, want)
		}
	}
	if a := s.do("POST", path, on(`"field_key":"Effort"`)); a.status != 409 || a.text(t, "detail") != "Field key already exists in this organization." {
		t.Error(a.status, a.body)
	}
	for body, want := range map[string]string{
		`{}`:                                "body: At least one field is required",
		`{"field_key":null}`:                "body: field_key cannot be changed after creation.",
		`{"label":null}`:                    "body: label cannot be null; omit the field to leave it unchanged",
		`{"required":null,"label":null}`:    "body: label, required cannot be null; omit the field to leave it unchanged",
		`{"board_ids":[]}`:                  "body.board_ids: board_ids must include at least one board",
		`{"field_type":"integer"}`:          "detail: must be an integer",
		`{"validation_regex":"a"}`:          "detail: validation_regex is only supported for string field types.",
		`{"label":" "}`:                     "body.label: label is required",
		`{"default_value":"x"}`:             "detail: must be a decimal number",
		`{"field_type":"x","required":"?"}`: "body.field_type: field_type must be one of: text, text_long, integer, decimal, boolean, date, date_time, url, json",
	} {
		if got := flawOf(t, s.do("PATCH", one, body)); got != want {
			t.Errorf("PATCH %s: %s, want %s", body, got, want)
		}
	}
	if a := s.must("PATCH", one, `{"board_ids":null,"default_value":null,"field_type":"long_text","validation_regex":"(?=a).*","required":true}`); !strings.Contains(a.body, `"default_value":null`) ||
		a.text(t, "field_type") != "text_long" || a.text(t, "validation_regex") != "(?=a).*" || a.value(t, "required") != true || len(a.value(t, "board_ids").([]any)) != 1 {
		t.Error(a.body)
	}
	if a := s.must("PATCH", one, `{"validation_regex":" ","description":"d"}`); a.value(t, "validation_regex") != nil || a.text(t, "description") != "d" {
		t.Error(a.body)
	}

	s.must("POST", path, on(`"field_key":"b","label":"beta"`))
	s.must("POST", path, on(`"field_key":"a","label":"Alpha"`))
	list := s.must("GET", path, "")
	for i, want := range []string{"Alpha", "beta", "Effort"} {
		if got := list.text(t, string(rune('0'+i))+"/label"); got != want {
			t.Errorf("item %d is %s", i, got)
		}
	}
	for range 3 {
		s.must("GET", path, "")
	}
	if asked := s.sql.during(func() { s.must("GET", path, "") }); len(asked) > 2 {
		t.Errorf("a list costs %d statements: %q", len(asked), asked)
	}
	for _, method := range []string{"PATCH", "DELETE"} {
		if a := s.do(method, one, `{"label":"x"}`, as("outsider")); a.status != 404 {
			t.Errorf("%s by another organization: %d %s", method, a.status, a.body)
		}
	}
	if a := s.do("POST", path, on(`"field_key":"x"`), as("outsider")); a.status != 422 || !strings.Contains(a.body, `"invalid_board_ids":["`+id+`"]`) {
		t.Errorf("a board of others: %d %s", a.status, a.body)
	}
	if a := s.must("DELETE", one, ""); a.value(t, "ok") != true {
		t.Error(a.body)
	}
	if a := s.do("DELETE", one, ""); a.status != 404 {
		t.Error(a.status, a.body)
	}
}
