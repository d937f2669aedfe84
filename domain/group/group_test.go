package group_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/domaintest"
	"missioncontrol/domain/group"
)

var (
	groups  = domaintest.Aggregate[group.Group, group.Event]{Events: group.Events}
	text    = "Everything for the launch"
	created = group.Created{Name: "Launch", Slug: "launch", Description: &text}
)

const fallback = "0123456789abcdef0123456789abcdef"

func TestCreate(t *testing.T) {
	t.Parallel()
	t.Run("takes what it is called", func(t *testing.T) {
		s := groups.Given(t).When(group.Create{As: created}).Then(created).State()
		if s.ID != domaintest.Stream || s.OrganizationID != domaintest.Org || s.Name != "Launch" || s.CreatedAt != s.UpdatedAt {
			t.Errorf("%+v", s)
		}
	})
	t.Run("only once", func(t *testing.T) {
		groups.Given(t, created).When(group.Create{As: created}).ThenRefused(domain.Conflict)
		groups.Given(t, created, group.Deleted{}).When(group.Create{As: created}).ThenRefused(domain.Conflict)
	})
	for name, c := range map[string]struct{ given, name, want string }{
		"a slug stays as it was written":       {"My Launch!", "x", "My Launch!"},
		"a blank one is made from the name":    {" ", "Moon & Mars", "moon-mars"},
		"without either it is the fallback":    {"", "月", fallback},
		"neither is given but white space, so": {"\t", "\n", fallback},
	} {
		t.Run(name, func(t *testing.T) {
			groups.Given(t).When(group.Create{As: group.Created{Name: c.name, Slug: c.given}, Fallback: fallback}).
				Then(group.Created{Name: c.name, Slug: c.want})
		})
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ given, want group.Updated }{
		"nothing is a touch":                     {group.Updated{}, group.Updated{}},
		"a new name leaves the slug":             {group.Updated{Name: domain.Some("Moon")}, group.Updated{Name: domain.Some("Moon")}},
		"a blank slug follows the new name":      {group.Updated{Name: domain.Some("Moon"), Slug: domain.Some("")}, group.Updated{Name: domain.Some("Moon"), Slug: domain.Some("moon")}},
		"a blank slug follows the present name":  {group.Updated{Slug: domain.Some(" ")}, group.Updated{Slug: domain.Some("launch")}},
		"a description may be taken away":        {group.Updated{Description: domain.Null[string]()}, group.Updated{Description: domain.Null[string]()}},
		"a blank slug of a name without letters": {group.Updated{Name: domain.Some("?"), Slug: domain.Some("")}, group.Updated{Name: domain.Some("?"), Slug: domain.Some(fallback)}},
	} {
		t.Run(name, func(t *testing.T) {
			groups.Given(t, created).When(group.Update{To: c.given, Fallback: fallback}).Then(c.want)
		})
	}
	t.Run("only while it exists", func(t *testing.T) {
		groups.Given(t).When(group.Update{}).ThenRefused(domain.NotFound)
		groups.Given(t, created, group.Deleted{}).When(group.Update{}).ThenRefused(domain.NotFound)
	})
}

func TestDelete(t *testing.T) {
	t.Parallel()
	if s := groups.Given(t, created).When(group.Delete{}).Then(group.Deleted{Name: "Launch"}).State(); s.Exists() {
		t.Errorf("%+v", s)
	}
	groups.Given(t).When(group.Delete{}).ThenRefused(domain.NotFound)
	groups.Given(t, created, group.Deleted{}).When(group.Delete{}).ThenRefused(domain.NotFound)
}

func commands() *rapid.Generator[domain.Command[group.Group, group.Event]] {
	return rapid.Custom(func(t *rapid.T) domain.Command[group.Group, group.Event] {
		text := domaintest.Texts()
		some := func(name string) domain.Optional[string] {
			if rapid.Bool().Draw(t, name+" given") {
				return domain.Some(text.Draw(t, name))
			}
			return domain.Optional[string]{}
		}
		switch rapid.IntRange(0, 5).Draw(t, "what") {
		case 0:
			return group.Delete{}
		case 1, 2:
			return group.Update{Fallback: uuid.NewString(), To: group.Updated{Name: some("name"), Slug: some("slug"), Description: some("description")}}
		}
		return group.Create{Fallback: uuid.NewString(), As: group.Created{
			Name: text.Draw(t, "name"), Slug: text.Draw(t, "slug"), Description: domaintest.OrNil(text).Draw(t, "description"),
		}}
	})
}

func TestAnySequence(t *testing.T) {
	t.Parallel()
	groups.Property(t, commands())
}
