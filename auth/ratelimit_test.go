package auth_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"missioncontrol/auth"
)

// backend makes limiters whose time only the test moves.
type backend struct {
	limiter func(t *testing.T, p auth.Policy) auth.Limiter
	pass    func(time.Duration)
}

func backends(t *testing.T) map[string]backend {
	t.Helper()
	own := newClock()
	server, shared := newMiniredis(t)
	limits, err := auth.ConnectRedis(t.Context(), "redis://"+server.Addr(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = limits.Close() })
	return map[string]backend{
		"memory": {pass: own.pass, limiter: func(t *testing.T, p auth.Policy) auth.Limiter {
			t.Helper()
			l, err := auth.NewMemoryLimiter(p, own.Now)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}},
		"redis": {limiter: func(t *testing.T, p auth.Policy) auth.Limiter {
			t.Helper()
			l, err := limits.Limiter(p)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}, pass: func(d time.Duration) {
			shared.pass(d)
			server.SetTime(shared.Now())
			server.FastForward(d)
		}},
	}
}

// newMiniredis starts a Redis of whose clock only the test knows.
func newMiniredis(t *testing.T) (*miniredis.Miniredis, *clock) {
	t.Helper()
	server, at := miniredis.RunT(t), newClock()
	server.SetTime(at.Now())
	return server, at
}

func TestLimiter(t *testing.T) {
	for name, b := range backends(t) {
		t.Run(name, func(t *testing.T) { limiterKeepsItsPolicy(t, b) })
		t.Run(name+"/agrees with the plain description", func(t *testing.T) { limiterAgrees(t, b) })
	}
}

func limiterKeepsItsPolicy(t *testing.T, b backend) {
	t.Helper()
	policy := auth.Policy{Name: "kept", Limit: 3, Window: time.Minute}
	l, ctx := b.limiter(t, policy), t.Context()
	same := func(what string, got, want auth.Decision) {
		t.Helper()
		want.Policy = policy
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: %s", what, diff)
		}
	}
	same("an unknown key", l.Check(ctx, "a"), auth.Decision{Allowed: true, Remaining: 3})
	same("the first", l.Allow(ctx, "a"), auth.Decision{Allowed: true, Remaining: 2, Reset: time.Minute})
	b.pass(10 * time.Second)
	same("the second", l.Allow(ctx, "a"), auth.Decision{Allowed: true, Remaining: 1, Reset: 50 * time.Second})
	same("a look", l.Check(ctx, "a"), auth.Decision{Allowed: true, Remaining: 1, Reset: 50 * time.Second})
	b.pass(10 * time.Second)
	same("the third", l.Allow(ctx, "a"), auth.Decision{Allowed: true, Remaining: 0, Reset: 40 * time.Second})
	same("a look at a full window", l.Check(ctx, "a"), auth.Decision{Reset: 40 * time.Second, RetryAfter: 40 * time.Second})
	same("another key", l.Check(ctx, "b"), auth.Decision{Allowed: true, Remaining: 3})
	b.pass(5 * time.Second)
	// It pushes out the first attempt, so the second is the oldest now.
	same("the fourth", l.Allow(ctx, "a"), auth.Decision{Reset: 45 * time.Second, RetryAfter: 45 * time.Second})
	b.pass(45*time.Second - time.Microsecond)
	same("just before", l.Check(ctx, "a"), auth.Decision{Reset: time.Microsecond, RetryAfter: time.Microsecond})
	b.pass(time.Microsecond)
	same("then", l.Check(ctx, "a"), auth.Decision{Allowed: true, Remaining: 1, Reset: 10 * time.Second})
	same("at last", l.Allow(ctx, "a"), auth.Decision{Allowed: true, Remaining: 0, Reset: 10 * time.Second})
	for range 3 {
		l.Allow(ctx, "a")
	}
	for range 100 { // sustained abuse stays blocked
		b.pass(10 * time.Second)
		if l.Allow(ctx, "a").Allowed {
			t.Fatal("an attempt every 10 s passes a limit of 3 a minute")
		}
	}
	b.pass(time.Minute)
	same("after a quiet window", l.Check(ctx, "a"), auth.Decision{Allowed: true, Remaining: 3})
}

// limiterAgrees compares with the description of the algorithm.
func limiterAgrees(t *testing.T, b backend) {
	t.Helper()
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		policy := auth.Policy{
			Name:   fmt.Sprintf("agrees_%d", run),
			Limit:  rapid.IntRange(1, 5).Draw(r, "limit"),
			Window: time.Duration(rapid.IntRange(1, 20).Draw(r, "window")) * time.Second,
		}
		l := b.limiter(t, policy)
		kept := map[string][]time.Duration{}
		var now time.Duration
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			key := rapid.SampledFrom([]string{"a", "b"}).Draw(r, "key")
			step := time.Duration(rapid.IntRange(0, 8).Draw(r, "pause")) * time.Second
			now += step
			b.pass(step)
			in := kept[key]
			for len(in) > 0 && in[0] <= now-policy.Window {
				in = in[1:]
			}
			want := len(in) < policy.Limit
			var got auth.Decision
			if rapid.Bool().Draw(r, "count") {
				got = l.Allow(t.Context(), key)
				if in = append(in, now); len(in) > policy.Limit {
					in = in[1:]
				}
			} else {
				got = l.Check(t.Context(), key)
			}
			kept[key] = in
			if got.Allowed != want {
				r.Fatalf("allowed: %t, want %t", got.Allowed, want)
			}
			if !want && got.RetryAfter != in[0]+policy.Window-now {
				r.Fatalf("retry after %s, want %s", got.RetryAfter, in[0]+policy.Window-now)
			}
		}
		b.pass(policy.Window)
	})
}

func TestLimiterAtOnce(t *testing.T) {
	for name, b := range backends(t) {
		t.Run(name+"/lets exactly the limit pass", func(t *testing.T) {
			l := b.limiter(t, auth.Policy{Name: "at_once", Limit: 20, Window: time.Minute})
			if n := passing(t.Context(), l, 100); n != 20 {
				t.Errorf("%d passed", n)
			}
		})
	}
}

// passing makes attempts at once and counts those that pass.
func passing(ctx context.Context, l auth.Limiter, attempts int) int64 {
	var wait sync.WaitGroup
	var passed atomic.Int64
	for range attempts {
		wait.Go(func() {
			if l.Allow(ctx, "a").Allowed {
				passed.Add(1)
			}
		})
	}
	wait.Wait()
	return passed.Load()
}

func TestPolicy(t *testing.T) {
	for name, test := range map[string]struct {
		policy auth.Policy
		ok     bool
	}{
		"usual":          {auth.Policy{Name: auth.AgentAuthPolicy, Limit: 20, Window: time.Minute}, true},
		"no name":        {auth.Policy{Limit: 20, Window: time.Minute}, false},
		"an odd name":    {auth.Policy{Name: `a"b`, Limit: 20, Window: time.Minute}, false},
		"nothing passes": {auth.Policy{Name: "a", Window: time.Minute}, false},
		"too many":       {auth.Policy{Name: "a", Limit: 1 << 30, Window: time.Minute}, false},
		"no window":      {auth.Policy{Name: "a", Limit: 20}, false},
		"an endless one": {auth.Policy{Name: "a", Limit: 20, Window: 48 * time.Hour}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := auth.NewMemoryLimiter(test.policy, nil); (err == nil) != test.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDecisionHeader(t *testing.T) {
	policy := auth.Policy{Name: "agent_auth", Limit: 20, Window: time.Minute}
	for name, test := range map[string]struct {
		decision auth.Decision
		want     http.Header
	}{
		"of no policy": {},
		"allowed": {
			auth.Decision{Policy: policy, Allowed: true, Remaining: 19, Reset: 59*time.Second + 1},
			http.Header{"Ratelimit-Policy": {`"agent_auth";q=20;w=60`}, "Ratelimit": {`"agent_auth";r=19;t=60`}},
		},
		"refused": {
			auth.Decision{Policy: policy, Reset: 1500 * time.Millisecond, RetryAfter: 1500 * time.Millisecond},
			http.Header{"Ratelimit-Policy": {`"agent_auth";q=20;w=60`}, "Ratelimit": {`"agent_auth";r=0;t=2`}, "Retry-After": {"2"}},
		},
		"refused for a moment more": {
			auth.Decision{Policy: policy},
			http.Header{"Ratelimit-Policy": {`"agent_auth";q=20;w=60`}, "Ratelimit": {`"agent_auth";r=0;t=0`}, "Retry-After": {"1"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.decision.Header()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMemoryLimiterForgets(t *testing.T) {
	at := newClock()
	l, err := auth.NewMemoryLimiter(auth.Policy{Name: "a", Limit: 2, Window: time.Minute}, at.Now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200_000 {
		l.Allow(t.Context(), fmt.Sprint(i))
	}
	if keys, times := l.Size(); keys > 1<<16 || times > 1<<16 {
		t.Errorf("%d keys with %d attempts are kept", keys, times)
	}
	l.Allow(t.Context(), "199999")
	if l.Check(t.Context(), "199999").Allowed {
		t.Error("a key that is not the quietest was forgotten")
	}
	at.pass(time.Minute)
	l.Check(t.Context(), "x")
	if keys, times := l.Size(); keys != 0 || times != 0 {
		t.Errorf("%d keys with %d attempts outlive their window", keys, times)
	}
}

func BenchmarkMemoryLimiter(b *testing.B) {
	l, err := auth.NewMemoryLimiter(auth.Policy{Name: "a", Limit: 20, Window: time.Minute}, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		l.Allow(b.Context(), "203.0.113.9")
		l.Check(b.Context(), "203.0.113.9")
	}
}
