package auth

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// ErrKeysUnavailable means that the keys which tell good tokens from bad ones
// cannot be had now: the caller may try again.
var ErrKeysUnavailable = errors.New("auth: the keys of the identity provider cannot be fetched")

// How long keys are believed, and how often they are asked for.
const (
	keysFresh    = 5 * time.Minute  // after a fetch, without asking again
	keysStale    = time.Hour        // after a fetch, while the endpoint is away
	keysRotation = time.Minute      // between fetches because of an unknown key
	keysRetry    = 10 * time.Second // between fetches while the endpoint is away
)

// clerkKeys keeps the newest key set. Unknown names are not kept, so a flood of
// them costs neither memory nor fetches.
type clerkKeys struct {
	fetch func(context.Context) (map[string]*rsa.PublicKey, error)
	log   *slog.Logger
	now   func() time.Time

	mu      sync.Mutex
	keys    map[string]*rsa.PublicKey // replaced as a whole
	fetched time.Time                 // when keys came; zero: never
	tried   time.Time                 // when the newest fetch began; zero: never
	failed  bool                      // how it ended
	flight  chan struct{}             // closed when the running fetch ends; nil: none runs
}

func newClerkKeys(fetch func(context.Context) (map[string]*rsa.PublicKey, error), log *slog.Logger, now func() time.Time) *clerkKeys {
	return &clerkKeys{fetch: fetch, log: log, now: now}
}

// find returns the key of that name. Nobody waits for a fetch who has a usable
// key, except the one that makes it.
func (k *clerkKeys) find(ctx context.Context, kid string) (*rsa.PublicKey, error) {
	for {
		key, wait, err := k.look(kid)
		switch {
		case err != nil || key != nil:
			return key, err
		case wait == nil:
			k.refresh(ctx)
			continue
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrKeysUnavailable, ctx.Err())
		}
	}
}

// look answers from what is at hand. With neither a key nor an error the caller
// waits for the fetch that runs, or must make one: it is marked as running.
func (k *clerkKeys) look(kid string) (*rsa.PublicKey, <-chan struct{}, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	age := now.Sub(k.fetched)
	key, fresh := k.keys[kid], k.keys != nil && age < keysFresh
	pause := keysRetry
	if fresh {
		pause = keysRotation
	}
	due := k.tried.IsZero() || now.Sub(k.tried) >= pause
	usable := key != nil && age < keysStale
	switch {
	case key != nil && fresh:
		return key, nil, nil
	case k.flight != nil && !usable:
		return nil, k.flight, nil
	case k.flight == nil && due:
		k.flight, k.tried = make(chan struct{}), now
		return nil, nil, nil
	case usable:
		return key, nil, nil
	case fresh && !k.failed:
		return nil, nil, errors.New("auth: no such key")
	}
	return nil, nil, ErrKeysUnavailable
}

// refresh fetches the keys. It goes on when the caller leaves: others wait.
func (k *clerkKeys) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), clerkTimeout)
	defer cancel()
	var keys map[string]*rsa.PublicKey
	err := errors.New("auth: the fetch was broken off")
	defer func() { // also when fetch panics, else everybody waited for ever
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.failed = err != nil; !k.failed {
			k.keys, k.fetched = keys, k.now()
		}
		close(k.flight)
		k.flight = nil
	}()
	if keys, err = k.fetch(ctx); err != nil {
		k.log.Warn("the keys of Clerk cannot be fetched", "error", err)
	}
}

type jwkSet struct {
	Keys []jwk `json:"keys"`
}

type jwk struct {
	Kty string `json:"kty"`
	Use string `json:"use"`
	Alg string `json:"alg"`
	Kid string `json:"kid"`
	N   string `json:"n"`
	E   string `json:"e"`
}

// keys fetches the keys that sign session tokens now.
func (a clerkAPI) keys(ctx context.Context) (map[string]*rsa.PublicKey, error) {
	body, err := a.get(ctx, "fetch keys", a.base.JoinPath("jwks"))
	if err != nil {
		return nil, err
	}
	var set jwkSet
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("auth: the key set is not understood: %w", err)
	}
	keys := map[string]*rsa.PublicKey{}
	for _, k := range set.Keys {
		if key := k.rsa(); key != nil {
			keys[k.Kid] = key
		}
	}
	if len(keys) == 0 { // of an endpoint in trouble, sooner than of one that revoked all
		return nil, errors.New("auth: the key set holds no RS256 key")
	}
	return keys, nil
}

// Sizes of keys in bits: smaller ones are weak, larger ones slow.
const (
	smallestModulus = 2048
	largestModulus  = 8192
)

// rsa returns a key that may sign session tokens, nil for any other.
func (k jwk) rsa() *rsa.PublicKey {
	if k.Kty != "RSA" || k.Kid == "" || len(k.Kid) > longestKeyID || (k.Use != "" && k.Use != "sig") || (k.Alg != "" && k.Alg != "RS256") {
		return nil
	}
	n, err := base64.RawURLEncoding.DecodeString(k.N)
	if err != nil {
		return nil
	}
	e, err := base64.RawURLEncoding.DecodeString(k.E)
	if err != nil {
		return nil
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if bits := modulus.BitLen(); bits < smallestModulus || bits > largestModulus || modulus.Bit(0) == 0 {
		return nil
	}
	if exponent.BitLen() > 31 || exponent.Int64() < 3 || exponent.Bit(0) == 0 {
		return nil
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}
}
