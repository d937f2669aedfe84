package streams

import (
	"bytes"
	"context"
	"net"
	"slices"
	"sync/atomic"
	"testing"
)

// BenchmarkFanout1000 publishes one frame a batch to 1 000 streams over
// loopback sockets whose readers run in this process too, as fast as all of
// them take it; one operation is one frame delivered to all.
func BenchmarkFanout1000(b *testing.B) { fanout(b, 1000, 1) }

// BenchmarkFanout1000Batched lets eight batches be under way at once, so that
// streams coalesce what is ready.
func BenchmarkFanout1000Batched(b *testing.B) { fanout(b, 1000, 8) }

func fanout(b *testing.B, streams, ahead int) {
	b.Helper()
	w := newSocketWorld(b, Options{RingFrames: 1 << 16, RingBytes: 64 << 20})
	var got atomic.Int64
	all := make(chan struct{}, 1)
	target := new(atomic.Int64)
	for range streams {
		r := w.open("topic=a")
		r.must()
		go func() {
			buf := make([]byte, 16<<10)
			for {
				n, err := r.conn.Read(buf)
				if err != nil {
					return
				}
				if k := bytes.Count(buf[:n], []byte("data: ")); k > 0 && got.Add(int64(k)) >= target.Load() {
					select {
					case all <- struct{}{}:
					default:
					}
				}
			}
		}()
	}
	payload := slices.Concat([]byte(`{"task":"`), bytes.Repeat([]byte("x"), 600), []byte(`"}`))
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		target.Store(int64(i+2-ahead) * int64(streams))
		f := testFrame("a", int64(i)+1)
		f.Payload = payload
		w.hub.Publish(f.Seq, f.Seq, append(w.scratch[:0], f))
		for got.Load() < target.Load() {
			<-all
		}
	}
	target.Store(int64(b.N) * int64(streams))
	for got.Load() < target.Load() {
		<-all
	}
	deliveries := float64(b.N) * float64(streams)
	b.ReportMetric(deliveries/b.Elapsed().Seconds(), "deliveries/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/deliveries, "ns/delivery")
}

// newSocketWorld serves on a loopback port.
func newSocketWorld(tb testing.TB, options Options) *world {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	w := newWorld(tb, options)
	w.serve(listener)
	w.listen = func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
	}
	return w
}
