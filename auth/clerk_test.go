package auth_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"missioncontrol/auth"
)

func TestClerkVerify(t *testing.T) {
	s := newStandIn(t)
	at := func(d time.Duration) int64 { return s.clock.Now().Add(d).Unix() }
	strict := func(c *auth.ClerkConfig) {
		c.Issuer, c.AuthorizedParties = "https://clerk.example.com", []string{" https://other.example.com", "https://app.example.com "}
	}
	lax := func(c *auth.ClerkConfig) { c.VerifyIAT = false }
	for name, test := range map[string]struct {
		config  func(*auth.ClerkConfig)
		changes map[string]any
		refused bool
	}{
		"a good token":                              {},
		"expired within the leeway":                 {changes: map[string]any{"exp": at(-9 * time.Second)}},
		"expired":                                   {changes: map[string]any{"exp": at(-11 * time.Second)}, refused: true},
		"without expiry":                            {changes: map[string]any{"exp": nil}, refused: true},
		"with a text as expiry":                     {changes: map[string]any{"exp": "tomorrow"}, refused: true},
		"not yet valid within the leeway":           {changes: map[string]any{"nbf": at(9 * time.Second)}},
		"not yet valid":                             {changes: map[string]any{"nbf": at(11 * time.Second)}, refused: true},
		"issued in the future":                      {changes: map[string]any{"iat": at(11 * time.Second)}, refused: true},
		"issued in the future, not asked":           {config: lax, changes: map[string]any{"iat": at(11 * time.Second)}},
		"without nbf and iat":                       {changes: map[string]any{"nbf": nil, "iat": nil}},
		"with an audience":                          {changes: map[string]any{"aud": "elsewhere"}, refused: true},
		"with a list of audiences":                  {changes: map[string]any{"aud": []string{"elsewhere"}}, refused: true},
		"with an odd audience":                      {changes: map[string]any{"aud": 7}, refused: true},
		"with an empty audience":                    {changes: map[string]any{"aud": ""}},
		"with an empty list of audiences":           {changes: map[string]any{"aud": []string{}}},
		"issuer and party as configured":            {config: strict},
		"another issuer":                            {config: strict, changes: map[string]any{"iss": "https://evil.example.com"}, refused: true},
		"no issuer where one is asked":              {config: strict, changes: map[string]any{"iss": nil}, refused: true},
		"another issuer, not asked":                 {changes: map[string]any{"iss": "https://evil.example.com"}},
		"another party":                             {config: strict, changes: map[string]any{"azp": "https://evil.example.com"}, refused: true},
		"no party where one is asked":               {config: strict, changes: map[string]any{"azp": nil}, refused: true},
		"another party, not asked":                  {changes: map[string]any{"azp": "https://evil.example.com"}},
		"without subject":                           {changes: map[string]any{"sub": nil}, refused: true},
		"with a blank subject":                      {changes: map[string]any{"sub": " "}, refused: true},
		"with a number as subject":                  {changes: map[string]any{"sub": 1}, refused: true},
		"with an endless subject":                   {changes: map[string]any{"sub": strings.Repeat("u", 256)}, refused: true},
		"of a machine":                              {changes: map[string]any{"sub": "mch_1"}, refused: true},
		"larger than anything that Clerk ever made": {changes: map[string]any{"name": strings.Repeat("n", 20<<10)}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := s.clerk(t, test.config).Verify(t.Context(), s.sign(t, "one", firstKey(), test.changes))
			if test.refused {
				if !errors.Is(err, auth.ErrUnauthorized) || got != (auth.Claims{}) {
					t.Fatalf("got %+v, %v; want it refused", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(auth.Claims{Subject: "user_1"}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if s.badKey > 0 {
		t.Errorf("%d fetches came without the secret key", s.badKey)
	}
}

// TestClerkForgeries are tokens that do not hold what their header promises.
func TestClerkForgeries(t *testing.T) {
	s := newStandIn(t)
	c := s.clerk(t, nil)
	der, err := x509.MarshalPKIXPublicKey(&firstKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	make := func(method jwt.SigningMethod, key any, header map[string]any) string {
		token := jwt.NewWithClaims(method, s.claims(nil))
		token.Header["kid"] = "one"
		for name, value := range header {
			if token.Header[name] = value; value == nil {
				delete(token.Header, name)
			}
		}
		return bearer(t, token, key)
	}
	good := s.sign(t, "one", firstKey(), nil)
	parts := strings.Split(strings.TrimPrefix(good, "Bearer "), ".")
	other := strings.Split(s.sign(t, "one", firstKey(), map[string]any{"sub": "user_2"}), ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"one"}`))
	odd := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":["RS256"],"kid":"one"}`))
	capital := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"NONE","kid":"one"}`))
	for name, header := range map[string]string{
		"alg none":                         make(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"alg none with the good signature": "Bearer " + none + "." + parts[1] + "." + parts[2],
		"alg none in capitals":             "Bearer " + capital + "." + parts[1] + ".",
		"alg of another type":              "Bearer " + odd + "." + parts[1] + "." + parts[2],
		"HS256 with the public key as PEM": make(jwt.SigningMethodHS256, publicPEM, nil),
		"HS256 with the public key as DER": make(jwt.SigningMethodHS256, der, nil),
		"HS256 with the modulus":           make(jwt.SigningMethodHS256, firstKey().N.Bytes(), nil),
		"RS512 with the right key":         make(jwt.SigningMethodRS512, firstKey(), nil),
		"PS256 with the right key":         make(jwt.SigningMethodPS256, firstKey(), nil),
		"another key under a known name":   s.sign(t, "one", secondKey(), nil),
		"no key name":                      make(jwt.SigningMethodRS256, firstKey(), map[string]any{"kid": nil}),
		"a number as key name":             make(jwt.SigningMethodRS256, firstKey(), map[string]any{"kid": 1}),
		"an endless key name":              make(jwt.SigningMethodRS256, firstKey(), map[string]any{"kid": strings.Repeat("k", 300)}),
		"a key of its own":                 make(jwt.SigningMethodRS256, secondKey(), map[string]any{"jwk": jwkOf("one", &secondKey().PublicKey)}),
		"a key somewhere else":             make(jwt.SigningMethodRS256, secondKey(), map[string]any{"jku": s.URL + "/evil"}),
		"an OAuth access token":            make(jwt.SigningMethodRS256, firstKey(), map[string]any{"typ": "at+jwt"}),
		"an unknown critical extension":    make(jwt.SigningMethodRS256, firstKey(), map[string]any{"crit": []string{"exp"}}),
		"a changed claim":                  "Bearer " + parts[0] + "." + other[1] + "." + parts[2],
		"a cut signature":                  "Bearer " + parts[0] + "." + parts[1] + "." + parts[2][:40],
		"no signature":                     "Bearer " + parts[0] + "." + parts[1] + ".",
		"a fourth part":                    good + ".e30",
		"padding":                          good + "==",
		"another scheme":                   "Basic " + strings.TrimPrefix(good, "Bearer "),
		"no scheme":                        strings.TrimPrefix(good, "Bearer "),
		"a scheme twice":                   "Bearer " + good,
		"nothing":                          "",
		"a scheme alone":                   "Bearer ",
		"two dots":                         "Bearer ..",
		"an API key":                       "Bearer ak_" + parts[0],
		"an OAuth token":                   "Bearer oat_" + parts[0],
		"a machine's token":                "Bearer m2m_" + parts[0],
		"another machine's token":          "Bearer mt_" + parts[0],
		"letters beyond ASCII":             "Bearer tökén." + parts[1] + "." + parts[2],
		"bytes that are no text":           "Bearer \xff\xfe." + parts[1] + ".\x00",
		"a header of 1 MB":                 "Bearer " + strings.Repeat("A", 1<<20),
		"1 MB behind a good token":         good + "." + strings.Repeat("A", 1<<20),
		"dots of 1 MB":                     "Bearer " + strings.Repeat(".", 1<<20),
		"spaces of 1 MB":                   "Bearer" + strings.Repeat(" ", 1<<20) + parts[0],
		"deep claims":                      "Bearer " + parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("[", 10_000))) + ".AAAA",
		"claims that are no object":        "Bearer " + parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte("null")) + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.Verify(t.Context(), header)
			if !errors.Is(err, auth.ErrUnauthorized) || got != (auth.Claims{}) {
				t.Fatalf("got %+v, %v; want it refused", got, err)
			}
			if len(err.Error()) > 100 || strings.Contains(err.Error(), parts[0]) {
				t.Errorf("the error tells of the token: %s", err)
			}
		})
	}
	if _, err := c.Verify(t.Context(), "bEARER  "+strings.TrimPrefix(good, "Bearer ")+" "); err != nil {
		t.Errorf("a good token is refused in the end: %v", err)
	}
	if n := s.fetched(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

func TestNewClerk(t *testing.T) {
	for name, test := range map[string]struct {
		config auth.ClerkConfig
		want   string // in the error; empty: none
	}{
		"a key is enough":         {config: auth.ClerkConfig{SecretKey: " sk_x "}},
		"no key":                  {want: "CLERK_SECRET_KEY must be set and non-empty when AUTH_MODE=clerk."},
		"a blank key":             {config: auth.ClerkConfig{SecretKey: " \t"}, want: "CLERK_SECRET_KEY must be set"},
		"a key that is no header": {config: auth.ClerkConfig{SecretKey: "sk_x\r\nHost: evil"}, want: "CLERK_SECRET_KEY must be one word"},
		"an address with version": {config: auth.ClerkConfig{SecretKey: "sk_x", APIURL: "https://clerk.example.com/v1/"}},
		"a relative address":      {config: auth.ClerkConfig{SecretKey: "sk_x", APIURL: "api.clerk.com"}, want: "CLERK_API_URL"},
		"another scheme":          {config: auth.ClerkConfig{SecretKey: "sk_x", APIURL: "file:///etc/keys"}, want: "CLERK_API_URL"},
		"a password":              {config: auth.ClerkConfig{SecretKey: "sk_x", APIURL: "https://me:pw@x.example.com"}, want: "CLERK_API_URL"},
		"a negative leeway":       {config: auth.ClerkConfig{SecretKey: "sk_x", Leeway: -1}, want: "CLERK_LEEWAY"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := auth.NewClerk(test.config)
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "pw") {
				t.Errorf("the error shows a password: %v", err)
			}
		})
	}
	t.Run("an address without TLS/is worth a warning", func(t *testing.T) {
		log := &journal{}
		if _, err := auth.NewClerk(auth.ClerkConfig{SecretKey: "sk_x", APIURL: "http://clerk.example.com", Log: log.log()}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log.String(), "not https") {
			t.Errorf("log: %s", log)
		}
	})
}

// FuzzClerkVerify: whatever a client sends, it is refused and nothing breaks.
func FuzzClerkVerify(f *testing.F) {
	for _, seed := range []string{
		"", "Bearer a.b.c", "bearer \xff", "Bearer eyJhbGciOiJub25lIiwia2lkIjoib25lIn0.e30.",
		"Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6Im9uZSJ9.eyJzdWIiOiJ4In0.AAAA", "Bearer ..", "Bearer e30.e30.e30",
	} {
		f.Add(seed)
	}
	c, err := auth.NewClerk(auth.ClerkConfig{SecretKey: "sk_x", APIURL: "http://127.0.0.1:1"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(c.Close)
	f.Fuzz(func(t *testing.T, header string) {
		got, err := c.Verify(t.Context(), header)
		if (!errors.Is(err, auth.ErrUnauthorized) && !errors.Is(err, auth.ErrKeysUnavailable)) || got != (auth.Claims{}) {
			t.Fatalf("got %+v, %v", got, err)
		}
	})
}
