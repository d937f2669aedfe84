package eventstore

import (
	"testing"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

func touching(seq int64, keys ...domain.Key) change {
	return change{event: &Recorded{Seq: seq, Org: uuid.UUID{1}, OrgSeq: seq}, keys: keys}
}

// A decision older than the window is made again even if nobody touched what
// it looked at: the memory of touches may be gone.
func TestConflictWindow(t *testing.T) {
	t.Parallel()
	m := newMemory(10)
	old, hot := Key(uuid.UUID{2}, "old"), Key(uuid.UUID{3}, "hot")
	m.apply([]change{touching(11, old, hot)})
	if m.unchanged([]domain.Key{old}, 10) || !m.unchanged([]domain.Key{old}, 11) || m.unchanged(nil, 9) {
		t.Fatal("a touch is not seen, or one before it")
	}
	for seq := int64(12); seq <= 10+conflictWindow; seq++ {
		m.apply([]change{touching(seq, hot)})
	}
	if m.unchanged([]domain.Key{old}, 10) {
		t.Error("the oldest touch was forgotten too early")
	}
	m.apply([]change{touching(11+conflictWindow, hot)})
	if _, kept := m.touched[old]; kept || len(m.touched) != 1 {
		t.Errorf("touches that left the window take memory: %d keys", len(m.touched))
	}
	if m.unchanged([]domain.Key{old}, 10) || m.unchanged(nil, 10) {
		t.Error("a decision from before the window was admitted")
	}
	if !m.unchanged([]domain.Key{old}, 11) || m.unchanged([]domain.Key{hot}, 12) {
		t.Error("a decision within the window is judged wrongly")
	}
}

// A fact in use survives the change of generations; one that was touched, or
// read before a touch, is not remembered.
func TestFacts(t *testing.T) {
	t.Parallel()
	m := newMemory(0)
	used, touched := Key(uuid.UUID{1}, "used"), Key(uuid.UUID{2}, "touched")
	m.keep(used, "f", 1, 0)
	m.keep(touched, "f", 1, 0)
	m.apply([]change{touching(1, touched)})
	if _, ok := m.fact(touched, "f"); ok {
		t.Error("a fact outlived its touch")
	}
	m.keep(touched, "f", "stale", 0)
	if _, ok := m.fact(touched, "f"); ok {
		t.Error("a fact that was read before the touch is remembered")
	}
	m.keep(touched, "f", "fresh", 1)
	for i := range 3 * factGeneration {
		m.keep(Key(uuid.UUID{3, byte(i), byte(i >> 8), byte(i >> 16)}, "other"), "f", i, 1)
		if i%1000 == 0 {
			if v, ok := m.fact(used, "f"); !ok || v != 1 {
				t.Fatalf("a fact in use was forgotten after %d others", i)
			}
		}
	}
	if _, ok := m.fact(touched, "f"); ok {
		t.Error("a fact that nobody asks for is kept for ever")
	}
	if n := len(m.facts) + len(m.older); n > 2*factGeneration+1 {
		t.Errorf("%d facts are remembered", n)
	}
	if _, ok := m.fact(used, "another name"); ok {
		t.Error("facts of one key are mixed up")
	}
}

// The end of a chain that was read is taken only if nothing can have been
// missed since.
func TestChains(t *testing.T) {
	t.Parallel()
	m := newMemory(5)
	org, other := uuid.UUID{1}, uuid.UUID{9}
	for asOf, want := range map[int64]bool{4: false, 6: false} {
		if m.adoptChain(org, chain{seq: 3}, asOf) != want {
			t.Errorf("an end as of %d", asOf)
		}
	}
	if !m.adoptChain(org, chain{seq: 3}, 5) {
		t.Error("a current end was refused")
	}
	m.apply([]change{touching(6)})
	if end, ok := m.chainOf(org); !ok || end.seq != 6 {
		t.Errorf("the chain ends at %+v", end)
	}
	if !m.adoptChain(org, chain{seq: 3}, 5) {
		t.Error("an end is known")
	}
	if end, _ := m.chainOf(org); end.seq != 6 {
		t.Error("an older end replaced a newer one")
	}
	if !m.adoptChain(other, chain{seq: 1}, 5) {
		t.Error("no event of it came since: the end still holds")
	}
}
