package httpapi

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"missioncontrol/audit"
	"missioncontrol/auth"
	"missioncontrol/domain"
	"missioncontrol/eventstore"
	"missioncontrol/streams"
)

// auditFilter says which entries of the log are asked for.
type auditFilter struct {
	ActorID   *uuid.UUID `query:"actor_id"`
	ActorType *string    `query:"actor_type" enum:"user,agent,system,anonymous"`
	Action    *string    `query:"action"` // a type, or how types begin
	Ref       *uuid.UUID `query:"ref"`    // of anything that an entry is about
	BoardID   *uuid.UUID `query:"board_id"`
	Outcome   *string    `query:"outcome" enum:"ok,denied,failed"`
	RequestID *string    `query:"request_id"`
	From      *string    `query:"from"` // a position or a time, both inclusive
	To        *string    `query:"to"`
}

type listAuditEvents struct {
	auditFilter
	Order  string  `query:"order" default:"desc" enum:"asc,desc"`
	Limit  int     `query:"limit" default:"50" ge:"1" le:"200"`
	Cursor *string `query:"cursor"`
}

// auditPage is one part of a list that goes on behind its cursor.
type auditPage struct {
	Items      []audit.Entry `json:"items"`
	NextCursor *string       `json:"next_cursor"`
}

func (a *API) trail() audit.Trail { return audit.Trail{Reader: a.Read} }

// listAuditEvents lists what was recorded in the caller's active organization.
func (a *API) listAuditEvents(ctx context.Context, in listAuditEvents) (auditPage, error) {
	filter, err := a.auditFilter(ctx, in.auditFilter)
	if err != nil {
		return auditPage{}, err
	}
	order := audit.Order(in.Order)
	after, err := readCursor(order, in.Cursor)
	if err != nil {
		return auditPage{}, err
	}
	at, err := a.trail().Fresh(ctx, filter)
	if err != nil {
		return auditPage{}, err
	}
	answerPosition(ctx, a.at(at))
	found, err := a.trail().Find(ctx, filter, order, after, in.Limit)
	if err != nil {
		return auditPage{}, err
	}
	page := auditPage{}
	if found.More {
		page.NextCursor = writeCursor(order, found.Through)
	}
	page.Items, err = a.trail().Show(ctx, found.Events)
	return page, err
}

type getAuditEvent struct {
	Seq int64 `path:"seq"`
}

func (a *API) getAuditEvent(ctx context.Context, in getAuditEvent) (audit.Entry, error) {
	r, err := a.trail().At(ctx, a.auditedBy(ctx), in.Seq)
	if err != nil {
		return audit.Entry{}, err
	}
	if r == nil {
		return audit.Entry{}, domain.Bare(domain.NotFound)
	}
	shown, err := a.trail().Show(ctx, []*eventstore.Recorded{r})
	if err != nil {
		return audit.Entry{}, err
	}
	return shown[0], nil
}

// auditedBy are the organizations whose entries the caller that the rule
// auditor let pass may see: its active one as an admin of it, and as an operator
// Nil, which is the system itself.
func (a *API) auditedBy(ctx context.Context) (orgs []uuid.UUID) {
	if m := memberOf(ctx); m != nil {
		orgs = append(orgs, m.OrganizationID)
	}
	if a.Operators.Include(auth.CallerFrom(ctx)) {
		orgs = append(orgs, uuid.Nil)
	}
	return orgs
}

// auditFilter reads a filter for the caller.
func (a *API) auditFilter(ctx context.Context, in auditFilter) (audit.Filter, error) {
	f := audit.Filter{
		Orgs: a.auditedBy(ctx), Actor: in.ActorID, Board: in.BoardID, Ref: in.Ref,
		ActorType: domain.ActorType(orNone(in.ActorType)), Outcome: orNone(in.Outcome), RequestID: orNone(in.RequestID),
	}
	if in.Action != nil {
		f.Types = a.typesNamed(*in.Action)
	}
	var err error
	if f.First, err = a.auditPosition(ctx, "from", in.From); err != nil {
		return f, err
	}
	if f.Last, err = a.auditPosition(ctx, "to", in.To); err != nil {
		return f, err
	}
	if in.To != nil && f.Last == 0 {
		f.Last = audit.Nothing
	}
	return f, nil
}

func orNone[T any](v *T) (value T) {
	if v != nil {
		value = *v
	}
	return value
}

// typesNamed are the one type of that name, else those that begin with it.
func (a *API) typesNamed(action string) []string {
	types := []string{}
	for _, shape := range a.Store.Vocabulary().Shapes() {
		if shape.Type == action {
			return []string{action}
		}
		if strings.HasPrefix(shape.Type, action) {
			types = append(types, shape.Type)
		}
	}
	return types
}

// auditPosition reads a bound: a position, with or without the epoch, or the
// first or last position of a time. 0 stands for none.
func (a *API) auditPosition(ctx context.Context, name string, text *string) (int64, error) {
	if text == nil {
		return 0, nil
	}
	bad := domain.Refuse(domain.Invalid, "%s must be a position of this log or a time.", name)
	if seq, err := strconv.ParseInt(*text, 10, 64); err == nil && seq >= 0 {
		return seq, nil
	}
	if p, err := streams.ParsePosition(*text); err == nil {
		if p.Epoch != a.Store.Epoch() {
			return 0, bad
		}
		return p.Seq, nil
	}
	t, there, ok := streams.ParseSince(*text)
	switch {
	case !there || !ok:
		return 0, bad
	case name == "to":
		return a.trail().Until(ctx, t)
	}
	before, err := a.Store.Before(ctx, t)
	return before + 1, err
}

// The cursor says in which order one goes on, and behind which position.
func writeCursor(order audit.Order, through int64) *string {
	text := base64.RawURLEncoding.EncodeToString([]byte(string(order) + strconv.FormatInt(through, 10)))
	return &text
}

func readCursor(order audit.Order, text *string) (int64, error) {
	if text == nil {
		return 0, nil
	}
	plain, err := base64.RawURLEncoding.DecodeString(*text)
	digits, found := strings.CutPrefix(string(plain), string(order))
	seq, malformed := strconv.ParseInt(digits, 10, 64)
	if err != nil || !found || malformed != nil || seq < 1 {
		return 0, domain.Refuse(domain.Invalid, "cursor must be the next_cursor of an answer in the same order.")
	}
	return seq, nil
}
