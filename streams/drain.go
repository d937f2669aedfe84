package streams

import (
	"context"
	"fmt"
	"time"
)

const (
	drainStep  = 100 * time.Millisecond
	drainSlice = 20 // streams let go at once, at least
)

// Drain ends all streams, slice by slice so that their clients do not come
// back in one rush, and waits until every Serve has returned and no hole is
// being read. When ctx ends first, all that are left are told at once, and the
// error says how many had not returned.
func (h *Hub) Drain(ctx context.Context) error {
	left := h.startDraining()
	h.cancel()
	steps := max(int(h.opts.Drain/drainStep), 1)
	slice := max(drainSlice, (len(left)+steps-1)/steps)
	step := time.NewTicker(drainStep)
	defer step.Stop()
	for len(left) > 0 {
		n := min(slice, len(left))
		for _, s := range left[:n] {
			s.tell(flagEnd)
		}
		left = left[n:]
		if len(left) == 0 {
			break
		}
		select {
		case <-step.C:
		case <-ctx.Done():
			slice = len(left)
		}
	}
	select {
	case <-h.empty:
	case <-ctx.Done():
		return fmt.Errorf("%d streams had not ended: %w", h.Stats().Streams, ctx.Err())
	}
	h.work.Wait()
	return nil
}

func (h *Hub) startDraining() []*stream {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*stream, 0, len(h.streams))
	for s := range h.streams {
		all = append(all, s)
	}
	if !h.draining {
		h.draining = true
		if len(all) == 0 {
			close(h.empty)
		}
	}
	return all
}
