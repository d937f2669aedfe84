package httpapi

import (
	"context"
	"strconv"
	"strings"
	"time"

	"missioncontrol/domain"
	"missioncontrol/streams"
)

// asOf is embedded by the inputs of reads that can show the past: a position
// of the log, with or without its epoch, or a time.
type asOf struct {
	AsOf *string `query:"as_of"`
}

// inThePast is what the description says of routes that know as_of.
const inThePast = "With as_of, a position of the log (42 or <epoch>-42) or a time, as it was then: Log-Position tells the position."

func pastRefused() note { return refuses(422, "as_of is malformed, of another log or in the future") }

const inFuture = "%s lies in the future"

// inTime answers with the present, or with the past that is asked for; a past
// before there was anything to show is 404.
func inTime[V any](ctx context.Context, a *API, in asOf, present func() (*V, error), past func(at int64) (*V, error)) (*V, error) {
	if in.AsOf == nil {
		return found(present())
	}
	at, err := a.moment(ctx, "as_of", *in.AsOf)
	if err != nil {
		return nil, err
	}
	answerPosition(ctx, a.at(at))
	return found(past(at))
}

// some fits a value to what may be found or not.
func some[V any](v V, err error) (*V, error) { return &v, err }

// moment finds the position that a parameter names; a time stands for the last that
// was recorded by then.
func (a *API) moment(ctx context.Context, name, text string) (int64, error) {
	at, err := streams.ParsePosition(text)
	switch digits := strings.Trim(text, "0123456789") == ""; {
	case err == nil && at.Epoch != a.Store.Epoch():
		return 0, domain.Refuse(domain.Invalid, "%s is a position of another log", name)
	case err == nil:
		return a.written(ctx, name, at.Seq)
	case text != "" && digits:
		seq, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, domain.Refuse(domain.Invalid, inFuture, name) // too great a number
		}
		return a.written(ctx, name, seq)
	}
	t, given, ok := streams.ParseSince(text)
	switch {
	case !given || !ok:
		return 0, domain.Refuse(domain.Invalid, "%s must be a position of the log, such as 42 or <epoch>-42, or a time, such as 2026-01-31T12:00:00Z", name)
	case t.Truncate(time.Microsecond).After(a.Store.Now()):
		return 0, domain.Refuse(domain.Invalid, inFuture, name)
	}
	return a.Store.At(ctx, t)
}

// written refuses a position that the log has not reached.
func (a *API) written(ctx context.Context, name string, seq int64) (int64, error) {
	if seq <= a.Store.Head() {
		return seq, nil
	}
	head, err := a.Store.Written(ctx) // by another process, perhaps
	if err == nil && seq > head {
		err = domain.Refuse(domain.Invalid, inFuture, name)
	}
	return seq, err
}
