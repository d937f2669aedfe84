package comment_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/comment"
	"missioncontrol/domain/domaintest"
)

var (
	comments = domaintest.Aggregate[comment.Comment, comment.Event]{Events: comment.Events}
	agent    = uuid.MustParse("00000000-0000-4000-8000-0000000000a9")
	said     = comment.Created{BoardID: domaintest.Org, TaskID: domaintest.Org, Message: "Well done", AgentID: &agent}
)

func TestCreate(t *testing.T) {
	t.Parallel()
	comments.Given(t).When(comment.Create{Created: said}).Then(said)
	comments.Given(t, said).When(comment.Create{Created: said}).ThenRefused(domain.Conflict)
	comments.Given(t).When(comment.Create{Created: said, IsLead: true}).ThenRefused(domain.Forbidden)
	for _, part := range []comment.Create{{InReview: true}, {Mentioned: true}, {CreatedTask: true}} {
		part.Created, part.IsLead = said, true
		comments.Given(t).When(part).Then(said)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                             "",
		"@Wally please":                "wally",
		"ask @wally-2 and @LEAD, both": "lead wally-2",
		"mail ada@example.org":         "example",
		"@1st @_x @ x @":               "",
		"@éa":                          "",
		"@aé_b-c.d":                    "aé_b-c",
		"@@wally":                      "wally",
		"@" + strings.Repeat("a", 40):  strings.Repeat("a", 32),
	} {
		if got := strings.Join(slices.Sorted(maps.Keys(comment.Tokens(text))), " "); got != want {
			t.Errorf("%q mentions %q, want %q", text, got, want)
		}
	}
}

func TestMentions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		who  comment.Agent
		want bool
	}{
		{"@wally", comment.Agent{Name: " Wally Worker "}, true},
		{"@worker", comment.Agent{Name: "Wally Worker"}, false},
		{"@lead", comment.Agent{Name: "Ada", IsLead: true}, true},
		{"@lead", comment.Agent{Name: "Lead"}, false},
		{"@lead", comment.Agent{Name: "Lead Engineer"}, false},
		{"@nobody", comment.Agent{Name: "Wally", IsLead: true}, false},
		{"@x", comment.Agent{Name: ""}, false},
	} {
		if got := comment.Mentions(comment.Tokens(c.text), c.who); got != c.want {
			t.Errorf("%q means %+v: %v", c.text, c.who, got)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("@a @b")
	f.Fuzz(func(t *testing.T, text string) {
		for token := range comment.Tokens(text) {
			if n := len([]rune(token)); n < 1 || n > 64 { // lower case may take more characters
				t.Errorf("%q", token)
			}
		}
	})
}
