package auth

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Policy is how many attempts within a window pass.
type Policy struct {
	Name   string // lower-case letters, digits and _: also the namespace of keys
	Limit  int
	Window time.Duration
}

// The names of the policies that there are.
const (
	AgentAuthPolicy     = "agent_auth"
	WebhookIngestPolicy = "webhook_ingest"
)

// Bounds of what can be configured.
const (
	mostAttempts  = 100_000
	longestWindow = 24 * time.Hour
)

// check refuses a policy that cannot be kept.
func (p Policy) check() error {
	if p.Name == "" {
		return errors.New("auth: a rate limit has no name")
	}
	for _, r := range p.Name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' {
			return fmt.Errorf("auth: the name of rate limit %q must be of lower-case letters, digits and _", p.Name)
		}
	}
	if p.Limit < 1 || p.Limit > mostAttempts {
		return fmt.Errorf("auth: rate limit %s must let 1 to %d attempts pass, not %d", p.Name, mostAttempts, p.Limit)
	}
	if p.Window < time.Second || p.Window > longestWindow {
		return fmt.Errorf("auth: the window of rate limit %s must be 1s to %s, not %s", p.Name, longestWindow, p.Window)
	}
	return nil
}

// Limiter bounds attempts per key in a sliding window. An attempt that is
// refused enters the window too and pushes the oldest out, so that sustained
// abuse stays blocked.
type Limiter interface {
	// Allow notes an attempt and says whether it passes.
	Allow(ctx context.Context, key string) Decision
	// Check says whether an attempt would pass, without noting one.
	Check(ctx context.Context, key string) Decision
	// Limits is the policy that attempts are bound by.
	Limits() Policy
}

// Decision is what a limiter says. The zero value is of no policy: it refuses,
// and has no headers.
type Decision struct {
	Policy
	Allowed   bool
	Remaining int           // attempts that would pass now
	Reset     time.Duration // until one more passes than now
	// RetryAfter is until an attempt passes; 0 when Allowed.
	RetryAfter time.Duration
}

// decide judges a key with that many attempts in the window, noted being the
// one in question or 0, of which the oldest leaves after that time.
func (p Policy) decide(before, noted int, oldest time.Duration) Decision {
	d := Decision{
		Policy: p, Allowed: before < p.Limit, Remaining: max(0, p.Limit-before-noted),
		Reset: min(max(oldest, 0), p.Window),
	}
	if !d.Allowed {
		d.RetryAfter = d.Reset
	}
	return d
}

// open is the decision when nobody can tell.
func (p Policy) open() Decision {
	return Decision{Policy: p, Allowed: true, Remaining: p.Limit}
}

// Header says to clients what was decided, in the fields of
// draft-ietf-httpapi-ratelimit-headers and, for a refusal, Retry-After.
func (d Decision) Header() http.Header {
	if d.Name == "" {
		return nil
	}
	h := http.Header{
		"Ratelimit-Policy": {fmt.Sprintf("%q;q=%d;w=%d", d.Name, d.Limit, seconds(d.Window))},
		"Ratelimit":        {fmt.Sprintf("%q;r=%d;t=%d", d.Name, d.Remaining, seconds(d.Reset))},
	}
	if !d.Allowed {
		h["Retry-After"] = []string{strconv.Itoa(max(1, seconds(d.RetryAfter)))}
	}
	return h
}

// seconds rounds up: a client that waits that long has waited enough.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
