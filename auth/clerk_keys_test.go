package auth_test

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"missioncontrol/auth"
)

func TestClerkKeys(t *testing.T) {
	verify := func(t *testing.T, c *auth.Clerk, header string, want error) {
		t.Helper()
		if _, err := c.Verify(t.Context(), header); !errors.Is(err, want) {
			t.Fatalf("got %v, want %v", err, want)
		}
	}
	fetches := func(t *testing.T, s *standIn, want int) {
		t.Helper()
		if got := s.fetched(); got != want {
			t.Fatalf("the keys were fetched %d times, want %d", got, want)
		}
	}
	t.Run("fresh/are not fetched again", func(t *testing.T) {
		s := newStandIn(t)
		c := s.clerk(t, nil)
		fetches(t, s, 0)
		for range 20 {
			verify(t, c, s.sign(t, "one", firstKey(), nil), nil)
		}
		s.clock.pass(5*time.Minute - time.Second)
		verify(t, c, s.sign(t, "one", firstKey(), nil), nil)
		fetches(t, s, 1)
		s.clock.pass(time.Second)
		verify(t, c, s.sign(t, "one", firstKey(), nil), nil)
		fetches(t, s, 2)
	})
	t.Run("rotated/are honoured, and the old one no more", func(t *testing.T) {
		s := newStandIn(t)
		c := s.clerk(t, nil)
		verify(t, c, s.sign(t, "one", firstKey(), nil), nil)
		s.set(func() { s.keys = map[string]*rsa.PublicKey{"two": &secondKey().PublicKey} })
		s.clock.pass(time.Minute)
		verify(t, c, s.sign(t, "two", secondKey(), nil), nil)
		fetches(t, s, 2)
		verify(t, c, s.sign(t, "one", firstKey(), nil), auth.ErrUnauthorized)
		fetches(t, s, 2)
	})
	t.Run("replaced under their name/are honoured when the cache ends", func(t *testing.T) {
		s := newStandIn(t)
		c := s.clerk(t, nil)
		verify(t, c, s.sign(t, "one", firstKey(), nil), nil)
		s.set(func() { s.keys = map[string]*rsa.PublicKey{"one": &secondKey().PublicKey} })
		s.clock.pass(5 * time.Minute)
		verify(t, c, s.sign(t, "one", firstKey(), nil), auth.ErrUnauthorized)
		verify(t, c, s.sign(t, "one", secondKey(), nil), nil)
	})
	t.Run("a flood of unknown names/costs one fetch a minute", func(t *testing.T) {
		s := newStandIn(t)
		c := s.clerk(t, nil)
		verify(t, c, s.sign(t, "one", firstKey(), nil), nil)
		for minute := range 3 {
			for i := range 100 {
				verify(t, c, unsigned(fmt.Sprintf("unknown-%d-%d", minute, i)), auth.ErrUnauthorized)
			}
			fetches(t, s, 1+minute)
			s.clock.pass(time.Minute)
		}
		s.set(func() { s.down = true })
		for range 100 {
			verify(t, c, unsigned("unknown"), auth.ErrKeysUnavailable)
			verify(t, c, s.sign(t, "one", firstKey(), nil), nil)
		}
		fetches(t, s, 4)
	})
	t.Run("away from the start/are asked for every ten seconds", func(t *testing.T) {
		s := newStandIn(t)
		log := &journal{}
		c := s.clerk(t, func(c *auth.ClerkConfig) { c.Log = log.log() })
		s.set(func() { s.down = true })
		for range 100 {
			verify(t, c, s.sign(t, "one", firstKey(), nil), auth.ErrKeysUnavailable)
		}
		fetches(t, s, 1)
		s.clock.pass(10 * time.Second)
		verify(t, c, s.sign(t, "one", firstKey(), nil), auth.ErrKeysUnavailable)
		fetches(t, s, 2)
		s.set(func() { s.down = false })
		s.clock.pass(10 * time.Second)
		verify(t, c, s.sign(t, "one", firstKey(), nil), nil)
		if strings.Contains(log.String(), secretKey) || !strings.Contains(log.String(), "Clerk answered 500") {
			t.Errorf("log: %s", log)
		}
	})
	t.Run("stale/serve for an hour while the endpoint is away", func(t *testing.T) {
		s := newStandIn(t)
		c := s.clerk(t, nil)
		verify(t, c, s.sign(t, "one", firstKey(), nil), nil)
		s.set(func() { s.down = true })
		s.clock.pass(time.Hour - time.Second)
		verify(t, c, s.sign(t, "one", firstKey(), nil), nil)
		verify(t, c, unsigned("unknown"), auth.ErrKeysUnavailable)
		fetches(t, s, 2)
		s.clock.pass(time.Second)
		verify(t, c, s.sign(t, "one", firstKey(), nil), auth.ErrKeysUnavailable)
		s.set(func() { s.down = false })
		s.clock.pass(10 * time.Second)
		verify(t, c, s.sign(t, "one", firstKey(), nil), nil)
	})
}

// unsigned is the header of a token that needs a look at the keys.
func unsigned(kid string) string {
	header, _ := json.Marshal(map[string]string{"alg": "RS256", "kid": kid})
	return "Bearer " + encode(header) + "." + encode([]byte(`{"sub":"user_1"}`)) + "." + encode(make([]byte, 256))
}

func TestClerkKeysAtOnce(t *testing.T) {
	s := newStandIn(t)
	c := s.clerk(t, nil)
	hold := make(chan struct{})
	s.set(func() { s.hold = hold })
	header := s.sign(t, "one", firstKey(), nil)

	var wait sync.WaitGroup
	left, leave := context.WithCancel(t.Context())
	leave()
	for i := range 50 {
		wait.Go(func() {
			ctx := t.Context()
			if i%5 == 0 {
				ctx = left
			}
			_, err := c.Verify(ctx, header)
			if err != nil && (ctx != left || !errors.Is(err, auth.ErrKeysUnavailable)) {
				t.Errorf("caller %d: %v", i, err)
			}
		})
	}
	eventually(t, func() bool { return s.fetched() > 0 })
	close(hold)
	wait.Wait()
	if n := s.fetched(); n != 1 {
		t.Fatalf("the keys were fetched %d times", n)
	}

	t.Run("a fetch that hangs/holds up nobody with a usable key", func(t *testing.T) {
		hold := make(chan struct{})
		s.set(func() { s.hold = hold })
		s.clock.pass(6 * time.Minute)
		header := s.sign(t, "one", firstKey(), nil)
		leader := make(chan error, 1)
		go func() {
			_, err := c.Verify(t.Context(), header)
			leader <- err
		}()
		eventually(t, func() bool { return s.fetched() > 1 })
		for range 10 {
			if _, err := c.Verify(t.Context(), header); err != nil {
				t.Fatal(err)
			}
		}
		close(hold)
		if err := <-leader; err != nil {
			t.Fatal(err)
		}
	})
}

// eventually waits for a condition.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about")
		}
	}
}

func TestClerkKeySets(t *testing.T) {
	good := jwkOf("one", &firstKey().PublicKey)
	with := func(name, value string) map[string]string {
		k := jwkOf("one", &firstKey().PublicKey)
		k[name] = value
		return k
	}
	raw := func(keys ...map[string]string) string {
		b, err := json.Marshal(map[string]any{"keys": keys, "more": 1})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for name, test := range map[string]struct {
		raw  string
		want error
	}{
		"one key":                      {raw: raw(good)},
		"keys of other kinds beside":   {raw: raw(map[string]string{"kty": "EC", "kid": "one", "crv": "P-256"}, good, with("kid", ""))},
		"no keys":                      {raw: `{"keys":[]}`, want: auth.ErrKeysUnavailable},
		"no set":                       {raw: `[]`, want: auth.ErrKeysUnavailable},
		"no JSON":                      {raw: `<html>`, want: auth.ErrKeysUnavailable},
		"a key to encrypt":             {raw: raw(with("use", "enc")), want: auth.ErrKeysUnavailable},
		"a key of another algorithm":   {raw: raw(with("alg", "RS512")), want: auth.ErrKeysUnavailable},
		"a short key":                  {raw: raw(with("n", encode(append([]byte{0x80}, make([]byte, 127)...)))), want: auth.ErrKeysUnavailable},
		"an even modulus":              {raw: raw(with("n", encode(append([]byte{0x80}, make([]byte, 255)...)))), want: auth.ErrKeysUnavailable},
		"an endless modulus":           {raw: raw(with("n", encode(append(make([]byte, 0), append([]byte{0x80}, append(make([]byte, 4000), 1)...)...)))), want: auth.ErrKeysUnavailable},
		"an exponent of one":           {raw: raw(with("e", "AQ")), want: auth.ErrKeysUnavailable},
		"an endless exponent":          {raw: raw(with("e", encode(append(make([]byte, 0), 1, 0, 0, 0, 0, 1)))), want: auth.ErrKeysUnavailable},
		"a modulus that is no base64":  {raw: raw(with("n", "!")), want: auth.ErrKeysUnavailable},
		"an answer larger than is due": {raw: raw(good) + strings.Repeat(" ", 1<<20), want: auth.ErrKeysUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t)
			s.keysRaw = test.raw
			if _, err := s.clerk(t, nil).Verify(t.Context(), s.sign(t, "one", firstKey(), nil)); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestClerkRedirect(t *testing.T) {
	t.Run("the secret key/follows none", func(t *testing.T) {
		s := newStandIn(t)
		astray := httptest.NewServer(http.RedirectHandler(s.URL+"/v1/jwks", http.StatusFound))
		t.Cleanup(astray.Close)
		c := s.clerk(t, func(c *auth.ClerkConfig) { c.APIURL = astray.URL })
		if _, err := c.Verify(t.Context(), s.sign(t, "one", firstKey(), nil)); !errors.Is(err, auth.ErrKeysUnavailable) {
			t.Errorf("got %v", err)
		}
		if n := s.fetched(); n != 0 {
			t.Errorf("the redirect was followed %d times", n)
		}
	})
}
