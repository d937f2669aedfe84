package field_test

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/domaintest"
	"missioncontrol/domain/field"
)

var (
	fields  = domaintest.Aggregate[field.Definition, field.Event]{Events: field.Events}
	board   = uuid.MustParse("00000000-0000-4000-8000-0000000000b1")
	other   = uuid.MustParse("00000000-0000-4000-8000-0000000000b2")
	ticket  = "^[A-Z]+-[0-9]+$"
	created = field.Created{
		Key: "ticket", Label: "Ticket", Type: field.Text, Visibility: field.Always, Regex: &ticket, BoardIDs: []uuid.UUID{board},
	}
)

func value(text string) jsontext.Value { return jsontext.Value(text) }

func TestCreate(t *testing.T) {
	t.Parallel()
	s := fields.Given(t).When(field.Create{Created: created}).Then(created).State()
	if !s.Exists() || s.ID != domaintest.Stream || s.OrganizationID != domaintest.Org || s.CreatedAt != s.UpdatedAt || s.Key != "ticket" {
		t.Errorf("%+v", s)
	}
	fields.Given(t, created).When(field.Create{Created: created}).ThenRefused(domain.Conflict, nil)

	t.Run("boards are listed once, in order", func(t *testing.T) {
		e, want := created, created
		e.BoardIDs, want.BoardIDs = []uuid.UUID{other, board, other}, []uuid.UUID{board, other}
		fields.Given(t).When(field.Create{Created: e}).Then(want)
	})
	t.Run("a default keeps its text", func(t *testing.T) {
		e, want := created, created
		e.Type, e.Regex, e.Default = field.Decimal, nil, value(" 80.0 ")
		want.Type, want.Regex, want.Default = field.Decimal, nil, value("80.0")
		fields.Given(t).When(field.Create{Created: e}).Then(want)
	})
	t.Run("null is no default", func(t *testing.T) {
		e := created
		e.Default = value("null")
		fields.Given(t).When(field.Create{Created: e}).Then(created)
	})
	refused := func(edit func(*field.Create)) domain.Command[field.Definition, field.Event] {
		c := field.Create{Created: created}
		edit(&c)
		return c
	}
	for subject, c := range map[string]struct {
		command domain.Command[field.Definition, field.Event]
		reason  domain.Reason
		detail  any
	}{
		"a key that is taken": {refused(func(c *field.Create) { c.KeyTaken = true }), domain.Conflict, "Field key already exists in this organization."},
		"a default of other type": {refused(func(c *field.Create) {
			c.Created.Type, c.Created.Regex, c.Created.Default = field.Integer, nil, value(`"abc"`)
		}), domain.Invalid, "must be an integer"},
		"a default off pattern":    {refused(func(c *field.Create) { c.Created.Default = value(`"abc"`) }), domain.Invalid, "does not match validation_regex"},
		"a pattern for numbers":    {refused(func(c *field.Create) { c.Created.Type = field.Integer }), domain.Invalid, "validation_regex is only supported for string field types."},
		"a default that is broken": {refused(func(c *field.Create) { c.Created.Default = value(`{"a":1,"a":2}`) }), domain.Invalid, "default_value is no JSON value"},
	} {
		t.Run(subject, func(t *testing.T) { fields.Given(t).When(c.command).ThenRefused(c.reason, c.detail) })
	}
	t.Run("boards of others come first", func(t *testing.T) {
		out := fields.Given(t).When(refused(func(c *field.Create) { c.UnknownBoard, c.KeyTaken = []uuid.UUID{other}, true }))
		out.ThenRefused(domain.Invalid)
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	fields.Given(t).When(field.Update{}).ThenRefused(domain.NotFound, nil)
	fields.Given(t, created, field.Deleted{Key: "ticket"}).When(field.Update{}).ThenRefused(domain.NotFound, nil)

	for subject, c := range map[string]struct{ change, want field.Updated }{
		"nothing is a touch":          {field.Updated{}, field.Updated{}},
		"a label":                     {field.Updated{Label: domain.Some("Ticket no.")}, field.Updated{Label: domain.Some("Ticket no.")}},
		"the boards that it has":      {field.Updated{BoardIDs: domain.Some([]uuid.UUID{board, board})}, field.Updated{}},
		"other boards tell the old":   {field.Updated{BoardIDs: domain.Some([]uuid.UUID{other})}, field.Updated{BoardIDs: domain.Some([]uuid.UUID{other}), WasOn: []uuid.UUID{board}}},
		"null boards stay":            {field.Updated{BoardIDs: domain.Null[[]uuid.UUID]()}, field.Updated{}},
		"null is no default":          {field.Updated{Default: domain.Some(value("null"))}, field.Updated{Default: domain.Null[jsontext.Value]()}},
		"a default that fits":         {field.Updated{Default: domain.Some(value(`"AB-1"`))}, field.Updated{Default: domain.Some(value(`"AB-1"`))}},
		"another type, pattern taken": {field.Updated{Type: domain.Some(field.Integer), Regex: domain.Null[string]()}, field.Updated{Type: domain.Some(field.Integer), Regex: domain.Null[string]()}},
	} {
		t.Run(subject, func(t *testing.T) {
			h := fields.Given(t, created)
			if s := h.When(field.Update{Updated: c.change}).Then(c.want).State(); !s.UpdatedAt.After(h.State().UpdatedAt) {
				t.Error("updated_at stands still")
			}
		})
	}
	withDefault := created
	withDefault.Default = value(`"AB-1"`)
	lower := "^[a-z]+$"
	for subject, c := range map[string]struct {
		change field.Update
		detail string
	}{
		"another type beside the pattern": {field.Update{Updated: field.Updated{Type: domain.Some(field.JSON)}}, "validation_regex is only supported for string field types."},
		"another type than the default":   {field.Update{Updated: field.Updated{Type: domain.Some(field.Integer), Regex: domain.Null[string]()}}, "must be an integer"},
		"another pattern than it":         {field.Update{Updated: field.Updated{Regex: domain.Some(lower)}}, "does not match validation_regex"},
		"a default off the pattern":       {field.Update{Updated: field.Updated{Default: domain.Some(value(`"x"`))}}, "does not match validation_regex"},
	} {
		t.Run(subject, func(t *testing.T) {
			fields.Given(t, withDefault).When(c.change).ThenRefused(domain.Invalid, c.detail)
		})
	}
	fields.Given(t, created).When(field.Update{UnknownBoard: []uuid.UUID{other}}).ThenRefused(domain.Invalid)
}

func TestDelete(t *testing.T) {
	t.Parallel()
	fields.Given(t).When(field.Delete{}).ThenRefused(domain.NotFound, nil)
	h := fields.Given(t, created)
	h.When(field.Delete{HasValues: true}).ThenRefused(domain.Conflict, "Cannot delete a custom field definition while task values exist.")
	h.When(field.Delete{}).Then(field.Deleted{Key: "ticket"}).When(field.Delete{}).ThenRefused(domain.NotFound, nil)
}

func TestAnySequence(t *testing.T) {
	t.Parallel()
	texts := domaintest.Texts()
	types := rapid.SampledFrom([]field.Type{field.Text, field.TextLong, field.Integer, field.Decimal, field.Boolean, field.Date, field.DateTime, field.URL, field.JSON, ""})
	visibilities := rapid.SampledFrom([]field.Visibility{field.Always, field.IfSet, field.Hidden})
	patterns := rapid.SampledFrom([]string{"", "a*", ticket, "(a", "(?<=a)b", `(\w)\1`})
	values := rapid.Map(rapid.SampledFrom([]string{"", "null", "1", "1.50", `"a"`, `"2026-11-21"`, `{"a" : [1, "\u00e9"]}`, "true", `"https://x.y"`, `{"a":1,"a":1}`, "nonsense"}), value)
	boards := rapid.SliceOfN(rapid.SampledFrom([]uuid.UUID{board, other}), 1, 3)
	fields.Property(t, rapid.Custom(func(t *rapid.T) domain.Command[field.Definition, field.Event] {
		switch rapid.IntRange(0, 4).Draw(t, "command") {
		case 0, 1:
			return field.Create{KeyTaken: rapid.Bool().Draw(t, "taken"), Created: field.Created{
				Key: texts.Draw(t, "key"), Label: texts.Draw(t, "label"), Type: types.Draw(t, "type"), Visibility: visibilities.Draw(t, "visibility"),
				Regex: domaintest.OrNil(patterns).Draw(t, "regex"), Description: domaintest.OrNil(texts).Draw(t, "description"),
				Required: rapid.Bool().Draw(t, "required"), Default: values.Draw(t, "default"), BoardIDs: boards.Draw(t, "boards"),
			}}
		case 2:
			return field.Delete{HasValues: rapid.Bool().Draw(t, "has values")}
		default:
			return field.Update{Updated: field.Updated{
				Label: domaintest.Maybe(texts).Draw(t, "label"), Type: domaintest.Maybe(types).Draw(t, "type"),
				Visibility: domaintest.Maybe(visibilities).Draw(t, "visibility"), Regex: domaintest.Maybe(patterns).Draw(t, "regex"),
				Description: domaintest.Maybe(texts).Draw(t, "description"), Required: domaintest.Maybe(rapid.Bool()).Draw(t, "required"),
				Default: domaintest.Maybe(values).Draw(t, "default"), BoardIDs: domaintest.Maybe(boards).Draw(t, "boards"),
			}}
		}
	}))
}
