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
			memory.Create{Note: memory.Note{Content: "x", PersonName: ada, FallbackName: "User"}},
			memory.Created{Text: memory.Text{Content: "x"}},
		},
		"a note keeps its source, an empty one too": {
			memory.Create{Note: memory.Note{Content: "x", Tags: []string{"a"}, Source: &empty, PersonName: ada}},
			memory.Created{Text: memory.Text{Content: "x", Tags: []string{"a"}, Source: &empty}},
		},
		"chat keeps the source it was given": {
			memory.Create{Note: memory.Note{Content: "x", Tags: []string{"chat"}, Source: &me, PersonName: ada}},
			memory.Created{Text: memory.Text{Content: "x", Tags: []string{"chat"}, Source: &me, IsChat: true}},
		},
		"chat without source is signed by its author": {
			memory.Create{Note: memory.Note{Content: "x", Tags: []string{"a", "chat"}, PersonName: ada, FallbackName: "User"}},
			memory.Created{Text: memory.Text{Content: "x", Tags: []string{"a", "chat"}, SourceName: ada, IsChat: true}},
		},
		"an empty source of chat counts as none": {
			memory.Create{Note: memory.Note{Content: "x", Tags: []string{"chat"}, Source: &empty, PersonName: ada}},
			memory.Created{Text: memory.Text{Content: "x", Tags: []string{"chat"}, SourceName: ada, IsChat: true}},
		},
		"an author without name gets the usual one": {
			memory.Create{Note: memory.Note{Content: "x", Tags: []string{"chat"}, FallbackName: user}},
			memory.Created{Text: memory.Text{Content: "x", Tags: []string{"chat"}, Source: &user, IsChat: true}},
		},
		"the tag counts as it is written": {
			memory.Create{Note: memory.Note{Content: "x", Tags: []string{"Chat", "chat "}, PersonName: ada}},
			memory.Created{Text: memory.Text{Content: "x", Tags: []string{"Chat", "chat "}}},
		},
		"no tags and none at all differ": {
			memory.Create{Note: memory.Note{Content: "x", Tags: []string{}}},
			memory.Created{Text: memory.Text{Content: "x", Tags: []string{}}},
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

func TestShare(t *testing.T) {
	t.Parallel()
	ada := domain.Plain(uuid.New(), "Ada")
	me, empty := "me", ""
	for name, c := range map[string]struct {
		note memory.Note
		want memory.Text
	}{
		"a note without source has none": {
			memory.Note{Content: "x", PersonName: ada},
			memory.Text{Content: "x"},
		},
		"chat is signed by its author": {
			memory.Note{Content: "x", Tags: []string{"chat"}, Source: &empty, PersonName: ada},
			memory.Text{Content: "x", Tags: []string{"chat"}, SourceName: ada, IsChat: true},
		},
		"a broadcast is signed, and no chat": {
			memory.Note{Content: "x", Tags: []string{"broadcast"}, PersonName: ada},
			memory.Text{Content: "x", Tags: []string{"broadcast"}, SourceName: ada},
		},
		"what calls all is signed": {
			memory.Note{Content: "Stop, @All!", FallbackName: "Lena"},
			memory.Text{Content: "Stop, @All!", Source: new("Lena")},
		},
		"what calls somebody whose name begins so is not": {
			memory.Note{Content: "@allison @all-hands @all_", FallbackName: "Lena"},
			memory.Text{Content: "@allison @all-hands @all_"},
		},
		"a source is kept": {
			memory.Note{Content: "x @all", Source: &me, PersonName: ada},
			memory.Text{Content: "x @all", Source: &me},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := memories.Given(t).When(memory.Share{BoardGroupID: domaintest.Org, Note: c.note}).
				Then(memory.Shared{BoardGroupID: domaintest.Org, Text: c.want}).State()
			if s.ID != domaintest.Stream || s.BoardGroupID != domaintest.Org || s.BoardID != uuid.Nil || s.CreatedAt != domaintest.Began {
				t.Errorf("%+v", s)
			}
		})
	}
	memories.Given(t, memory.Shared{}).When(memory.Share{}).ThenRefused(domain.Conflict)
	memories.Given(t, memory.Shared{}).When(memory.Create{}).ThenRefused(domain.Conflict)
}

func commands() *rapid.Generator[domain.Command[memory.Memory, memory.Event]] {
	return rapid.Custom(func(t *rapid.T) domain.Command[memory.Memory, memory.Event] {
		text := domaintest.Texts()
		c := memory.Note{
			Content: rapid.OneOf(text, rapid.Just("@all")).Draw(t, "content"),
			Source:  domaintest.OrNil(text).Draw(t, "source"), FallbackName: text.Draw(t, "fallback"),
		}
		if rapid.Bool().Draw(t, "tagged") {
			c.Tags = rapid.SliceOfN(text, 0, 3).Draw(t, "tags")
		}
		if rapid.Bool().Draw(t, "named") {
			c.PersonName = domaintest.People().Draw(t, "name")
		}
		if rapid.Bool().Draw(t, "shared") {
			return memory.Share{BoardGroupID: domaintest.IDs().Draw(t, "group"), Note: c}
		}
		return memory.Create{BoardID: domaintest.IDs().Draw(t, "board"), Note: c}
	})
}

func TestAnySequence(t *testing.T) {
	t.Parallel()
	memories.Property(t, commands())
}
