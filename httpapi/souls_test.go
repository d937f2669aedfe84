package httpapi

import (
	"testing"
)

// TestSouls: a lead rewrites what shapes its workers; they, and people, read it.
func TestSouls(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	soul := v1 + "/agent/boards/" + x.board + "/agents/" + x.agent["Wo"] + "/soul"
	if got := x.must("Wo", "GET", soul, ""); got.body != `"acme soul"` {
		t.Error(got.body)
	}
	for body, want := range map[string]string{
		`{"content":" \n "}`:   "content is required",
		`{"content":""}`:       "content is required",
		`{"reason":"because"}`: "Field required",
	} {
		if got := x.do("Le", "PUT", soul, body); got.status != 422 || (got.value0("detail") != want && got.text(t, "detail/0/msg") != want) {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if got := x.must("Le", "PUT", soul, `{"content":" Test first.\n","reason":"it forgot","source_url":"https://example.org"}`); got.value(t, "ok") != true {
		t.Error(got.body)
	}
	for _, kind := range []string{"Wo", "Le"} {
		if got := x.must(kind, "GET", soul, ""); got.body != `"Test first."` {
			t.Errorf("%s: %s", kind, got.body)
		}
	}
	if got := x.must("Ow", "GET", v1+"/agents/"+x.agent["Wo"], ""); got.text(t, "soul_template") != "Test first." {
		t.Error(got.body)
	}
	x.must("Ow", "PATCH", v1+"/agents/"+x.agent["Wo"], `{"soul_template":null}`)
	if got := x.must("Wo", "GET", soul, ""); got.body != `""` {
		t.Errorf("none: %s", got.body)
	}
}
