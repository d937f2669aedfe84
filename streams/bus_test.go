package streams

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"missioncontrol/eventstore"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func startBus(t *testing.T, c BusConfig) *Bus {
	t.Helper()
	c.Log = quiet
	b, err := StartBus(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// eventually polls a condition that another process of the system brings about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(10 * time.Second):
		t.Fatal("nothing arrived within 10 s")
		panic("unreachable")
	}
}

func testBatch(first, last int64) Batch {
	b := Batch{Epoch: testEpoch, First: first, Last: last}
	for seq := first; seq <= last; seq++ {
		b.Entries = append(b.Entries, fmt.Appendf(nil, `{"seq":%d}`, seq))
		b.Frames = append(b.Frames, testFrame("a", seq))
	}
	return b
}

func TestBus(t *testing.T) {
	t.Run("tells other processes, not its own", func(t *testing.T) {
		one := startBus(t, BusConfig{Listen: "127.0.0.1:0", Token: "secret"})
		two := startBus(t, BusConfig{URL: "nats://" + one.Address(), Token: "secret"})
		got := make(chan Batch, 10)
		for _, b := range []*Bus{one, two} {
			if err := b.Subscribe(func(batch Batch) { got <- batch }); err != nil {
				t.Fatal(err)
			}
			eventually(t, "connected", func() bool { return b.Healthy() == nil && b.conn.Flush() == nil })
		}
		for _, b := range []*Bus{one, two} {
			sent := testBatch(4, 5)
			b.Publish(sent)
			sent.Process = b.process
			if diff := cmp.Diff(sent, receive(t, got)); diff != "" {
				t.Error(diff)
			}
		}
		big := testBatch(6, 6)
		big.Entries[0] = bytes.Repeat([]byte("x"), MaxBatchBytes)
		one.Publish(big)
		if batch := receive(t, got); !batch.NumbersOnly || batch.First != 6 || batch.Last != 6 || batch.Frames != nil || batch.Entries != nil {
			t.Errorf("got %v, want numbers only", batch)
		}
	})
	t.Run("ignores what is no batch", func(t *testing.T) {
		b := startBus(t, BusConfig{Listen: "127.0.0.1:0"})
		got := make(chan Batch, 10)
		if err := b.Subscribe(func(batch Batch) { got <- batch }); err != nil {
			t.Fatal(err)
		}
		stranger, err := nats.Connect(b.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer stranger.Close()
		for _, data := range [][]byte{nil, []byte("hello"), {1}, EncodeBatch(testBatch(1, 1))} {
			if err := stranger.Publish(busSubject, data); err != nil {
				t.Fatal(err)
			}
		}
		if batch := receive(t, got); batch.First != 1 {
			t.Errorf("got %v", batch)
		}
	})
	t.Run("starts without its outside server, finds it, loses it and finds it again", func(t *testing.T) {
		one := startBus(t, BusConfig{Listen: "127.0.0.1:0"})
		address := one.Address()
		one.Close()
		two := startBus(t, BusConfig{URL: address})
		if err := two.Healthy(); err == nil {
			t.Error("healthy without a server")
		}
		got := make(chan Batch, 1000)
		if err := two.Subscribe(func(batch Batch) { got <- batch }); err != nil {
			t.Fatal(err)
		}
		for round := range 2 {
			two.Publish(testBatch(1, 1)) // nobody is there
			eventually(t, "dropped", func() bool { return two.Stats().Dropped == int64(round)+1 })
			again := startBus(t, BusConfig{Listen: address})
			eventually(t, "healthy again", func() bool { return two.Healthy() == nil })
			eventually(t, "a batch", func() bool {
				again.Publish(testBatch(1, 1))
				return len(got) > 0
			})
			again.Close()
			eventually(t, "unhealthy", func() bool { return two.Healthy() != nil })
			for len(got) > 0 {
				<-got
			}
		}
	})
	t.Run("drops rather than waits", func(t *testing.T) {
		b := &Bus{queue: make(chan Batch, 2)} // whose publisher is stuck
		for seq := range int64(5) {
			b.Publish(testBatch(seq+1, seq+1))
		}
		if n := b.Stats().Dropped; n != 3 {
			t.Errorf("%d dropped", n)
		}
	})
	for _, c := range []struct {
		name   string
		config BusConfig
		want   string
	}{
		{"an open port without a token", BusConfig{Listen: "0.0.0.0:4222"}, "NATS_TOKEN"},
		{"every interface without a token", BusConfig{Listen: ":4222"}, "NATS_TOKEN"},
		{"a name without a token", BusConfig{Listen: "example.org:4222"}, "NATS_TOKEN"},
		{"no port", BusConfig{Listen: "127.0.0.1"}, "NATS_LISTEN"},
		{"a wrong port", BusConfig{Listen: "127.0.0.1:http"}, "NATS_LISTEN"},
		{"both", BusConfig{Listen: "127.0.0.1:4222", URL: "nats://x:1"}, "NATS_URL and NATS_LISTEN"},
		{"a wrong scheme", BusConfig{URL: "http://user:secret@x"}, "NATS_URL"},
		{"no host", BusConfig{URL: "nats://:secret@"}, "NATS_URL"},
	} {
		t.Run("refuses "+c.name, func(t *testing.T) {
			c.config.Log = quiet
			_, err := StartBus(t.Context(), c.config)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("refuses a port in use", func(t *testing.T) {
		one := startBus(t, BusConfig{Listen: "localhost:0"})
		_, err := StartBus(t.Context(), BusConfig{Listen: one.Address(), Log: quiet})
		if err == nil || !strings.Contains(err.Error(), "NATS_LISTEN") || !strings.Contains(err.Error(), "in use") {
			t.Errorf("error %v", err)
		}
	})
}

// TestTwoProcesses connects two hubs through a real NATS; one in three
// messages gets lost and is repaired from history.
func TestTwoProcesses(t *testing.T) {
	one := startBus(t, BusConfig{Listen: "127.0.0.1:0"})
	two := startBus(t, BusConfig{URL: one.Address()})
	w := newSocketWorld(t, Options{}) // the second process: its hub hears from NATS only
	heard := make(chan struct{}, 1000)
	err := two.Subscribe(func(b Batch) {
		if b.First%3 != 0 {
			w.hub.Publish(b.First, b.Last, b.Frames)
		}
		heard <- struct{}{}
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "connected", func() bool { return two.Healthy() == nil && two.conn.Flush() == nil })
	r := w.open("topic=a")
	r.must()
	const batches = 30
	for seq := range int64(batches) {
		frames := w.storeAfter(seq, "a")
		one.Publish(Batch{Epoch: testEpoch, First: seq + 1, Last: seq + 1, Entries: [][]byte{[]byte("{}")}, Frames: frames})
		receive(t, heard)
	}
	w.hub.Advance(batches)
	r.wantSeqs(upTo(batches)...)
}

func TestBatch(t *testing.T) {
	full := testBatch(7, 9)
	full.Process = uuid.New()
	full.Frames[1].Attrs = nil
	full.Frames[2].Attrs = map[string]string{"b": "2", "a": "1"}
	for name, b := range map[string]Batch{
		"full":           full,
		"without frames": {Process: full.Process, Epoch: testEpoch, First: 1, Last: 1, Entries: [][]byte{[]byte("{}")}},
		"numbers only":   full.numbers(),
	} {
		data := EncodeBatch(b)
		got, err := DecodeBatch(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(b, got); diff != "" {
			t.Error(diff)
		}
		for n := range data {
			if _, err := DecodeBatch(data[:n]); err == nil {
				t.Errorf("%s: the first %d bytes were taken for a batch", name, n)
			}
		}
	}
	for name, b := range map[string]Batch{
		"no position":          {First: 0, Last: 1},
		"backwards":            {First: 3, Last: 2},
		"an entry is missing":  {First: 1, Last: 2, Entries: [][]byte{nil}},
		"a frame of elsewhere": {First: 1, Last: 1, Frames: []eventstore.Frame{{Seq: 2}}},
	} {
		if _, err := DecodeBatch(EncodeBatch(b)); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
}

func FuzzDecodeBatch(f *testing.F) {
	f.Add(EncodeBatch(testBatch(1, 3)))
	f.Add(EncodeBatch(Batch{First: 1, Last: 1, NumbersOnly: true}))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := DecodeBatch(data)
		if err != nil {
			return
		}
		again, err := DecodeBatch(EncodeBatch(b))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b, again); diff != "" {
			t.Error(diff)
		}
	})
}

var _ server.Logger = (*serverLog)(nil)
