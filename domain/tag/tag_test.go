package tag_test

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/domaintest"
	"missioncontrol/domain/tag"
)

var (
	tags    = domaintest.Aggregate[tag.Tag, tag.Event]{Events: tag.Events}
	created = tag.Created{Name: "Front End", Slug: "front-end", Color: "ff8800"}
	create  = tag.Create{Name: "Front End", Color: "ff8800"}
	taken   = "Tag slug already exists in this organization."
)

func TestSlug(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Front End": "front-end", "  --A__b  c--": "a-b-c", "": "tag", "!!!": "tag", "Ünïcödé": "n-c-d", "x": "x", "C++ / C#": "c-c", "日本": "tag",
	} {
		if got := tag.Slug(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	form := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	rapid.Check(t, func(t *rapid.T) {
		slug := tag.Slug(rapid.String().Draw(t, "text"))
		if !form.MatchString(slug) || tag.Slug(slug) != slug {
			t.Fatalf("%q is no slug", slug)
		}
	})
}

func TestCreate(t *testing.T) {
	t.Parallel()
	s := tags.Given(t).When(create).Then(created).State()
	if !s.Exists() || s.ID != domaintest.Stream || s.OrganizationID != domaintest.Org || s.CreatedAt != s.UpdatedAt || s.Slug != "front-end" {
		t.Errorf("%+v", s)
	}
	hot, blank, text := "Hot!", "  ", "UI work"
	given := tag.Create{Name: "Urgent", Slug: &hot, Color: "9e9e9e", Description: &text}
	tags.Given(t).When(given).Then(tag.Created{Name: "Urgent", Slug: "hot", Color: "9e9e9e", Description: &text})
	given.Slug = &blank
	tags.Given(t).When(given).Then(tag.Created{Name: "Urgent", Slug: "urgent", Color: "9e9e9e", Description: &text})

	tags.Given(t, created).When(create).ThenRefused(domain.Conflict)
	again := create
	again.Taken = true
	tags.Given(t).When(again).ThenRefused(domain.Conflict, taken)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	tags.Given(t).When(tag.Update{}).ThenRefused(domain.NotFound, nil)
	tags.Given(t, created, tag.Deleted{Slug: "front-end"}).When(tag.Update{}).ThenRefused(domain.NotFound, nil)

	name, color := domain.Some("Back End"), domain.Some("000000")
	slugged := func(slug string, c tag.Update) tag.Event {
		return tag.Updated{Name: c.Name, Slug: domain.Some(slug), WasSlug: "front-end", Color: c.Color}
	}
	for subject, c := range map[string]struct {
		command tag.Update
		want    tag.Event
	}{
		"a new name keeps the slug":            {tag.Update{Name: name, Color: color}, tag.Updated{Name: name, Color: color}},
		"a slug is brought into form":          {tag.Update{Slug: domain.Some("A B")}, slugged("a-b", tag.Update{})},
		"null makes it of the new name":        {tag.Update{Name: name, Slug: domain.Null[string]()}, slugged("back-end", tag.Update{Name: name})},
		"blank does too":                       {tag.Update{Name: name, Slug: domain.Some(" ")}, slugged("back-end", tag.Update{Name: name})},
		"of the present name it is no change":  {tag.Update{Slug: domain.Null[string]()}, tag.Updated{}},
		"the slug that it has is its own":      {tag.Update{Slug: domain.Some("front-end"), Taken: true}, tag.Updated{}},
		"null takes the description away":      {tag.Update{Description: domain.Null[string]()}, tag.Updated{Description: domain.Null[string]()}},
		"nothing is a touch":                   {tag.Update{}, tag.Updated{}},
		"a slug that others have does not ask": {tag.Update{Name: name, Taken: true}, tag.Updated{Name: name}},
	} {
		t.Run(subject, func(t *testing.T) {
			h := tags.Given(t, created)
			s := h.When(c.command).Then(c.want).State()
			if !s.UpdatedAt.After(h.State().UpdatedAt) || s.Slug != c.command.NewSlug(h.State()) {
				t.Errorf("%+v", s)
			}
		})
	}
	tags.Given(t, created).When(tag.Update{Slug: domain.Some("hot"), Taken: true}).ThenRefused(domain.Conflict, taken)
}

func TestDelete(t *testing.T) {
	t.Parallel()
	tags.Given(t).When(tag.Delete{}).ThenRefused(domain.NotFound, nil)
	h := tags.Given(t, created, tag.Updated{Slug: domain.Some("ui"), WasSlug: "front-end"}).When(tag.Delete{}).Then(tag.Deleted{Slug: "ui"})
	h.When(tag.Delete{}).ThenRefused(domain.NotFound, nil)
	if h.State().Exists() {
		t.Error("it is still there")
	}
}

func TestAnySequence(t *testing.T) {
	t.Parallel()
	texts := domaintest.Texts()
	tags.Property(t, rapid.Custom(func(t *rapid.T) domain.Command[tag.Tag, tag.Event] {
		switch rapid.IntRange(0, 4).Draw(t, "command") {
		case 0, 1:
			return tag.Create{
				Name: texts.Draw(t, "name"), Slug: domaintest.OrNil(texts).Draw(t, "slug"), Color: texts.Draw(t, "color"),
				Description: domaintest.OrNil(texts).Draw(t, "description"), Taken: rapid.Bool().Draw(t, "taken"),
			}
		case 2:
			return tag.Delete{}
		default:
			return tag.Update{
				Name: domaintest.Maybe(texts).Draw(t, "name"), Slug: domaintest.Maybe(texts).Draw(t, "slug"),
				Color: domaintest.Maybe(texts).Draw(t, "color"), Description: domaintest.Maybe(texts).Draw(t, "description"),
				Taken: rapid.Bool().Draw(t, "taken"),
			}
		}
	}))
}
