package main

import (
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"missioncontrol/postgres/pgtest"
)

// wire stands between two programs and can be cut.
type wire struct {
	t               testing.TB
	network, listen string
	toNet, to       string

	mu       sync.Mutex
	listener net.Listener // nil while cut
	conns    map[net.Conn]bool
	work     sync.WaitGroup
}

// between puts a wire in front of a server; it listens where the first
// argument says, on TCP or, for a path, on a unix socket.
func between(t testing.TB, listen, to string) *wire {
	t.Helper()
	w := &wire{t: t, network: networkOf(listen), listen: listen, toNet: networkOf(to), to: to, conns: map[net.Conn]bool{}}
	w.mend()
	t.Cleanup(func() {
		w.cut()
		w.work.Wait()
	})
	return w
}

func networkOf(address string) string {
	if strings.HasPrefix(address, "/") {
		return "unix"
	}
	return "tcp"
}

// mend lets connections through again.
func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, err := net.Listen(w.network, w.listen)
	if err != nil {
		w.t.Errorf("mend the wire: %v", err)
		return
	}
	w.listener = l
	w.work.Go(func() { w.accept(l) })
}

// cut breaks all connections and refuses new ones.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener != nil {
		_ = w.listener.Close()
		w.listener = nil
	}
	for c := range w.conns {
		_ = c.Close()
	}
	clear(w.conns)
}

func (w *wire) accept(l net.Listener) {
	for {
		near, err := l.Accept()
		if err != nil {
			return // it was cut
		}
		far, err := net.Dial(w.toNet, w.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		w.mu.Lock()
		if w.listener != l {
			_, _ = near.Close(), far.Close()
			w.mu.Unlock()
			return
		}
		w.conns[near], w.conns[far] = true, true
		w.mu.Unlock()
		w.work.Go(func() { w.carry(near, far) })
		w.work.Go(func() { w.carry(far, near) })
	}
}

func (w *wire) carry(from, to net.Conn) {
	_, _ = io.Copy(to, from) // it ends when one side does
	_, _ = from.Close(), to.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, from)
	delete(w.conns, to)
}

// databaseWire puts a wire in front of the cluster of a data directory and
// returns the connection string that leads through it.
func databaseWire(t testing.TB, dir string) (*wire, string) {
	t.Helper()
	const name = ".s.PGSQL.5432"
	at := pgtest.Dir(t)
	w := between(t, filepath.Join(at, name), filepath.Join(dir, "socket", name))
	return w, strings.Replace(socketURL(dir), "host="+dir+"/socket", "host="+at, 1)
}
