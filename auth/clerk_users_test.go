package auth_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"missioncontrol/auth"
)

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func TestClerkClaims(t *testing.T) {
	s := newStandIn(t)
	c := s.clerk(t, nil)
	yes, no := true, false
	list := []any{
		map[string]any{"id": "e1", "email_address": "First@X.org"},
		map[string]any{"id": "e2", "email": " Second@x.org ", "verification": map[string]any{"status": "verified"}},
		map[string]any{"id": "e3", "email_address": "third@x.org", "verification": map[string]any{"status": "unverified"}},
	}
	for name, test := range map[string]struct {
		claims map[string]any
		want   auth.Claims
	}{
		"none":                                {want: auth.Claims{}},
		"email first":                         {claims: map[string]any{"email": " A@X.org ", "email_address": "b@x.org", "email_addresses": list}, want: auth.Claims{Email: "a@x.org"}},
		"email verified":                      {claims: map[string]any{"email": "a@x.org", "email_verified": true}, want: auth.Claims{Email: "a@x.org", EmailVerified: &yes}},
		"email not verified":                  {claims: map[string]any{"email": "a@x.org", "email_verified": false}, want: auth.Claims{Email: "a@x.org", EmailVerified: &no}},
		"email verified as a text says":       {claims: map[string]any{"email": "a@x.org", "email_verified": "true"}, want: auth.Claims{Email: "a@x.org"}},
		"blank email":                         {claims: map[string]any{"email": "  ", "email_address": "b@x.org"}, want: auth.Claims{Email: "b@x.org"}},
		"email of another type":               {claims: map[string]any{"email": 1, "primary_email_address": "C@x.org"}, want: auth.Claims{Email: "c@x.org"}},
		"list without primary":                {claims: map[string]any{"email_addresses": list}, want: auth.Claims{Email: "first@x.org"}},
		"list with primary":                   {claims: map[string]any{"email_addresses": list, "primary_email_address_id": "e2"}, want: auth.Claims{Email: "second@x.org", EmailVerified: &yes}},
		"list with unverified primary":        {claims: map[string]any{"email_addresses": list, "primary_email_address_id": "e3"}, want: auth.Claims{Email: "third@x.org", EmailVerified: &no}},
		"list with unknown primary":           {claims: map[string]any{"email_addresses": list, "primary_email_address_id": "e9"}, want: auth.Claims{Email: "first@x.org"}},
		"list, verified says nothing of it":   {claims: map[string]any{"email_addresses": list, "email_verified": true}, want: auth.Claims{Email: "first@x.org"}},
		"list of texts":                       {claims: map[string]any{"email_addresses": []any{" ", nil, 7, "D@x.org", "e@x.org"}}, want: auth.Claims{Email: "d@x.org"}},
		"list that is none":                   {claims: map[string]any{"email_addresses": "f@x.org"}, want: auth.Claims{}},
		"verified without email":              {claims: map[string]any{"email_verified": true}, want: auth.Claims{}},
		"name first":                          {claims: map[string]any{"name": " Ada ", "full_name": "No"}, want: auth.Claims{Name: "Ada"}},
		"full name":                           {claims: map[string]any{"name": "", "full_name": "Ada L", "given_name": "No"}, want: auth.Claims{Name: "Ada L"}},
		"given and family name":               {claims: map[string]any{"given_name": "Ada", "family_name": "Lovelace"}, want: auth.Claims{Name: "Ada Lovelace"}},
		"first and last name":                 {claims: map[string]any{"first_name": "Ada", "last_name": "Lovelace"}, want: auth.Claims{Name: "Ada Lovelace"}},
		"given beats first, last beats none":  {claims: map[string]any{"given_name": "Ada", "first_name": "No", "last_name": "L"}, want: auth.Claims{Name: "Ada L"}},
		"family name alone":                   {claims: map[string]any{"family_name": "Lovelace"}, want: auth.Claims{Name: "Lovelace"}},
		"email verified for the primary only": {claims: map[string]any{"primary_email_address": "c@x.org", "email_verified": true}, want: auth.Claims{Email: "c@x.org", EmailVerified: &yes}},
	} {
		t.Run(name, func(t *testing.T) {
			test.want.Subject = "user_1"
			got, err := c.Verify(t.Context(), s.sign(t, "one", firstKey(), test.claims))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestClerkProfile(t *testing.T) {
	const addresses = `"email_addresses":[
		{"id":"e1","email_address":"First@X.org","verification":{"status":"verified"}},
		{"id":"e2","email_address":"second@x.org","verification":{"status":"unverified"}},
		{"id":"e3","email_address":"third@x.org","verification":null}]`
	for name, test := range map[string]struct {
		body string
		want auth.Profile
	}{
		"nothing":              {body: `{}`},
		"primary":              {body: `{"primary_email_address_id":"e2",` + addresses + `}`, want: auth.Profile{Email: "second@x.org"}},
		"primary, verified":    {body: `{"primary_email_address_id":"e1",` + addresses + `}`, want: auth.Profile{Email: "first@x.org", EmailVerified: true}},
		"primary, not checked": {body: `{"primary_email_address_id":"e3",` + addresses + `}`, want: auth.Profile{Email: "third@x.org"}},
		"no primary":           {body: `{"primary_email_address_id":null,` + addresses + `}`, want: auth.Profile{Email: "first@x.org", EmailVerified: true}},
		"full name":            {body: `{"full_name":" Ada L ","name":"No","first_name":"No","username":"no"}`, want: auth.Profile{Name: "Ada L"}},
		"name":                 {body: `{"full_name":null,"name":"Ada","first_name":"No"}`, want: auth.Profile{Name: "Ada"}},
		"first name":           {body: `{"full_name":"","first_name":"Ada","last_name":"L","username":"no"}`, want: auth.Profile{Name: "Ada"}},
		"user name":            {body: `{"first_name":null,"username":"ada"}`, want: auth.Profile{Name: "ada"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t)
			s.users["user_1"] = test.body
			got, err := s.clerk(t, nil).Profile(t.Context(), "user_1")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if s.badKey > 0 {
				t.Error("the call came without the secret key")
			}
		})
	}
}

func TestClerkUserCalls(t *testing.T) {
	for name, test := range map[string]struct {
		status                int // of the answer
		profile, remove, soon bool
	}{
		"found":         {status: 200, profile: true, remove: true},
		"unknown":       {status: 404, remove: true},
		"refused":       {status: 401, soon: true},
		"forbidden":     {status: 403, soon: true},
		"too many":      {status: 429, soon: true},
		"in trouble":    {status: 500, soon: true},
		"not there now": {status: 503, soon: true},
		"wrong":         {status: 422},
		"elsewhere":     {status: 302},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t)
			s.users["user_1"] = `{}`
			if test.status != http.StatusOK {
				s.status = test.status
			}
			c := s.clerk(t, nil)
			_, err := c.Profile(t.Context(), "user_1")
			for _, got := range []struct {
				err error
				ok  bool
			}{{err, test.profile}, {c.DeleteUser(t.Context(), "user_1"), test.remove}} {
				var failed *auth.ClerkError
				switch {
				case got.ok && got.err != nil:
					t.Error(got.err)
				case !got.ok && (!errors.As(got.err, &failed) || failed.Status != test.status || failed.Temporary() != test.soon):
					t.Errorf("got %+v", got.err)
				}
			}
			if s.fetched() > 0 {
				t.Error("a redirect was followed")
			}
			if diff := cmp.Diff([]string{"GET /v1/users/user_1", "DELETE /v1/users/user_1"}, s.calls); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("an odd id/leads nowhere else", func(t *testing.T) {
		s := newStandIn(t)
		c := s.clerk(t, nil)
		for _, id := range []string{"../jwks", "a/../../jwks", "a?b#c", "..%2fjwks", "%2e%2e", "ä b"} {
			if err := c.DeleteUser(t.Context(), id); err != nil {
				t.Errorf("%q: %v", id, err)
			}
		}
		for _, id := range []string{"", ".", "..", strings.Repeat("u", 256)} {
			if err := c.DeleteUser(t.Context(), id); err == nil {
				t.Errorf("%q was sent", id)
			}
		}
		want := []string{
			"DELETE /v1/users/..%2Fjwks", "DELETE /v1/users/a%2F..%2F..%2Fjwks", "DELETE /v1/users/a%3Fb%23c",
			"DELETE /v1/users/..%252fjwks", "DELETE /v1/users/%252e%252e", "DELETE /v1/users/%C3%A4%20b",
		}
		if diff := cmp.Diff(want, s.calls); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("nobody there/is temporary, and the error names no person", func(t *testing.T) {
		s := newStandIn(t)
		c := s.clerk(t, nil)
		s.Close()
		for _, err := range []error{c.DeleteUser(t.Context(), "user_1"), func() error { _, err := c.Profile(t.Context(), "user_1"); return err }()} {
			var failed *auth.ClerkError
			if !errors.As(err, &failed) || !failed.Temporary() || failed.Status != 0 {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "user_1") || strings.Contains(err.Error(), secretKey) {
				t.Errorf("the error tells too much: %v", err)
			}
		}
	})
	t.Run("no profile/is an error without its text", func(t *testing.T) {
		s := newStandIn(t)
		s.users["user_1"] = `["a@x.org"`
		if _, err := s.clerk(t, nil).Profile(t.Context(), "user_1"); err == nil || strings.Contains(err.Error(), "x.org") {
			t.Errorf("got %v", err)
		}
	})
}
