package postgres

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// The kinds of conditions that an operator can put right.
var (
	ErrMissing     = errors.New("no PostgreSQL binaries")
	ErrVersion     = errors.New("another version of PostgreSQL")
	ErrInUse       = errors.New("data directory in use")
	ErrDataDir     = errors.New("unusable data directory")
	ErrStart       = errors.New("postgres does not start")
	ErrURL         = errors.New("unusable connection string")
	ErrUnreachable = errors.New("database out of reach")
)

// Error is a condition that the operator can put right. Its text is one
// sentence that names the variable to look at.
type Error struct {
	Kind  error // one of the errors above, for errors.Is
	Text  string
	Cause error // may be nil
}

func (e *Error) Error() string { return e.Text }

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// reason is the part of an error of the operating system that helps inside a
// sentence which has named the path already.
func reason(err error) string {
	var path *fs.PathError
	var call *os.SyscallError
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &path):
		return path.Err.Error()
	case errors.As(err, &call):
		return call.Err.Error()
	}
	return oneLine(err.Error())
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
