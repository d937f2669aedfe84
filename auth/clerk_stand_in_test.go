package auth_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"missioncontrol/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// journal collects log lines of several goroutines.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func (j *journal) log() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// clock is a time that only tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Keys are slow to make: the tests share them.
var (
	firstKey  = sync.OnceValue(newKey)
	secondKey = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

const secretKey = "sk_test_stand_in"

// standIn plays Clerk's API.
type standIn struct {
	*httptest.Server
	clock *clock

	mu      sync.Mutex
	keys    map[string]*rsa.PublicKey
	keysRaw string // served instead of keys
	down    bool   // answers 500
	users   map[string]string
	status  int           // of user calls; 0: by what there is
	fetches int           // of keys
	hold    chan struct{} // a fetch of keys waits for it
	calls   []string      // of users: method, escaped path
	badKey  int           // calls without the secret key
}

func newStandIn(t *testing.T) *standIn {
	t.Helper()
	s := &standIn{clock: newClock(), keys: map[string]*rsa.PublicKey{"one": &firstKey().PublicKey}, users: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/jwks", s.serveKeys)
	mux.HandleFunc("/v1/users/{id}", s.serveUser)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// set changes the stand-in between or during calls.
func (s *standIn) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *standIn) fetched() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

func (s *standIn) serveKeys(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.fetches++
	hold, down, raw, keys := s.hold, s.down, s.keysRaw, maps.Clone(s.keys)
	if r.Header.Get("Authorization") != "Bearer "+secretKey {
		s.badKey++
	}
	s.mu.Unlock()
	if hold != nil {
		<-hold
	}
	switch {
	case down:
		w.WriteHeader(http.StatusInternalServerError)
	case raw != "":
		_, _ = w.Write([]byte(raw))
	default:
		var set []map[string]string
		for kid, key := range keys {
			set = append(set, jwkOf(kid, key))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": set})
	}
}

func jwkOf(kid string, key *rsa.PublicKey) map[string]string {
	return map[string]string{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}
}

func (s *standIn) serveUser(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.Method+" "+r.URL.EscapedPath())
	if r.Header.Get("Authorization") != "Bearer "+secretKey {
		s.badKey++
	}
	body, known := s.users[r.PathValue("id")]
	switch {
	case s.status != 0:
		w.Header().Set("Location", "/v1/jwks")
		w.WriteHeader(s.status)
	case !known:
		w.WriteHeader(http.StatusNotFound)
	default:
		_, _ = w.Write([]byte(body))
	}
}

// clerk is a server's view of the stand-in.
func (s *standIn) clerk(t *testing.T, change func(*auth.ClerkConfig)) *auth.Clerk {
	t.Helper()
	config := auth.ClerkConfig{SecretKey: secretKey, APIURL: s.URL, Leeway: 10 * time.Second, VerifyIAT: true, Log: quiet, Now: s.clock.Now}
	if change != nil {
		change(&config)
	}
	c, err := auth.NewClerk(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// sign makes the header of a token that is good but for the changes; a nil
// value removes a claim.
func (s *standIn) sign(t *testing.T, kid string, key *rsa.PrivateKey, changes map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, s.claims(changes))
	token.Header["kid"] = kid
	return bearer(t, token, key)
}

func (s *standIn) claims(changes map[string]any) jwt.MapClaims {
	now := s.clock.Now()
	claims := jwt.MapClaims{
		"sub": "user_1", "iss": "https://clerk.example.com", "azp": "https://app.example.com",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

func bearer(t *testing.T, token *jwt.Token, key any) string {
	t.Helper()
	signed, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + signed
}
