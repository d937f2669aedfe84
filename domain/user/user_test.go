package user_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/domaintest"
	"missioncontrol/domain/user"
)

var users = domaintest.Aggregate[user.User, user.Event]{Events: user.Events}

func own(text string) domain.Personal { return domain.Plain(domaintest.Stream, text) }

var registered = user.Registered{
	Identity: own("local-auth-user"), IdentityHash: []byte{1}, Name: own("Local User"),
	Mail: user.Mail{Email: own("admin@home.local"), EmailHash: []byte{2}, EmailVerified: true},
}

func TestRegister(t *testing.T) {
	t.Parallel()
	s := users.Given(t).When(user.Register(registered)).Then(registered).State()
	if !s.Exists() || s.Email.Sealed == "" || s.Email.Text != "" || s.Email.Field != "email" || string(s.VerifiedEmail()) != "\x02" {
		t.Errorf("%+v", s)
	}
	users.Given(t, registered).When(user.Register(registered)).ThenRefused(domain.Conflict)
}

func TestChangeProfile(t *testing.T) {
	t.Parallel()
	users.Given(t).When(user.ChangeProfile{}).ThenRefused(domain.NotFound)
	users.Given(t, registered).When(user.ChangeProfile{}).Then()

	change := user.ChangeProfile{PreferredName: domain.Some(own("Ada")), Notes: domain.Some(own(""))}
	h := users.Given(t, registered).When(change).Then(user.ProfileChanged(change))
	if s := h.State(); s.PreferredName.Sealed == "" || s.Notes.IsZero() || s.Name.IsZero() || !s.Timezone.IsZero() {
		t.Errorf("%+v", s)
	}
	clear := user.ChangeProfile{PreferredName: domain.Null[domain.Personal]()}
	if s := h.When(clear).Then(user.ProfileChanged(clear)).State(); !s.PreferredName.IsZero() || s.Notes.IsZero() {
		t.Errorf("%+v", s)
	}
}

func TestActivateOrganization(t *testing.T) {
	t.Parallel()
	choose := user.ActivateOrganization{ID: domaintest.Org}
	h := users.Given(t, registered).When(choose).Then(user.OrganizationActivated{OrganizationID: domaintest.Org})
	if h.State().ActiveOrganizationID != domaintest.Org {
		t.Error("it is not the active one")
	}
	h.When(choose).Then()
}

func TestChangeMail(t *testing.T) {
	t.Parallel()
	mail := user.Mail{Email: own("ada@example.org"), EmailHash: []byte{3}}
	users.Given(t).When(user.ChangeMail(mail)).ThenRefused(domain.NotFound)
	s := users.Given(t, registered).When(user.ChangeMail(mail)).Then(user.MailChanged{Mail: mail}).State()
	if s.VerifiedEmail() != nil {
		t.Error("an email that nobody verified counts as verified")
	}
}

func TestErase(t *testing.T) {
	t.Parallel()
	users.Given(t).When(user.Erase{}).ThenRefused(domain.NotFound)
	gone := users.Given(t, registered).When(user.Erase{Identity: "ada"}).Then(user.Erased{
		IdentityHash: []byte{1}, EmailHash: []byte{2}, Identity: domain.Plain(user.Departure(domaintest.Stream), "ada"),
	})
	if gone.State().Exists() {
		t.Error("the person is still there")
	}
	gone.When(user.Erase{}).ThenRefused(domain.NotFound)
	gone.When(user.ChangeProfile{Name: domain.Some(own("x"))}).ThenRefused(domain.NotFound)
	gone.When(user.ChangeMail{}).ThenRefused(domain.NotFound)
	gone.When(user.Register(registered)).ThenRefused(domain.Conflict)
}

func commands() *rapid.Generator[domain.Command[user.User, user.Event]] {
	mails := rapid.Custom(func(t *rapid.T) user.Mail {
		m := user.Mail{EmailVerified: rapid.Bool().Draw(t, "verified")}
		if rapid.Bool().Draw(t, "has email") {
			m.Email, m.EmailHash = domaintest.People().Draw(t, "email"), rapid.SliceOf(rapid.Byte()).Draw(t, "hash")
		}
		return m
	})
	return rapid.Custom(func(t *rapid.T) domain.Command[user.User, user.Event] {
		people := domaintest.Maybe(domaintest.People())
		switch rapid.IntRange(0, 9).Draw(t, "command") {
		case 0, 1:
			return user.Register{
				Identity: domaintest.People().Draw(t, "identity"), IdentityHash: rapid.SliceOf(rapid.Byte()).Draw(t, "hash"),
				Mail: mails.Draw(t, "mail"),
			}
		case 2:
			return user.Erase{}
		case 3:
			return user.ActivateOrganization{ID: rapid.SampledFrom([]uuid.UUID{domaintest.Org, uuid.Nil}).Draw(t, "org")}
		case 4:
			return user.ChangeMail(mails.Draw(t, "mail"))
		default:
			return user.ChangeProfile{
				Name: people.Draw(t, "name"), PreferredName: people.Draw(t, "preferred"), Pronouns: people.Draw(t, "pronouns"),
				Timezone: people.Draw(t, "timezone"), Notes: people.Draw(t, "notes"), Context: people.Draw(t, "context"),
			}
		}
	})
}

func TestAnySequence(t *testing.T) {
	t.Parallel()
	users.Property(t, commands())
}
