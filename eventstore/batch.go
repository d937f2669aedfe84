package eventstore

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Limits of one batch; the previous commit is the only linger.
const (
	maxBatchEvents = 4096
	maxBatchBytes  = 4 << 20
)

// item is one command on its way into the log.
type item struct {
	decision *Decision
	repeat   *idempotencyRow
	writes   []Write
	frames   []PendingFrame
	bytes    int

	late  func() error // decides on the state left by the commands before it; nil: decided already
	own   uuid.UUID    // of a late item: its only stream
	alone func() error // decides while nobody else can append

	done chan error // buffered; nil: committed

	mu   sync.Mutex
	left bool // nobody waits for the outcome any more
}

// run lets the committer decide for a caller that still waits. What a decision
// leaves behind for its caller is never written once the caller has gone.
func (it *item) run(decide func() error) error {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.left {
		return context.Canceled
	}
	return decide()
}

// leave says that the caller has gone. What was decided may still be committed.
func (it *item) leave() {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.left = true
}

// PendingFrame is a frame of an event that has no position yet.
type PendingFrame struct {
	Of *Staged
	Frame
}

// batch is a run of admitted commands with their places in the log.
type batch struct {
	head   int64     // position before the first event
	clock  time.Time // lower bound of the next recorded time
	items  []*item
	events []*Staged
	bytes  int

	touched map[domain.Key]bool
	states  map[uuid.UUID]streamState
	chains  map[uuid.UUID]chain
}

func (c *committer) newBatch() *batch {
	return &batch{
		head: c.head, clock: c.lastRecorded,
		touched: map[domain.Key]bool{}, states: map[uuid.UUID]streamState{}, chains: map[uuid.UUID]chain{},
	}
}

func (b *batch) full() bool { return len(b.events) >= maxBatchEvents || b.bytes >= maxBatchBytes }

// last is the position of the last event of the batch.
func (b *batch) last() int64 { return b.head + int64(len(b.events)) }

// admit gives the item its place behind the batch, if nothing that it looked
// at has changed: neither up to the applied head, nor by a command before it.
func (c *committer) admit(b *batch, it *item) error {
	d := it.decision
	if it.late != nil {
		if err := c.decideLate(b, it); err != nil {
			return err
		}
	} else if c.changed(b, it) {
		return errConflict
	}
	for _, e := range d.staged {
		if !c.chained(b, e.Org) {
			return errConflict
		}
	}
	for _, e := range d.staged {
		c.place(b, e)
	}
	for i := range it.frames {
		f := &it.frames[i]
		f.Seq, f.Recorded = f.Of.Seq, f.Of.Recorded.Recorded
	}
	b.items = append(b.items, it)
	b.bytes += it.bytes
	return nil
}

func (c *committer) changed(b *batch, it *item) bool {
	for _, key := range it.decision.looked {
		if b.touched[key] && (it.late == nil || key.ID != it.own) {
			return true
		}
	}
	looked := it.decision.looked
	if it.late != nil {
		looked = slices.DeleteFunc(slices.Clone(looked), func(k domain.Key) bool { return k.ID == it.own })
	}
	return !c.store.memory.unchanged(looked, it.decision.asOf)
}

// decideLate runs a command that reads nothing but its own stream on the state
// that the commands before it leave.
func (c *committer) decideLate(b *batch, it *item) error {
	if c.changed(b, it) {
		return errConflict
	}
	d := it.decision
	st, ok := b.states[it.own]
	if !ok {
		for _, key := range d.looked {
			if key.ID != it.own {
				continue
			}
			if v, known := c.store.memory.fact(key, streamFact); known {
				st, ok = v.(streamState), true
			}
		}
	}
	if !ok {
		return errConflict // its state is no longer at hand: read it again
	}
	d.asOf, d.staged, d.streams = b.head, nil, map[uuid.UUID]*streamState{it.own: &st}
	if err := it.run(it.late); err != nil {
		return err
	}
	return c.store.prepare(it)
}

func (c *committer) chained(b *batch, org uuid.UUID) bool {
	if _, ok := b.chains[org]; ok {
		return true
	}
	end, ok := c.store.memory.chainOf(org)
	if ok {
		b.chains[org] = end
	}
	return ok
}

// place fills in what depends on the position.
func (c *committer) place(b *batch, e *Staged) {
	end := b.chains[e.Org]
	e.Seq, e.OrgSeq, e.OrgPrev = b.last()+1, end.seq+1, end.leaf
	b.clock = latest(b.clock, e.Time, c.store.now())
	e.Recorded.Recorded = b.clock
	e.parts.assemble(e.Recorded)
	b.chains[e.Org] = chain{e.OrgSeq, e.Leaf}
	b.states[e.Stream] = streamState{e.State, e.Version}
	for _, key := range e.keys {
		b.touched[key] = true
	}
	b.events = append(b.events, e)
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// committed describes the batch for those who follow the log.
func (b *batch) committed() (Batch, []change) {
	out := Batch{First: b.head + 1, Last: b.last(), Whole: true, Local: true}
	changes := make([]change, len(b.events))
	for i, e := range b.events {
		out.Events = append(out.Events, e.Recorded)
		changes[i] = change{event: e.Recorded, keys: e.keys, state: e.State}
	}
	for _, it := range b.items {
		for i := range it.frames {
			out.Frames = append(out.Frames, it.frames[i].Frame)
		}
	}
	return out, changes
}
