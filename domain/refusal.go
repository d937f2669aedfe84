package domain

import (
	"errors"
	"fmt"
)

// Reason classifies a refusal; package httpapi maps it to a status code.
type Reason string

// The reasons for refusing a command.
const (
	Invalid   Reason = "invalid"
	Forbidden Reason = "forbidden"
	NotFound  Reason = "not_found"
	Conflict  Reason = "conflict"
)

// Refusal is a command that the business rules turned down. Detail is for the
// caller: a sentence, or a value that is sent as a JSON object. A nil Detail
// means the usual phrase of the reason.
type Refusal struct {
	Reason Reason
	Detail any
}

func (r *Refusal) Error() string {
	if r.Detail == nil {
		return string(r.Reason)
	}
	return fmt.Sprint(r.Detail)
}

// Refuse returns a Refusal with a formatted sentence.
func Refuse(reason Reason, format string, args ...any) error {
	return &Refusal{reason, fmt.Sprintf(format, args...)}
}

// RefuseWith returns a Refusal whose detail is sent as it is.
func RefuseWith(reason Reason, detail any) error { return &Refusal{reason, detail} }

// Bare returns a Refusal that says no more than its reason.
func Bare(reason Reason) error { return &Refusal{Reason: reason} }

// ReasonOf reports why err is a refusal, or "" if it is any other error.
func ReasonOf(err error) Reason {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Reason
	}
	return ""
}
