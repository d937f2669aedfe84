package memory_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/domaintest"
	"missioncontrol/domain/memory"
)

var memories = domaintest.Aggregate[memory.Memory, memory.Event]{Events: memory.Events}

func TestCreate(t *testing.T) {
	t.Parallel()
	ada := domain.Plain(uuid.New(), "Ada")
	me, empty, user := "me", "", "User"
	for name, c := range map[string]struct {
		cmd  memory.Create
		want memory.Created
	}{
		"a note without source has none": {
			memory.Create{Content: "x", PersonName: ada, FallbackName: "User"},
			memory.Created{Content: "x"},
		},
		"a note keeps its source, an empty one too": {
			memory.Create{Content: "x", Tags: []string{"a"}, Source: &empty, PersonName: ada},
			memory.Created{Content: "x", Tags: []string{"a"}, Source: &empty},
		},
		"chat keeps the source it was given": {
			memory.Create{Content: "x", Tags: []string{"chat"}, Source: &me, PersonName: ada},
			memory.Created{Content: "x", Tags: []string{"chat"}, Source: &me, IsChat: true},
		},
		"chat without source is signed by its author": {
			memory.Create{Content: "x", Tags: []string{"a", "chat"}, PersonName: ada, FallbackName: "User"},
			memory.Created{Content: "x", Tags: []string{"a", "chat"}, SourceName: ada, IsChat: true},
		},
		"an empty source of chat counts as none": {
			memory.Create{Content: "x", Tags: []string{"chat"}, Source: &empty, PersonName: ada},
			memory.Created{Content: "x", Tags: []string{"chat"}, SourceName: ada, IsChat: true},
		},
		"an author without name gets the usual one": {
			memory.Create{Content: "x", Tags: []string{"chat"}, FallbackName: user},
			memory.Created{Content: "x", Tags: []string{"chat"}, Source: &user, IsChat: true},
		},
		"the tag counts as it is written": {
			memory.Create{Content: "x", Tags: []string{"Chat", "chat "}, PersonName: ada},
			memory.Created{Content: "x", Tags: []string{"Chat", "chat "}},
		},
		"no tags and none at all differ": {
			memory.Create{Content: "x", Tags: []string{}},
			memory.Created{Content: "x", Tags: []string{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.cmd.BoardID, c.want.BoardID = domaintest.Org, domaintest.Org
			s := memories.Given(t).When(c.cmd).Then(c.want).State()
			if s.ID != domaintest.Stream || s.BoardID != domaintest.Org || s.CreatedAt != domaintest.Began {
				t.Errorf("%+v", s)
			}
			if s.SourceName.Text != "" || (s.SourceName.Sealed != "") != !c.want.SourceName.IsZero() {
				t.Errorf("source name %+v", s.SourceName)
			}
		})
	}
	memories.Given(t, memory.Created{}).When(memory.Create{}).ThenRefused(domain.Conflict)
}

func commands() *rapid.Generator[domain.Command[memory.Memory, memory.Event]] {
	return rapid.Custom(func(t *rapid.T) domain.Command[memory.Memory, memory.Event] {
		text := domaintest.Texts()
		c := memory.Create{
			BoardID: domaintest.IDs().Draw(t, "board"), Content: text.Draw(t, "content"),
			Source: domaintest.OrNil(text).Draw(t, "source"), FallbackName: text.Draw(t, "fallback"),
		}
		if rapid.Bool().Draw(t, "tagged") {
			c.Tags = rapid.SliceOfN(text, 0, 3).Draw(t, "tags")
		}
		if rapid.Bool().Draw(t, "named") {
			c.PersonName = domaintest.People().Draw(t, "name")
		}
		return c
	})
}

func TestAnySequence(t *testing.T) {
	t.Parallel()
	memories.Property(t, commands())
}
