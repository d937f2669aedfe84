package streams

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"missioncontrol/eventstore"
)

// History reads stored frames. Payloads are as stored, possibly sealed.
type History interface {
	// After reads up to limit frames of topic with after < seq <= upTo,
	// ascending. Fewer than limit means that there are no more.
	After(ctx context.Context, topic string, after, upTo int64, limit int) ([]eventstore.Frame, error)
	// Since tells the position just before the first event of the log that was
	// recorded at or after since; the head when there is none.
	Since(ctx context.Context, topic string, since time.Time) (after int64, err error)
	// Alive leaves out frames of things that are gone. It is asked only for a
	// replay by since, whose clients would show a dead card.
	Alive(ctx context.Context, topic string, frames []eventstore.Frame) ([]eventstore.Frame, error)
}

// pick chooses among the frames of one topic (History.Alive).
type pick func(ctx context.Context, topic string, frames []eventstore.Frame) ([]eventstore.Frame, error)

// page reads the next frames of topics in order of seq. through is how far it
// got: all frames with after < seq <= through are among them.
func (h *Hub) page(ctx context.Context, topics []string, after, upTo int64, only pick) (frames []eventstore.Frame, through int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.opts.HistoryWait)
	defer cancel()
	through = upTo
	for _, topic := range topics {
		some, err := h.history.After(ctx, topic, after, upTo, h.opts.PageFrames)
		if err != nil {
			return nil, 0, fmt.Errorf("read frames of %s after %d: %w", topic, after, err)
		}
		if len(some) >= h.opts.PageFrames {
			through = min(through, some[len(some)-1].Seq)
		}
		if only != nil && len(some) > 0 {
			if some, err = only(ctx, topic, some); err != nil {
				return nil, 0, fmt.Errorf("see what is still there on %s: %w", topic, err)
			}
		}
		frames = append(frames, some...)
	}
	slices.SortStableFunc(frames, bySeq)
	end := len(frames)
	for end > 0 && frames[end-1].Seq > through {
		end--
	}
	return frames[:end], through, nil
}

// since asks for the position to replay from: the lowest of all topics.
func (h *Hub) since(ctx context.Context, topics []string, t time.Time) (after int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.opts.HistoryWait)
	defer cancel()
	for i, topic := range topics {
		position, err := h.history.Since(ctx, topic, t)
		if err != nil {
			return 0, fmt.Errorf("find the position of %s: %w", t.Format(time.RFC3339), err)
		}
		if i == 0 || position < after {
			after = position
		}
	}
	return after, nil
}

// newDelays spaces tries while storage is away: from about 50 ms to about 2 s.
func newDelays() *backoff.ExponentialBackOff {
	delays := backoff.NewExponentialBackOff()
	delays.InitialInterval = 50 * time.Millisecond
	delays.MaxInterval = 2 * time.Second
	delays.Multiplier = 2
	return delays
}
