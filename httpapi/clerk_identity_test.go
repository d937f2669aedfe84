package httpapi

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/domain/user"
)

// identityProvider plays the keys and users of Clerk's API.
type identityProvider struct {
	*httptest.Server
	t   testing.TB
	key *rsa.PrivateKey

	mu    sync.Mutex
	down  bool
	users map[string]string
	asked int // for profiles
	gone  []string
}

const providerSecret = "sk_test_of_the_stand_in"

func startProvider(t testing.TB) *identityProvider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &identityProvider{t: t, key: key, users: map[string]string{}}
	p.Server = httptest.NewServer(http.HandlerFunc(p.answer))
	t.Cleanup(p.Close)
	return p
}

func (p *identityProvider) answer(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	user, isUser := strings.CutPrefix(r.URL.Path, "/v1/users/")
	switch {
	case p.down:
		w.WriteHeader(http.StatusInternalServerError)
	case r.Header.Get("Authorization") != "Bearer "+providerSecret:
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/v1/jwks":
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one",
			"n": base64.RawURLEncoding.EncodeToString(p.key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(p.key.E)).Bytes()),
		}}})
	case isUser && r.Method == http.MethodDelete:
		p.gone = append(p.gone, user)
	case isUser && p.users[user] != "":
		p.asked++
		_, _ = w.Write([]byte(p.users[user]))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (p *identityProvider) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *identityProvider) signIn() ClerkSignIn {
	c, err := auth.NewClerk(auth.ClerkConfig{SecretKey: providerSecret, APIURL: p.URL, Leeway: 10 * time.Second, VerifyIAT: true})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(c.Close)
	return ClerkSignIn{Clerk: c}
}

// claims of a person; verified says what the token says of the email.
func claims(subject, email string, verified bool) jwt.MapClaims {
	c := jwt.MapClaims{"sub": subject, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}
	if email != "" {
		c["email"], c["email_verified"], c["name"] = email, verified, "Name of "+subject
	}
	return c
}

func (p *identityProvider) bearer(c jwt.MapClaims) string {
	return p.signed(jwt.SigningMethodRS256, p.key, c)
}

func (p *identityProvider) signed(method jwt.SigningMethod, key any, c jwt.MapClaims) string {
	p.t.Helper()
	token := jwt.NewWithClaims(method, c)
	token.Header["kid"] = "one"
	text, err := token.SignedString(key)
	if err != nil {
		p.t.Fatal(err)
	}
	return "Authorization: Bearer " + text
}

// An account ends here at once, and at Clerk as soon as Clerk can be reached;
// until then, and no longer, its identity is kept.
func TestClerkAccountDeleted(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	n := startNode(t, nodeConfig{signIn: p.signIn()})
	token := p.bearer(claims("user_leaver", "leaver@example.org", true))
	id := uuid.MustParse(n.must("GET", v1+"/users/me", "", token).text(t, "id"))
	p.set(func() { p.down = true })
	n.must("DELETE", v1+"/users/me", "", token)
	eventually(t, 10*time.Second, "the process waits for Clerk", func() bool { return strings.Contains(n.log.String(), "process=departures") })
	if strings.Contains(n.log.String(), "user_leaver") {
		t.Error("the identity is in the log of the server")
	}
	p.set(func() { p.down = false })
	eventually(t, 10*time.Second, "Clerk is told and the key is gone", func() bool {
		var kept bool
		if err := n.db.QueryRow(t.Context(), `select sealed is not null from person_keys where id = $1`, user.Departure(id)).Scan(&kept); err != nil {
			t.Fatal(err)
		}
		return !kept
	})
	if diff := cmp.Diff([]string{"user_leaver"}, p.gone); diff != "" {
		t.Error(diff)
	}
}

func TestClerkFirstLogin(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	n := startNode(t, nodeConfig{signIn: p.signIn()})
	me := n.must("POST", v1+"/auth/bootstrap", "", p.bearer(claims("user_ada", " Ada@Example.ORG ", true)))
	if me.text(t, "email") != "ada@example.org" || me.text(t, "name") != "Name of user_ada" || me.text(t, "clerk_user_id") != "user_ada" {
		t.Errorf("%s", me.body)
	}
	if org := n.must("GET", v1+"/organizations/me", "", p.bearer(claims("user_ada", "ada@example.org", true))); org.text(t, "name") != "Personal" {
		t.Errorf("%s", org.body)
	}
	t.Run("fifty at once are one person", func(t *testing.T) { manyFirstLogins(t, p, n) })
	t.Run("the profile completes the token", func(t *testing.T) {
		p.set(func() {
			p.users["user_bo"] = `{"first_name":"Bo","primary_email_address_id":"e2","email_addresses":[
				{"id":"e1","email_address":"old@example.org"},{"id":"e2","email_address":"Bo@Example.org","verification":{"status":"verified"}}]}`
		})
		bo := n.must("GET", v1+"/users/me", "", p.bearer(claims("user_bo", "", false)))
		if bo.text(t, "email") != "bo@example.org" || bo.text(t, "name") != "Bo" {
			t.Errorf("%s", bo.body)
		}
		asked := p.asked
		n.must("GET", v1+"/users/me", "", p.bearer(claims("user_bo", "", false)))
		if p.asked != asked {
			t.Error("a complete profile is fetched again")
		}
		unknown := n.must("GET", v1+"/users/me", "", p.bearer(claims("user_nobody", "", false))) // 404 there is no reason to refuse
		if unknown.value(t, "email") != nil {
			t.Errorf("%s", unknown.body)
		}
	})
	t.Run("a login after deletion is a new person", func(t *testing.T) {
		token := p.bearer(claims("user_gone", "gone@example.org", true))
		first := n.must("GET", v1+"/users/me", "", token).text(t, "id")
		n.must("PATCH", v1+"/users/me", `{"notes":"old"}`, token)
		n.must("DELETE", v1+"/users/me", "", token)
		again := n.must("GET", v1+"/users/me", "", token)
		if again.text(t, "id") == first || again.value(t, "notes") != nil || again.text(t, "email") != "gone@example.org" {
			t.Errorf("%s", again.body)
		}
	})
	t.Run("another email later", func(t *testing.T) {
		n.must("GET", v1+"/users/me", "", p.bearer(claims("user_mover", "before@example.org", true)))
		after := n.must("GET", v1+"/users/me", "", p.bearer(claims("user_mover", "after@example.org", true)))
		if after.text(t, "email") != "after@example.org" {
			t.Errorf("%s", after.body)
		}
	})
}

func manyFirstLogins(t *testing.T, p *identityProvider, n *node) {
	t.Helper()
	token := p.bearer(claims("user_crowd", "crowd@example.org", true))
	var all sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]int{}
	for range 50 {
		all.Go(func() {
			got, err := n.try(t.Context(), "POST", v1+"/auth/bootstrap", strings.NewReader(""), token)
			if err != nil || got.status != 200 {
				t.Errorf("%d %s %v", got.status, got.body, err)
			}
			mu.Lock()
			ids[got.value0("id")]++
			mu.Unlock()
		})
	}
	all.Wait()
	if len(ids) != 1 {
		t.Errorf("people: %v", ids)
	}
	var users, members, orgs, events int
	for id := range ids {
		err := n.db.QueryRow(t.Context(), `select (select count(*) from users where id = $1), (select count(*) from members where user_id = $1),
			(select count(distinct organization_id) from members where user_id = $1), (select count(*) from events where stream = $1)`, id).
			Scan(&users, &members, &orgs, &events)
		if err != nil || users != 1 || members != 1 || orgs != 1 || events != 2 {
			t.Errorf("%d users, %d memberships, %d organizations, %d events of the person, want 1, 1, 1 and 2 (%v)", users, members, orgs, events, err)
		}
	}
}

func TestClerkInvites(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	n := startNode(t, nodeConfig{signIn: p.signIn()})
	host := func(name string) (token, org string) {
		token = p.bearer(claims("user_"+name, name+"@example.org", true))
		return token, n.must("POST", v1+"/organizations", `{"name":"`+name+`"}`, token).text(t, "id")
	}
	first, oldest := host("first")
	second, newer := host("second")
	for _, who := range []string{"ada", "eve"} {
		for _, owner := range []string{first, second} {
			n.must("POST", v1+"/organizations/me/invites", `{"invited_email":"`+who+`@example.org","role":"admin"}`, owner)
		}
	}
	ada := p.bearer(claims("user_ada", "ADA@example.org", true))
	if org := n.must("GET", v1+"/organizations/me", "", ada); org.text(t, "id") != oldest {
		t.Errorf("the first login does not join the oldest: %s", org.body)
	}
	if list := n.must("GET", v1+"/organizations/me/list", "", ada); strings.Contains(list.body, newer) || strings.Contains(list.body, "Personal") {
		t.Errorf("%s", list.body)
	}
	for _, c := range []jwt.MapClaims{claims("user_eve", "eve@example.org", false), {"sub": "user_eve2", "email": "eve@example.org", "exp": time.Now().Add(time.Minute).Unix()}} {
		if org := n.must("GET", v1+"/organizations/me", "", p.bearer(c)); org.text(t, "name") != "Personal" {
			t.Errorf("an email that nobody verified joins: %s", org.body)
		}
	}
}

func TestClerkRefusals(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	n := startNode(t, nodeConfig{signIn: p.signIn()})
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := claims("user_ada", "ada@example.org", true)
	with := func(name string, value any) jwt.MapClaims {
		c := claims("user_ada", "ada@example.org", true)
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return c
	}
	token := p.bearer(good)
	parts := strings.Split(strings.TrimPrefix(token, "Authorization: Bearer "), ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT","kid":"one"}`))
	for name, header := range map[string]string{
		"expired":                     p.bearer(with("exp", time.Now().Add(-time.Minute).Unix())),
		"without an end":              p.bearer(with("exp", nil)),
		"not yet valid":               p.bearer(with("nbf", time.Now().Add(time.Minute).Unix())),
		"from the future":             p.bearer(with("iat", time.Now().Add(time.Minute).Unix())),
		"of nobody":                   p.bearer(with("sub", nil)),
		"for another audience":        p.bearer(with("aud", "elsewhere")),
		"signed by a stranger":        p.signed(jwt.SigningMethodRS256, stranger, good),
		"alg none":                    "Authorization: Bearer " + none + "." + parts[1] + ".",
		"alg none with the signature": "Authorization: Bearer " + none + "." + parts[1] + "." + parts[2],
		"HMAC with the public key":    p.signed(jwt.SigningMethodHS256, p.key.N.Bytes(), good),
		"another algorithm":           p.signed(jwt.SigningMethodRS512, p.key, good),
		"PSS":                         p.signed(jwt.SigningMethodPS256, p.key, good),
		"with another body":           "Authorization: Bearer " + parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"user_root"}`)) + "." + parts[2],
		"without a signature":         "Authorization: Bearer " + parts[0] + "." + parts[1] + ".",
		"another scheme":              "Authorization: Basic " + strings.Join(parts, "."),
		"no token":                    forget,
		"in a cookie":                 "Cookie: __session=" + strings.Join(parts, "."),
	} {
		headers := []string{header}
		if strings.HasPrefix(header, "Cookie") {
			headers = []string{forget, header}
		}
		for _, path := range []string{"/users/me", "/boards/00000000-0000-4000-8000-000000000001/tasks", "/boards/00000000-0000-4000-8000-000000000001"} {
			if got := n.do("GET", v1+path, "", headers...); got.status != 401 || got.value0("detail") != "Unauthorized" {
				t.Errorf("%s: GET %s: %d %s", name, path, got.status, got.body)
			}
		}
	}
	var users int
	if err := n.db.QueryRow(t.Context(), `select count(*) from users`).Scan(&users); err != nil || users != 0 {
		t.Errorf("%d people (%v)", users, err)
	}
	for _, secret := range []string{parts[1], parts[2]} {
		if strings.Contains(n.log.String(), secret) {
			t.Error("a token stands in the log")
		}
	}
}

// TestClerkAway: while nobody can tell whether a token is good the answer is
// 503, for people alone.
func TestClerkAway(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	p.down = true
	n := startNode(t, nodeConfig{signIn: p.signIn()})
	for _, path := range []string{"/users/me", "/boards/00000000-0000-4000-8000-000000000001/tasks"} {
		got := n.do("GET", v1+path, "", p.bearer(claims("user_ada", "ada@example.org", true)))
		after, err := strconv.Atoi(got.header.Get("Retry-After"))
		if got.status != 503 || err != nil || after < 1 {
			t.Errorf("%d %s %v", got.status, got.body, got.header)
		}
	}
	if got := n.do("GET", healthz, "", forget); got.status != 401 {
		t.Errorf("an agent without a token: %d", got.status)
	}
	p.set(func() { p.down = false })
	eventually(t, 15*time.Second, "people are let in again", func() bool {
		return n.do("GET", v1+"/users/me", "", p.bearer(claims("user_ada", "ada@example.org", true))).status == 200
	})
}
