package eventstore

import "errors"

// Errors that a caller can meet beside refusals. All of them are answered with
// 503 and Retry-After: the command may be sent again, with the same
// idempotency key if it must happen only once.
var (
	// ErrUnavailable means that the command was not carried out: the database
	// cannot be reached, or the program is stopping.
	ErrUnavailable = errors.New("the log cannot be written right now")
	// ErrBusy means that it was not carried out: too many commands wait.
	ErrBusy = errors.New("too many commands are waiting")
	// ErrContended means that it was not carried out: what it rests on kept
	// changing for longer than a command may take.
	ErrContended = errors.New("the command was overtaken too often")
	// ErrUnknownOutcome means that nobody knows yet whether it was carried
	// out: the database went away between sending and the answer.
	ErrUnknownOutcome = errors.New("the outcome of the command is not known yet")
)

// errConflict sends a decision back to be made again with fresh facts.
var errConflict = errors.New("eventstore: a looked-at fact changed")
