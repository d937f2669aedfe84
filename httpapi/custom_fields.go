package httpapi

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/field"
	"missioncontrol/projections"
)

func (a *API) listOrgCustomFields(ctx context.Context, _ struct{}) ([]projections.Field, error) {
	return projections.Fields{Reader: a.Read}.OfOrganization(ctx, memberOf(ctx).OrganizationID)
}

// What people write of a field, in their forms.
type (
	fieldLabel      string
	fieldType       string
	fieldVisibility string
	fieldPattern    string // empty: none
)

// Settle trims.
func (l *fieldLabel) Settle() string {
	*l = fieldLabel(strings.TrimSpace(string(*l)))
	if *l == "" {
		return "label is required"
	}
	return ""
}

// Settle knows other names of the types.
func (t *fieldType) Settle() string {
	known, ok := field.ParseType(string(*t))
	if !ok {
		return "field_type must be one of: text, text_long, integer, decimal, boolean, date, date_time, url, json"
	}
	*t = fieldType(known)
	return ""
}

// Settle knows other names of the visibilities.
func (v *fieldVisibility) Settle() string {
	known, ok := field.ParseVisibility(string(*v))
	if !ok {
		return "ui_visibility must be one of: always, if_set, hidden"
	}
	*v = fieldVisibility(known)
	return ""
}

// Settle reads the pattern.
func (p *fieldPattern) Settle() string {
	if strings.TrimSpace(string(*p)) == "" {
		*p = ""
		return ""
	}
	if _, err := field.CompilePattern(string(*p)); err != nil {
		return "validation_regex is invalid: " + err.Error()
	}
	return ""
}

func (p *fieldPattern) orNone() *string {
	if p == nil || *p == "" {
		return nil
	}
	text := string(*p)
	return &text
}

// TaskCustomFieldDefinitionCreate is the body of a new custom field.
type TaskCustomFieldDefinitionCreate struct {
	FieldKey        string          `json:"field_key" nonempty:"true"`
	Label           *fieldLabel     `json:"label" nonempty:"true"`
	FieldType       fieldType       `json:"field_type" default:"text" enum:"text,text_long,integer,decimal,boolean,date,date_time,url,json"`
	UIVisibility    fieldVisibility `json:"ui_visibility" default:"always" enum:"always,if_set,hidden"`
	ValidationRegex *fieldPattern   `json:"validation_regex"`
	Description     *string         `json:"description"`
	Required        bool            `json:"required" default:"false"`
	DefaultValue    jsontext.Value  `json:"default_value" null:"yes"`
	BoardIDs        []uuid.UUID     `json:"board_ids" nonempty:"true"`
}

// Validate knows which types go with a pattern.
func (c *TaskCustomFieldDefinitionCreate) Validate() string {
	return field.RegexFault(field.Type(c.FieldType), c.ValidationRegex.orNone())
}

func (a *API) createOrgCustomField(ctx context.Context, in TaskCustomFieldDefinitionCreate) (projections.Field, error) {
	e := field.Created{
		Key: in.FieldKey, Label: in.FieldKey, Type: field.Type(in.FieldType), Visibility: field.Visibility(in.UIVisibility),
		Regex: in.ValidationRegex.orNone(), Description: in.Description, Required: in.Required, Default: in.DefaultValue, BoardIDs: in.BoardIDs,
	}
	if in.Label != nil {
		e.Label = string(*in.Label)
	}
	return a.Commands.Fields.Create(ctx, memberOf(ctx).OrganizationID, e)
}

// TaskCustomFieldDefinitionUpdate is the body of a change of a custom field.
type TaskCustomFieldDefinitionUpdate struct {
	FieldKey        domain.Optional[jsontext.Value]  `json:"field_key" undescribed:"true"` // only to be refused
	Label           domain.Optional[fieldLabel]      `json:"label" nonempty:"true"`
	FieldType       domain.Optional[fieldType]       `json:"field_type" enum:"text,text_long,integer,decimal,boolean,date,date_time,url,json"`
	UIVisibility    domain.Optional[fieldVisibility] `json:"ui_visibility" enum:"always,if_set,hidden"`
	ValidationRegex domain.Optional[fieldPattern]    `json:"validation_regex"`
	Description     domain.Optional[string]          `json:"description"`
	Required        domain.Optional[bool]            `json:"required"`
	DefaultValue    domain.Optional[jsontext.Value]  `json:"default_value"`
	BoardIDs        domain.Optional[[]uuid.UUID]     `json:"board_ids" empty:"board_ids must include at least one board"`
}

// Validate wants a change, and one that can be.
func (u *TaskCustomFieldDefinitionUpdate) Validate() string {
	var null []string
	for _, f := range []struct {
		name string
		null bool
	}{
		{"label", u.Label.Set && u.Label.Value == nil},
		{"field_type", u.FieldType.Set && u.FieldType.Value == nil},
		{"ui_visibility", u.UIVisibility.Set && u.UIVisibility.Value == nil},
		{"required", u.Required.Set && u.Required.Value == nil},
	} {
		if f.null {
			null = append(null, f.name)
		}
	}
	switch {
	case u.FieldKey.Set:
		return "field_key cannot be changed after creation."
	case len(null) > 0:
		return strings.Join(null, ", ") + " cannot be null; omit the field to leave it unchanged"
	case !u.Label.Set && !u.FieldType.Set && !u.UIVisibility.Set && !u.ValidationRegex.Set && !u.Description.Set &&
		!u.Required.Set && !u.DefaultValue.Set && !u.BoardIDs.Set:
		return "At least one field is required"
	}
	return ""
}

func (u TaskCustomFieldDefinitionUpdate) change() field.Updated {
	change := field.Updated{
		Label: retyped[string](u.Label), Type: retyped[field.Type](u.FieldType), Visibility: retyped[field.Visibility](u.UIVisibility),
		Description: u.Description, Required: u.Required, Default: u.DefaultValue,
		Regex: domain.Optional[string]{Set: u.ValidationRegex.Set, Value: u.ValidationRegex.Value.orNone()},
	}
	if u.BoardIDs.Value != nil { // null leaves them as they are
		change.BoardIDs = u.BoardIDs
	}
	return change
}

// retyped is an optional text as another type of text.
func retyped[To, From ~string](o domain.Optional[From]) domain.Optional[To] {
	if o.Value == nil {
		return domain.Optional[To]{Set: o.Set}
	}
	return domain.Some(To(*o.Value))
}

type ofCustomField struct {
	ID uuid.UUID `path:"task_custom_field_definition_id"`
}

type updateOrgCustomField struct {
	ofCustomField
	TaskCustomFieldDefinitionUpdate
}

func (a *API) updateOrgCustomField(ctx context.Context, in updateOrgCustomField) (projections.Field, error) {
	return a.Commands.Fields.Update(ctx, memberOf(ctx).OrganizationID, in.ID, in.change())
}

func (a *API) deleteOrgCustomField(ctx context.Context, in ofCustomField) (projections.Ok, error) {
	return projections.OK(), a.Commands.Fields.Delete(ctx, memberOf(ctx).OrganizationID, in.ID)
}
