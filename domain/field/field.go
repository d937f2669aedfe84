// Package field decides what may happen to the definition of a custom field,
// and what values of it tasks may have.
package field

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Definition is a field that tasks of some boards have beside the usual ones.
// The zero Definition does not exist.
type Definition struct {
	ID, OrganizationID   uuid.UUID
	Key                  string
	Label                string
	Type                 Type
	Visibility           Visibility
	Regex                *string // in the syntax of Python's re
	Description          *string
	Required             bool
	Default              jsontext.Value // nil: none
	BoardIDs             []uuid.UUID    // sorted
	CreatedAt, UpdatedAt time.Time
	Deleted              bool
}

// Exists reports whether tasks can have the field.
func (d Definition) Exists() bool { return d.ID != uuid.Nil && !d.Deleted }

// Evolve returns the definition after e.
func (d Definition) Evolve(m domain.Meta, e Event) Definition {
	d.UpdatedAt = m.Time
	switch e := e.(type) {
	case Created:
		d.ID, d.OrganizationID, d.CreatedAt = m.Stream, m.Org, m.Time
		d.Key, d.Label, d.Type, d.Visibility = e.Key, e.Label, e.Type, e.Visibility
		d.Regex, d.Description, d.Required = e.Regex, e.Description, e.Required
		d.Default, d.BoardIDs = e.Default, e.BoardIDs
	case Updated:
		d = d.with(e)
	case Deleted:
		d.Deleted = true
	}
	return d
}

func (d Definition) with(e Updated) Definition {
	d.Label, d.Type, d.Visibility = e.Label.Or(d.Label), e.Type.Or(d.Type), e.Visibility.Or(d.Visibility)
	d.Regex, d.Description = e.Regex.OrNull(d.Regex), e.Description.OrNull(d.Description)
	d.Required, d.BoardIDs = e.Required.Or(d.Required), e.BoardIDs.Or(d.BoardIDs)
	if e.Default.Set {
		d.Default = e.Default.Or(nil)
	}
	return d
}

// Fault says why the field does not take a value, "" if it does.
func (d Definition) Fault(v jsontext.Value) string {
	if fault := d.Type.Fault(v); fault != "" || isNull(v) || d.Regex == nil || !d.Type.takesPattern() {
		return fault
	}
	pattern, err := CompilePattern(*d.Regex)
	if err != nil {
		return "does not match validation_regex" // it compiled when it was stored
	}
	text, err := jsontext.AppendUnquote(nil, v)
	return unless(err == nil && pattern.Matches(string(text)), "does not match validation_regex")
}

// consistent refuses a definition whose parts contradict each other.
func (d Definition) consistent() error {
	if fault := RegexFault(d.Type, d.Regex); fault != "" {
		return domain.Refuse(domain.Invalid, "%s", fault)
	}
	if fault := d.Fault(d.Default); fault != "" {
		return domain.Refuse(domain.Invalid, "%s", fault)
	}
	return nil
}

// RegexFault says why a type does not go with a pattern, nil being none.
func RegexFault(t Type, regex *string) string {
	if regex == nil || t.takesPattern() {
		return ""
	}
	return "validation_regex is only supported for string field types."
}

// unknownBoards tells which boards are not the organization's.
type unknownBoards struct {
	Message string      `json:"message"`
	IDs     []uuid.UUID `json:"invalid_board_ids"`
}

func refuseBoards(ids []uuid.UUID) error {
	if len(ids) == 0 {
		return nil
	}
	return domain.RefuseWith(domain.Invalid, unknownBoards{"Some selected boards are invalid for this organization.", ids})
}

// stored is a default value as it will be read back; null is none.
func stored(v jsontext.Value) (jsontext.Value, error) {
	if isNull(v) {
		return nil, nil
	}
	v, err := compact(v)
	if err != nil {
		return nil, domain.Refuse(domain.Invalid, "default_value is no JSON value")
	}
	return v, nil
}

// sorted lists ids once each, in the order of their texts.
func sorted(ids []uuid.UUID) []uuid.UUID {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// Create defines a field.
type Create struct {
	Created      Created
	KeyTaken     bool        // another field of the organization has the key
	UnknownBoard []uuid.UUID // of BoardIDs, those that are not the organization's
}

// Decide lets every key be used once.
func (c Create) Decide(d Definition) ([]Event, error) {
	if d.ID != uuid.Nil {
		return nil, domain.Bare(domain.Conflict)
	}
	if err := refuseBoards(c.UnknownBoard); err != nil {
		return nil, err
	}
	e := c.Created
	var err error
	if e.Default, err = stored(e.Default); err != nil {
		return nil, err
	}
	if err := (Definition{Type: e.Type, Regex: e.Regex, Default: e.Default}).consistent(); err != nil {
		return nil, err
	}
	if c.KeyTaken {
		return nil, domain.Refuse(domain.Conflict, "Field key already exists in this organization.")
	}
	e.BoardIDs = sorted(e.BoardIDs)
	return []Event{e}, nil
}

// Update defines a field otherwise. Absent fields stay as they are, as do null
// ones that cannot be empty.
type Update struct {
	Updated      Updated     // WasOn is the decision's to fill in
	UnknownBoard []uuid.UUID // of BoardIDs, those that are not the organization's
}

// Decide judges what the definition becomes as a whole, and records a change
// even when everything stays the same: a touch moves updated_at.
func (c Update) Decide(d Definition) ([]Event, error) {
	if !d.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	if err := refuseBoards(c.UnknownBoard); err != nil {
		return nil, err
	}
	e := c.Updated
	e.WasOn = nil
	if e.Default.Set {
		v, err := stored(e.Default.Or(nil))
		if err != nil {
			return nil, err
		}
		if e.Default = domain.Null[jsontext.Value](); v != nil {
			e.Default = domain.Some(v)
		}
	}
	if e.BoardIDs.Set {
		boards := sorted(e.BoardIDs.Or(d.BoardIDs))
		e.BoardIDs = domain.Optional[[]uuid.UUID]{}
		if !slices.Equal(boards, d.BoardIDs) {
			e.BoardIDs, e.WasOn = domain.Some(boards), d.BoardIDs
		}
	}
	if err := d.with(e).consistent(); err != nil {
		return nil, err
	}
	return []Event{e}, nil
}

// Delete ends a field.
type Delete struct {
	HasValues bool // some task has a value of it
}

// Decide keeps fields that tasks have values of.
func (c Delete) Decide(d Definition) ([]Event, error) {
	switch {
	case !d.Exists():
		return nil, domain.Bare(domain.NotFound)
	case c.HasValues:
		return nil, domain.Refuse(domain.Conflict, "Cannot delete a custom field definition while task values exist.")
	}
	return []Event{Deleted{d.Key}}, nil
}
