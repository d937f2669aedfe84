package auth_test

import (
	"fmt"
	"testing"
	"time"

	"missioncontrol/auth"
)

func newGate(t *testing.T, counts string) (*auth.AgentGate, *clock) {
	t.Helper()
	at := newClock()
	l, err := auth.NewMemoryLimiter(auth.Policy{Name: auth.AgentAuthPolicy, Limit: 20, Window: time.Minute}, at.Now)
	if err != nil {
		t.Fatal(err)
	}
	g, err := auth.NewAgentGate(l, counts)
	if err != nil {
		t.Fatal(err)
	}
	return g, at
}

func TestAgentGateFailures(t *testing.T) {
	const address = "203.0.113.9"
	for _, counts := range []string{"", auth.CountFailures} {
		t.Run("counting "+counts+"/successes never limit", func(t *testing.T) {
			g, _ := newGate(t, counts)
			for range 100 { // agents that this process does not know yet
				if !g.Before(t.Context(), address, false).Allowed {
					t.Fatal("an agent is refused")
				}
			}
		})
	}
	g, at := newGate(t, auth.CountFailures)
	for i := range 20 {
		if !g.Before(t.Context(), address, false).Allowed {
			t.Fatalf("attempt %d is refused", i)
		}
		if d := g.Failed(t.Context(), address); d.Remaining != 19-i || d.Header() == nil {
			t.Fatalf("got %+v", d)
		}
	}
	limited := g.Before(t.Context(), address, false)
	if limited.Allowed || limited.RetryAfter != time.Minute || limited.Header().Get("Retry-After") != "60" {
		t.Errorf("got %+v", limited)
	}
	if d := g.Before(t.Context(), address, true); !d.Allowed || d.Header() != nil {
		t.Errorf("a known token gets %+v", d)
	}
	if !g.Before(t.Context(), "203.0.113.10", false).Allowed {
		t.Error("another address is refused")
	}
	t.Run("refusals/do not keep good tokens out", func(t *testing.T) {
		for range 59 {
			at.pass(time.Second)
			if g.Before(t.Context(), address, false).Allowed {
				t.Fatal("it passes too early")
			}
		}
		at.pass(time.Second)
		if !g.Before(t.Context(), address, false).Allowed {
			t.Error("it is still refused")
		}
	})
	t.Run("failures that began at once/push out the oldest", func(t *testing.T) {
		g, at := newGate(t, auth.CountFailures)
		for range 60 {
			g.Failed(t.Context(), address)
			at.pass(time.Second)
		}
		if d := g.Before(t.Context(), address, false); d.Allowed || d.RetryAfter != 40*time.Second {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("a whole IPv6 network/is one address", func(t *testing.T) {
		g, _ := newGate(t, auth.CountFailures)
		for i := range 20 {
			g.Failed(t.Context(), fmt.Sprintf("2001:db8::%x", i+1))
		}
		if g.Before(t.Context(), "2001:db8::ffff", false).Allowed || !g.Before(t.Context(), "2001:db8:0:1::1", false).Allowed {
			t.Error("limits are not by /64")
		}
	})
}

func TestAgentGateAll(t *testing.T) {
	const address = "203.0.113.9"
	g, at := newGate(t, auth.CountAll)
	for i := range 20 {
		if d := g.Before(t.Context(), address, i%2 == 0); !d.Allowed || d.Remaining != 19-i {
			t.Fatalf("attempt %d: %+v", i, d)
		}
		if d := g.Failed(t.Context(), address); d.Header() != nil {
			t.Fatalf("an attempt counts twice: %+v", d)
		}
	}
	for range 30 { // refusals count, so who goes on stays out
		at.pass(3*time.Second - 1)
		if g.Before(t.Context(), address, true).Allowed {
			t.Fatal("it passes")
		}
	}
	at.pass(time.Minute)
	if !g.Before(t.Context(), address, false).Allowed {
		t.Error("it is refused after a quiet window")
	}
}

func TestNewAgentGate(t *testing.T) {
	for counts, ok := range map[string]bool{"": true, "failures": true, "all": true, "ALL": false, "none": false} {
		if _, err := auth.NewAgentGate(nil, counts); (err == nil) != ok {
			t.Errorf("%q: %v", counts, err)
		}
	}
}
