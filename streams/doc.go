// Package streams carries what was committed to everybody who listens: a Hub
// fans frames out to server-sent-event streams of this process, a Bus tells
// the other processes, and Follow is the client of such a stream.
//
// It carries bytes. What a frame shows, who may see it and where it is stored
// is known elsewhere; stored frames are read through History.
//
// The way of a frame:
//
//	committer ── Publish ──> ring of its topic ──> every stream that is a cursor on it
//	          └─ Bus ──> Batch ──> committer of another process ── Publish ──> …
//
// A ring is a chain of blocks, each encoded once. A stream holds a pointer to
// the block it sent last and waits for the next one, so publishing costs one
// append and one closed channel however many streams there are, and nobody
// waits for a slow one: when the ring has dropped what a stream needs next, the
// stream is cut off and its client comes back with Last-Event-ID.
//
// Positions are dense, so a reader's whole rule is "seq greater than mine, in
// order". Positions whose frames are not at hand (Advance, a lost message of
// the bus) are a hole; each ring in use reads it from History once, for all of
// its streams.
package streams
