package commands

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestRefusalsOfAMinute(t *testing.T) {
	t.Parallel()
	var r refusals
	one, two := domain.Actor{Type: domain.Agent, ID: uuid.New()}, domain.Actor{Type: domain.User, ID: uuid.New()}
	home, other := uuid.New(), uuid.New()
	for i := range 100 {
		at := noon.Add(time.Duration(i) * 100 * time.Millisecond)
		if got, want := r.single(at, one, home, home, fmt.Sprint("r", i)), i < singleRefusals; got != want {
			t.Fatalf("refusal %d is recorded by itself: %v", i, got)
		}
	}
	if !r.single(noon, two, home, home, "") {
		t.Error("the other has a budget of its own")
	}
	r.single(noon.Add(time.Minute-1), one, other, home, "x")
	if len(r.pending) != 0 {
		t.Error("told before the minute is over")
	}
	if !r.single(noon.Add(time.Minute), one, home, home, "") {
		t.Error("the next minute has a budget of its own")
	}
	if len(r.pending) != 2 {
		t.Fatalf("%+v", r.pending)
	}
	for _, s := range r.pending {
		switch s.org {
		case home:
			if s.many.Count != 70 || s.many.First != noon.Add(3*time.Second) || s.many.Last != noon.Add(9900*time.Millisecond) ||
				len(s.many.RequestIDs) != 20 || s.many.RequestIDs[0] != "r30" || s.actor != one {
				t.Errorf("%+v", s)
			}
		case other:
			if s.many.Count != 1 {
				t.Errorf("%+v", s)
			}
		default:
			t.Errorf("%+v", s)
		}
	}
}

// TestRefusalsBounds: whoever is refused, and wherever, entries and memory are
// bounded, and nothing is lost but names.
func TestRefusalsBounds(t *testing.T) {
	t.Parallel()
	var r refusals
	one, home, total, single := domain.Actor{ID: uuid.New()}, uuid.New(), 0, 0
	for range 100 {
		if total++; r.single(noon, one, uuid.New(), home, "") {
			single++
		}
	}
	for range mostActors + 50 {
		if total++; r.single(noon, domain.Actor{ID: uuid.New()}, home, home, "") {
			single++
		}
	}
	r.close()
	counted := 0
	for _, s := range r.pending {
		counted += s.many.Count
	}
	if counted+single != total || len(r.pending) != organizationsOfActor+2 || single != singleRefusals+mostActors-1 {
		t.Errorf("%d alone and %d in %d summaries, of %d", single, counted, len(r.pending), total)
	}
}

func TestFailuresOfAMinute(t *testing.T) {
	t.Parallel()
	var f failures
	single := func(now time.Time, address, request string) bool {
		single, _ := f.take(now, address, address, request)
		return single
	}
	if !single(noon, "a", "r1") || single(noon, "a", "r2") || !single(noon, "b", "r3") {
		t.Error("the first of an address is recorded by itself, and no other")
	}
	if _, due := f.next(noon.Add(59 * time.Second)); due {
		t.Error("told before the minute is over")
	}
	s, due := f.next(noon.Add(time.Minute))
	if !due || s.address != "a" || s.addresses != 1 || s.many.Count != 1 || s.many.RequestIDs[0] != "r2" {
		t.Errorf("%+v", s)
	}
	if s, due := f.next(noon.Add(2 * time.Minute)); due {
		t.Errorf("told twice: %+v", s)
	}
	if !single(noon.Add(2*time.Minute), "a", "") {
		t.Error("the next minute has a first one of its own")
	}
	for i := range 2 * oftenFailures {
		if _, often := f.take(noon.Add(2*time.Minute), "a", "a", ""); often != (i >= oftenFailures) {
			t.Errorf("failure %d after the first is often: %v", i+1, often)
		}
	}
}

// TestFailuresBounds: whatever comes from wherever, at most five entries a
// second are recorded, and every failure is in one of them.
func TestFailuresBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var f failures
		addresses := rapid.SampledFrom([]int{1, 3, 50, 2 * mostAddresses}).Draw(t, "addresses")
		entries, total, told := map[time.Time]int{}, 0, 0
		tell := func(now time.Time) {
			if s, due := f.next(now); due {
				entries[now.Truncate(time.Second)]++
				told += s.many.Count
			}
		}
		at := noon
		for range rapid.IntRange(1, 3000).Draw(t, "failures") {
			at = at.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "later")) * time.Millisecond)
			site := fmt.Sprint(rapid.IntRange(1, addresses).Draw(t, "address"))
			total++
			if single, _ := f.take(at, site, site, ""); single {
				entries[at.Truncate(time.Second)]++
				told++
			}
			tell(at)
		}
		for range 3 * 60 {
			at = at.Add(time.Second)
			tell(at)
		}
		for second, n := range entries {
			if n > singleFailures+1 {
				t.Errorf("%d entries at %v", n, second)
			}
		}
		if told != total || len(f.pending) > failureSummaries {
			t.Errorf("%d of %d failures are told, %d wait", told, total, len(f.pending))
		}
	})
}

func TestReadingsOfAMinute(t *testing.T) {
	t.Parallel()
	var r readings
	one := reading{uuid.New(), "GET", "/a"}
	other := one
	other.route = "/b"
	for i, c := range []struct {
		at   time.Time
		what reading
		want bool
	}{{noon, one, true}, {noon.Add(time.Second), one, false}, {noon, other, true}, {noon.Add(time.Minute), one, true}} {
		if r.first(c.at, c.what) != c.want {
			t.Errorf("reading %d is the first: %v", i, !c.want)
		}
	}
}
