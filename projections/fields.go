package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/field"
	"missioncontrol/eventstore"
)

// FieldRow maps the state of a custom field's definition.
type FieldRow struct {
	ID             uuid.UUID        `db:"id"`
	OrganizationID uuid.UUID        `db:"organization_id"`
	Key            string           `db:"field_key"`
	Label          string           `db:"label"`
	Type           field.Type       `db:"field_type"`
	Visibility     field.Visibility `db:"ui_visibility"`
	Regex          *string          `db:"validation_regex"`
	Description    *string          `db:"description"`
	Required       bool             `db:"required"`
	Default        jsontext.Value   `db:"default_value"`
	BoardIDs       []uuid.UUID      `db:"board_ids"`
	CreatedAt      time.Time        `db:"created_at"`
	UpdatedAt      time.Time        `db:"updated_at"`
}

var fieldsTable = eventstore.TableOf[FieldRow]("custom_fields", "id")

func fieldRow(d field.Definition) FieldRow {
	return FieldRow{
		ID: d.ID, OrganizationID: d.OrganizationID, Key: d.Key, Label: d.Label, Type: d.Type, Visibility: d.Visibility,
		Regex: d.Regex, Description: d.Description, Required: d.Required, Default: d.Default, BoardIDs: d.BoardIDs,
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}
}

func (r FieldRow) definition() field.Definition {
	return field.Definition{
		ID: r.ID, OrganizationID: r.OrganizationID, Key: r.Key, Label: r.Label, Type: r.Type, Visibility: r.Visibility,
		Regex: r.Regex, Description: r.Description, Required: r.Required, Default: r.Default, BoardIDs: r.BoardIDs,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

// Field is the definition of a custom field as callers see it.
type Field struct {
	Key            string           `json:"field_key"`
	Label          string           `json:"label"`
	Type           field.Type       `json:"field_type" enum:"text,text_long,integer,decimal,boolean,date,date_time,url,json"`
	Visibility     field.Visibility `json:"ui_visibility" enum:"always,if_set,hidden"`
	Regex          *string          `json:"validation_regex"`
	Description    *string          `json:"description"`
	Required       bool             `json:"required" default:"false"`
	Default        jsontext.Value   `json:"default_value" null:"yes"`
	ID             uuid.UUID        `json:"id"`
	OrganizationID uuid.UUID        `json:"organization_id"`
	BoardIDs       []uuid.UUID      `json:"board_ids" default:"[]"`
	CreatedAt      Time             `json:"created_at"`
	UpdatedAt      Time             `json:"updated_at"`
}

// viewField shows a definition; of its boards, those that are still there, or
// all if that is nil.
func viewField(r FieldRow, there map[uuid.UUID]bool) Field {
	v := Field{
		Key: r.Key, Label: r.Label, Type: r.Type, Visibility: r.Visibility, Regex: r.Regex, Description: r.Description,
		Required: r.Required, Default: r.Default, ID: r.ID, OrganizationID: r.OrganizationID, BoardIDs: []uuid.UUID{},
		CreatedAt: Time(r.CreatedAt), UpdatedAt: Time(r.UpdatedAt),
	}
	for _, id := range r.BoardIDs {
		if there == nil || there[id] {
			v.BoardIDs = append(v.BoardIDs, id)
		}
	}
	return v
}

// frameField renders what streams show of an event, under types that today's
// clients ignore.
func frameField(e *eventstore.Staged, d field.Definition) ([]eventstore.PendingFrame, error) {
	type edited struct {
		Type  string `json:"type"`
		Field Field  `json:"custom_field"`
	}
	type deleted struct {
		Type    string    `json:"type"`
		FieldID uuid.UUID `json:"custom_field_id"`
	}
	var payload any = edited{e.Type, viewField(fieldRow(d), nil)}
	if d.Deleted {
		payload = deleted{e.Type, d.ID}
	}
	return frameOf(e, CatalogTopic(d.OrganizationID), d.ID, nil, payload)
}

// FieldKey names the fact whether an organization has a field of a key.
func FieldKey(org uuid.UUID, key string) domain.Key {
	return eventstore.Key(org, "org/field/"+key)
}

// BoardFieldsKey names the fact which fields the tasks of a board have, and how
// those are defined.
func BoardFieldsKey(board uuid.UUID) domain.Key { return eventstore.Key(board, "board/fields") }

// FieldValuesKey names the fact whether tasks have values of a field. Events of
// tasks that set one touch it.
func FieldValuesKey(definition uuid.UUID) domain.Key {
	return eventstore.Key(definition, "field/values")
}

// Fields finds and lists definitions of custom fields.
type Fields struct{ Reader }

// OnBoard lists the fields that tasks of a board have, by label. It rests on
// BoardFieldsKey; what it returns is shared: nobody may change it.
func (f Fields) OnBoard(ctx context.Context, d *eventstore.Decision, board uuid.UUID) ([]field.Definition, error) {
	return eventstore.LookAt(ctx, f.Store, d, BoardFieldsKey(board), "definitions", func(ctx context.Context) ([]field.Definition, error) {
		rows, err := findAll[FieldRow](ctx, f.DB, fieldsTable, "board_ids @> array[$1::uuid] order by "+fieldOrder, board)
		defs := make([]field.Definition, len(rows))
		for i, r := range rows {
			defs[i] = r.definition()
		}
		return defs, err
	})
}

const fieldOrder = "lower(label), created_at, id"

// KeyTaken reports whether an organization has a field of a key.
func (f Fields) KeyTaken(ctx context.Context, d *eventstore.Decision, org uuid.UUID, key string) (bool, error) {
	d.Look(FieldKey(org, key))
	row, err := find[FieldRow](ctx, f.DB, fieldsTable, "organization_id = $1 and field_key = $2 limit 1", org, key)
	return row != nil, err
}

// HasValues reports whether a task of the organization has a value of a field,
// on whichever board.
func (f Fields) HasValues(ctx context.Context, d *eventstore.Decision, org, id uuid.UUID) (bool, error) {
	d.Look(FieldValuesKey(id))
	var any bool
	err := f.DB.QueryRow(ctx, `select exists (select from tasks t join boards b on b.id = t.board_id
		where b.organization_id = $1 and t.custom_field_values -> $2 is not null)`, org, id.String()).Scan(&any)
	if err != nil {
		return false, fmt.Errorf("projections: look for values of a custom field: %w", err)
	}
	return any, nil
}

// OfOrganization lists the fields of an organization, by label.
func (f Fields) OfOrganization(ctx context.Context, org uuid.UUID) ([]Field, error) {
	rows, err := findAll[FieldRow](ctx, f.DB, fieldsTable, "organization_id = $1 order by "+fieldOrder, org)
	if err != nil {
		return nil, err
	}
	return f.views(ctx, rows)
}

// View shows a definition.
func (f Fields) View(ctx context.Context, d field.Definition) (Field, error) {
	views, err := f.views(ctx, []FieldRow{fieldRow(d)})
	if err != nil {
		return Field{}, err
	}
	return views[0], nil
}

func (f Fields) views(ctx context.Context, rows []FieldRow) ([]Field, error) {
	var boards []uuid.UUID
	for _, r := range rows {
		boards = union(boards, r.BoardIDs...)
	}
	left, err := findIDs(ctx, f.DB, boardsTable, "id = any($1)", boards)
	if err != nil {
		return nil, err
	}
	there := make(map[uuid.UUID]bool, len(left))
	for _, id := range left {
		there[id] = true
	}
	views := make([]Field, len(rows))
	for i, r := range rows {
		views[i] = viewField(r, there)
	}
	return views, nil
}
