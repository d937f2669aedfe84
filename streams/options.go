package streams

import (
	"math/rand/v2"
	"time"
)

// The defaults of Options.
const (
	DefaultRingFrames   = 4096             // frames a topic keeps at hand
	DefaultRingBytes    = 2 << 20          // bytes a topic keeps at hand; the newest block always stays
	DefaultPageFrames   = 256              // frames read from History at once
	DefaultPing         = 15 * time.Second // between keep-alives
	DefaultWriteTimeout = 10 * time.Second // a socket blocked longer is cut off
	DefaultLifetime     = 10 * time.Minute // of one stream, before jitter
	DefaultJitter       = 0.2              // share of the lifetime, up and down
	DefaultRetryMin     = 500 * time.Millisecond
	DefaultRetryMax     = 3 * time.Second
	DefaultGrace        = 30 * time.Second // a ring without streams is kept for those who come back
	DefaultDrain        = 3 * time.Second  // in which a shutdown lets streams go
	DefaultCatchUp      = 2 * time.Second  // to wait for a position that another process may already have told
	DefaultHistoryWait  = 5 * time.Second  // for one page of History
)

// Options of a Hub; zero fields take the defaults above.
type Options struct {
	RingFrames   int
	RingBytes    int
	PageFrames   int
	Ping         time.Duration
	WriteTimeout time.Duration
	Lifetime     time.Duration
	Jitter       float64
	RetryMin     time.Duration // least and largest reconnect delay told to a client
	RetryMax     time.Duration
	Grace        time.Duration
	Drain        time.Duration
	CatchUp      time.Duration
	HistoryWait  time.Duration
}

func (o Options) withDefaults() Options {
	fill(&o.RingFrames, DefaultRingFrames)
	fill(&o.RingBytes, DefaultRingBytes)
	fill(&o.PageFrames, DefaultPageFrames)
	fill(&o.Ping, DefaultPing)
	fill(&o.WriteTimeout, DefaultWriteTimeout)
	fill(&o.Lifetime, DefaultLifetime)
	fill(&o.Jitter, DefaultJitter)
	fill(&o.RetryMin, DefaultRetryMin)
	fill(&o.RetryMax, DefaultRetryMax)
	fill(&o.Grace, DefaultGrace)
	fill(&o.Drain, DefaultDrain)
	fill(&o.CatchUp, DefaultCatchUp)
	fill(&o.HistoryWait, DefaultHistoryWait)
	return o
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// life draws the lifetime of one stream.
func (o Options) life() time.Duration {
	return time.Duration(float64(o.Lifetime) * (1 + o.Jitter*(2*rand.Float64()-1)))
}

// retry draws the reconnect delay told to one client, so that those let go
// together do not come back together.
func (o Options) retry() time.Duration {
	return o.RetryMin + rand.N(max(o.RetryMax-o.RetryMin, 1))
}
