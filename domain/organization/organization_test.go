package organization_test

import (
	"testing"

	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/domaintest"
	"missioncontrol/domain/organization"
)

var organizations = domaintest.Aggregate[organization.Organization, organization.Event]{Events: organization.Events}

func TestCreate(t *testing.T) {
	t.Parallel()
	s := organizations.Given(t).When(organization.Create{Name: "  Acme\t"}).Then(organization.Created{Name: "Acme"}).State()
	if !s.Exists() || s.Name != "Acme" || s.ID != domaintest.Stream {
		t.Errorf("%+v", s)
	}
	organizations.Given(t).When(organization.Create{Name: " \n "}).ThenRefused(domain.Invalid)
	organizations.Given(t).When(organization.Create{Name: "Acme", Taken: true}).ThenRefused(domain.Conflict)
	organizations.Given(t, organization.Created{Name: "Acme"}).When(organization.Create{Name: "Other"}).ThenRefused(domain.Conflict)
}

func TestDelete(t *testing.T) {
	t.Parallel()
	organizations.Given(t).When(organization.Delete{}).ThenRefused(domain.NotFound)
	gone := organizations.Given(t, organization.Created{Name: "Acme"}).When(organization.Delete{Boards: 2, Members: 3}).
		Then(organization.Deleted{Name: "Acme", Boards: 2, Members: 3})
	if gone.State().Exists() {
		t.Error("it is still there")
	}
	gone.When(organization.Delete{}).ThenRefused(domain.NotFound)
	gone.When(organization.Create{Name: "Acme"}).ThenRefused(domain.Conflict)
}

func TestAnySequence(t *testing.T) {
	t.Parallel()
	organizations.Property(t, rapid.Custom(func(t *rapid.T) domain.Command[organization.Organization, organization.Event] {
		if rapid.Bool().Draw(t, "delete") {
			return organization.Delete{Boards: rapid.Int().Draw(t, "boards")}
		}
		return organization.Create{Name: domaintest.Texts().Draw(t, "name"), Taken: rapid.Bool().Draw(t, "taken")}
	}))
}
