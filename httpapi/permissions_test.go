package httpapi

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// TestGoldenPermissions keeps docs/permissions.md in step with the table of
// routes: whoever adds one, or opens one to others, sees it in the diff of that
// page.
func TestGoldenPermissions(t *testing.T) {
	t.Parallel()
	const page = "../docs/permissions.md"
	want := permissionsPage(new(API).routes())
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(strings.Split(string(got), "\n"), strings.Split(want, "\n")); diff != "" {
		t.Errorf("docs/permissions.md is not what the routes say; if that is wanted, run make golden and review the diff (-page +routes)\n%s", diff)
	}
}

func permissionsPage(routes []route) string {
	var b strings.Builder
	b.WriteString(`# Permissions

Who may call which route, and what it answers to others. Generated from the
table of routes (` + "`httpapi/routes.go`" + `) and its rules (` + "`httpapi/rule_table.go`" + `) by
a test; ` + "`make golden`" + ` writes it again. Each operation in ` + "`/openapi.json`" + ` says the same
in ` + "`x-permissions`, `x-rate-limit`" + ` and its responses.

A rule is asked before the values of a request are judged, and again, for
commands, in the decision itself: who loses a right meanwhile is refused. Every
route can answer 400, 408, 413, 431, 500 and 503 beside what is listed, and 422
when it takes values and they are wrong. ` + "`/openapi.json`, `/docs` and `/redoc`" + ` are
for everybody and hold nothing of anybody.
`)
	var rules []rule
	byRule := map[string][]route{}
	for _, rt := range routes {
		if byRule[rt.rule.name] == nil {
			rules = append(rules, rt.rule)
		}
		byRule[rt.rule.name] = append(byRule[rt.rule.name], rt)
	}
	for _, r := range rules {
		fmt.Fprintf(&b, "\n## %s\n\nFor %s.%s\n\n| Route | Also answers |\n| --- | --- |\n", r.name, r.says, others(r))
		for _, rt := range byRule[r.name] {
			fmt.Fprintf(&b, "| `%s %s` | %s |\n", rt.method, rt.pattern, answers(rt.docs.refuses))
		}
	}
	return b.String()
}

func others(r rule) string {
	refusals := r.refusals()
	if len(refusals) == 0 {
		return ""
	}
	return " Others get " + answers(refusals) + "."
}

// answers lists statuses, in order, with what each stands for.
func answers(refusals []refusal) string {
	texts := map[int][]string{}
	var statuses []int
	for _, r := range refusals {
		if texts[r.status] == nil {
			statuses = append(statuses, r.status)
		}
		texts[r.status] = append(texts[r.status], r.says)
	}
	slices.SortStableFunc(statuses, func(a, b int) int { return cmp.Compare(a, b) })
	parts := make([]string, len(statuses))
	for i, status := range statuses {
		parts[i] = fmt.Sprintf("%d (%s)", status, strings.Join(texts[status], "; "))
	}
	return strings.Join(parts, ", ")
}
