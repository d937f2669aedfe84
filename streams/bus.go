package streams

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// BusConfig says which NATS carries the batches.
type BusConfig struct {
	URL    string // NATS_URL: an outside server or cluster; empty for one in this process
	Listen string // NATS_LISTEN: host:port on which the one in this process serves others; empty for no port
	Token  string // NATS_TOKEN: asked of, or shown to, the other side
	Log    *slog.Logger
}

// Bus tells other processes what was committed, over core NATS. It may lose
// messages: a receiver sees the hole in the positions and reads it from
// Postgres.
type Bus struct {
	process  uuid.UUID
	log      *slog.Logger
	embedded *server.Server // nil with an outside server
	conn     *nats.Conn
	closed   chan struct{} // closed when conn is

	queue  chan Batch
	ctx    context.Context // of the subscriptions
	cancel context.CancelFunc
	stop   chan struct{} // ends the publisher
	work   sync.WaitGroup
	once   sync.Once

	sent, dropped, received atomic.Int64
}

// BusStats are figures for metrics.
type BusStats struct {
	Sent     int64
	Dropped  int64 // batches not told to others because NATS was away or slow
	Received int64 // from other processes
}

const (
	busSubject   = "log"
	busQueue     = 64               // batches waiting to be sent; more are dropped
	busPending   = 4096             // messages waiting to be taken in
	busPendingB  = 64 << 20         // and their bytes
	busFlush     = time.Second      // for a round trip: a subscription, the last messages at Close
	busReconnect = time.Second      // between tries to reach an outside server
	busPing      = 10 * time.Second // finds a dead connection within two of them
)

// StartBus connects to NATS. An outside server that cannot be reached is no
// error: the bus keeps trying for ever and Healthy says so meanwhile.
func StartBus(ctx context.Context, c BusConfig) (*Bus, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	b := &Bus{
		process: uuid.New(),
		log:     c.Log,
		closed:  make(chan struct{}),
		queue:   make(chan Batch, busQueue),
		stop:    make(chan struct{}),
	}
	if err := b.connect(c); err != nil {
		return nil, err
	}
	b.ctx, b.cancel = context.WithCancel(ctx)
	b.work.Go(b.send)
	return b, nil
}

// Check says in one sentence what is wrong with the configuration, before
// anything is started.
func (c BusConfig) Check() error {
	switch {
	case c.URL != "" && c.Listen != "":
		return errors.New("NATS_URL and NATS_LISTEN exclude each other: join the NATS of NATS_URL, or serve one on NATS_LISTEN")
	case c.URL != "":
		return checkURL(c.URL)
	case c.Listen != "":
		_, _, err := listenAddress(c.Listen, c.Token)
		return err
	}
	return nil
}

func (b *Bus) connect(c BusConfig) (err error) {
	options := []nats.Option{
		nats.Name("missioncontrol " + b.process.String()),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(busReconnect),
		nats.ReconnectBufSize(-1), // an old batch is worth nothing: receivers have repaired by then
		nats.RetryOnFailedConnect(true),
		nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(busPing),
		nats.MaxPingsOutstanding(2),
		nats.NoEcho(),
		nats.ClosedHandler(func(*nats.Conn) { close(b.closed) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				b.log.Warn("NATS was lost; streams follow the log by looking at it until it is back", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { b.log.Info("NATS is connected") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			b.log.Warn("nats: " + err.Error())
		}),
	}
	if c.Token != "" {
		options = append(options, nats.Token(c.Token))
	}
	if c.URL != "" {
		b.conn, err = nats.Connect(c.URL, options...)
		if err != nil {
			return fmt.Errorf("NATS_URL: %w", err)
		}
		return nil
	}
	if b.embedded, err = startEmbedded(c.Listen, c.Token, c.Log); err != nil {
		return err
	}
	b.conn, err = nats.Connect("", append(options, nats.InProcessServer(b.embedded))...)
	if err != nil {
		b.stopEmbedded()
		return fmt.Errorf("connect to the embedded NATS server: %w", err)
	}
	return nil
}

// checkURL looks at each address of NATS_URL without ever repeating one in
// full: it may hold a password.
func checkURL(list string) error {
	for address := range strings.SplitSeq(list, ",") {
		address = strings.TrimSpace(address)
		if !strings.Contains(address, "://") {
			address = "nats://" + address
		}
		u, err := url.Parse(address)
		if err != nil || u.Hostname() == "" {
			return errors.New("NATS_URL is not of the form nats://host:port")
		}
		switch u.Scheme {
		case "nats", "tls", "ws", "wss":
		default:
			return fmt.Errorf("NATS_URL has the scheme %q, which is not nats, tls, ws or wss", u.Scheme)
		}
	}
	return nil
}

// Publish tells other processes of a committed batch. It never waits: when
// NATS is away or slow the batch is dropped and counted. The batch's slices
// must not change afterwards.
func (b *Bus) Publish(batch Batch) {
	batch.Process = b.process
	if batch.NumbersOnly || batch.size() > MaxBatchBytes {
		batch = batch.numbers()
	}
	select {
	case b.queue <- batch:
	default:
		b.dropped.Add(1)
	}
}

func (b Batch) numbers() Batch {
	b.NumbersOnly, b.Entries, b.Frames = true, nil, nil
	return b
}

// send is the publisher's goroutine. At the end it sends what is queued.
func (b *Bus) send() {
	for {
		select {
		case batch := <-b.queue:
			b.sendOne(batch)
		case <-b.stop:
			for {
				select {
				case batch := <-b.queue:
					b.sendOne(batch)
				default:
					return
				}
			}
		}
	}
}

func (b *Bus) sendOne(batch Batch) {
	data := EncodeBatch(batch)
	if limit := b.conn.MaxPayload(); limit > 0 && int64(len(data)) > limit {
		data = EncodeBatch(batch.numbers())
	}
	if err := b.conn.Publish(busSubject, data); err != nil {
		b.dropped.Add(1)
		return
	}
	b.sent.Add(1)
}

// Subscribe calls receive, in one goroutine, with each batch of another
// process, whatever its epoch. Batches can be missing. It ends with Close,
// which waits for a call in progress.
func (b *Bus) Subscribe(receive func(Batch)) error {
	sub, err := b.conn.SubscribeSync(busSubject)
	if err != nil {
		return fmt.Errorf("subscribe to %s on NATS: %w", busSubject, err)
	}
	if err := sub.SetPendingLimits(busPending, busPendingB); err != nil {
		return fmt.Errorf("limit what waits from NATS: %w", err)
	}
	if b.conn.IsConnected() { // else it is announced with the connection
		if err := b.conn.FlushTimeout(busFlush); err != nil {
			b.log.Warn("NATS is slow to take a subscription", "error", err)
		}
	}
	b.work.Go(func() {
		for {
			message, err := sub.NextMsgWithContext(b.ctx)
			switch {
			case err == nil:
				b.receive(message.Data, receive)
			case errors.Is(err, nats.ErrSlowConsumer): // some were lost; the next one shows the hole
			case b.ctx.Err() != nil:
				return
			default:
				b.log.Error("the subscription on NATS ended", "error", err)
				return
			}
		}
	})
	return nil
}

func (b *Bus) receive(data []byte, receive func(Batch)) {
	batch, err := DecodeBatch(data)
	if err != nil {
		b.log.Warn("a message on NATS was ignored", "subject", busSubject, "bytes", len(data), "error", err)
		return
	}
	if batch.Process == b.process {
		return
	}
	b.received.Add(1)
	receive(batch)
}

// Healthy is nil while NATS is connected.
func (b *Bus) Healthy() error {
	if status := b.conn.Status(); status != nats.CONNECTED {
		return fmt.Errorf("NATS is not connected (%s)", strings.ToLower(status.String()))
	}
	return nil
}

// Address is where other processes reach the embedded server; empty when it
// has no port or the server is an outside one.
func (b *Bus) Address() string {
	if b.embedded == nil || b.embedded.Addr() == nil {
		return ""
	}
	return b.embedded.Addr().String()
}

// Stats tells how the bus is doing.
func (b *Bus) Stats() BusStats {
	return BusStats{Sent: b.sent.Load(), Dropped: b.dropped.Load(), Received: b.received.Load()}
}

// Close sends what is queued, ends the subscriptions and the embedded server,
// and waits for all of them.
func (b *Bus) Close() {
	b.once.Do(func() {
		close(b.stop)
		b.cancel()
		b.work.Wait()
		if b.conn.IsConnected() {
			_ = b.conn.FlushTimeout(busFlush)
		}
		b.conn.Close()
		<-b.closed
		b.stopEmbedded()
	})
}

func (b *Bus) stopEmbedded() {
	if b.embedded != nil {
		b.embedded.Shutdown()
		b.embedded.WaitForShutdown()
	}
}
