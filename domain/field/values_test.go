package field_test

import (
	"errors"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/field"
)

var (
	ticketID = uuid.MustParse("00000000-0000-4000-8000-0000000000f1")
	pointsID = uuid.MustParse("00000000-0000-4000-8000-0000000000f2")
	ownerID  = uuid.MustParse("00000000-0000-4000-8000-0000000000f3")
	goneID   = uuid.MustParse("00000000-0000-4000-8000-0000000000f4")
	onBoard  = []field.Definition{
		{ID: ticketID, Key: "ticket", Type: field.Text, Regex: &ticket},
		{ID: pointsID, Key: "points", Type: field.Decimal, Default: value("3")},
		{ID: ownerID, Key: "owner", Type: field.Text, Required: true},
	}
)

type (
	stored = map[uuid.UUID]jsontext.Value
	given  = map[string]jsontext.Value
)

func TestValues(t *testing.T) {
	t.Parallel()
	ann := value(`"Ann"`)
	for subject, c := range map[string]struct {
		stored   stored
		given    given
		creating bool
		want     stored
		refused  string
	}{
		"creating stores what is given, and defaults": {nil, given{"owner": ann}, true, stored{ownerID: ann, pointsID: value("3")}, ""},
		"numbers keep their text":                     {nil, given{"owner": ann, "points": value(" 80.0")}, true, stored{ownerID: ann, pointsID: value("80.0")}, ""},
		"creating with null stores nothing":           {nil, given{"owner": ann, "points": value("null")}, true, stored{ownerID: ann}, ""},
		"a change stores no defaults":                 {stored{ownerID: ann}, given{"ticket": value(`"A-1"`)}, false, stored{ownerID: ann, ticketID: value(`"A-1"`)}, ""},
		"null takes away":                             {stored{ownerID: ann, ticketID: value(`"A-1"`)}, given{"ticket": value("null")}, false, stored{ownerID: ann}, ""},
		"what is not named stays":                     {stored{ownerID: ann, goneID: value("1")}, nil, false, stored{ownerID: ann, goneID: value("1")}, ""},
		"white space goes":                            {stored{ownerID: ann}, given{"owner": value(` "B\u00e9" `)}, false, stored{ownerID: value(`"Bé"`)}, ""},

		"unknown keys come first":       {nil, given{"z": value("1"), "a": value("1"), "points": value(`"x"`)}, true, nil, `{"message":"Unknown custom field keys for this board.","unknown_field_keys":["a","z"]}`},
		"then values that are wrong":    {nil, given{"ticket": value(`"bad"`)}, true, nil, `{"message":"Invalid custom field value.","field_key":"ticket","field_type":"text","reason":"does not match validation_regex"}`},
		"the first of them by key":      {nil, given{"ticket": value(`"bad"`), "points": value(`"many"`)}, true, nil, `{"message":"Invalid custom field value.","field_key":"points","field_type":"decimal","reason":"must be a decimal number"}`},
		"then what is required":         {nil, nil, true, nil, `{"message":"Required custom fields must have values.","missing_field_keys":["owner"]}`},
		"null for what is required":     {stored{ownerID: ann}, given{"owner": value("null")}, false, nil, `{"message":"Required custom fields must have values.","missing_field_keys":["owner"]}`},
		"what never had it, on a touch": {nil, nil, false, nil, `{"message":"Required custom fields must have values.","missing_field_keys":["owner"]}`},
	} {
		t.Run(subject, func(t *testing.T) {
			got, err := field.Values(onBoard, c.stored, c.given, c.creating)
			if c.refused != "" {
				r, ok := errors.AsType[*domain.Refusal](err)
				if !ok || r.Reason != domain.Invalid {
					t.Fatalf("%v, %v", got, err)
				}
				if detail, err := json.Marshal(r.Detail); err != nil || string(detail) != c.refused {
					t.Errorf("refused with %s, %v, want %s", detail, err, c.refused)
				}
				return
			}
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
	t.Run("a default satisfies what is required", func(t *testing.T) {
		defs := []field.Definition{{ID: pointsID, Key: "points", Type: field.Integer, Default: value("3"), Required: true}}
		if _, err := field.Values(defs, nil, nil, false); err != nil {
			t.Error(err)
		}
		if _, err := field.Values(defs, nil, given{"points": value("null")}, true); domain.ReasonOf(err) != domain.Invalid {
			t.Error(err)
		}
	})
	t.Run("none is an empty map", func(t *testing.T) {
		if got, err := field.Values(nil, nil, nil, true); got == nil || len(got) > 0 || err != nil {
			t.Error(got, err)
		}
	})
}

func TestShown(t *testing.T) {
	t.Parallel()
	got := field.Shown(onBoard, stored{ticketID: value(`"A-1"`), goneID: value("1")})
	want := given{"ticket": value(`"A-1"`), "points": value("3"), "owner": value("null")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if none := field.Shown(nil, nil); none == nil || len(none) > 0 {
		t.Errorf("%v", none)
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	before, after := stored{ticketID: value("1"), pointsID: value("2"), ownerID: value("3")}, stored{ticketID: value("1"), ownerID: value("3.0"), goneID: value("4")}
	if diff := cmp.Diff([]uuid.UUID{pointsID, ownerID, goneID}, field.Changed(before, after)); diff != "" {
		t.Error(diff)
	}
}

// TestAnyValues: whatever is given, stored values stay valid, arguments stay
// as they are, and asking again with what was shown changes nothing shown.
func TestAnyValues(t *testing.T) {
	t.Parallel()
	texts := rapid.SampledFrom([]string{"null", "1", "80.0", `"A-1"`, `"bad"`, `"Ann"`, "{}", "true", "nonsense"})
	rapid.Check(t, func(t *rapid.T) {
		in := given{}
		for _, key := range rapid.SliceOfN(rapid.SampledFrom([]string{"ticket", "points", "owner", "nope"}), 0, 4).Draw(t, "keys") {
			in[key] = value(texts.Draw(t, "value"))
		}
		before := stored{ownerID: value(`"Ann"`)}
		after, err := field.Values(onBoard, before, in, rapid.Bool().Draw(t, "creating"))
		if len(before) != 1 {
			t.Fatal("the stored values changed")
		}
		if err != nil {
			if domain.ReasonOf(err) != domain.Invalid {
				t.Fatal(err)
			}
			return
		}
		for _, d := range onBoard {
			if fault := d.Fault(after[d.ID]); fault != "" {
				t.Fatalf("%s is stored in %s: %s", after[d.ID], d.Key, fault)
			}
		}
		seen := field.Shown(onBoard, after)
		again, err := field.Values(onBoard, after, seen, false)
		if err != nil || !cmp.Equal(seen, field.Shown(onBoard, again)) {
			t.Fatalf("%v is shown, and sent back it becomes %v, %v", seen, again, err)
		}
	})
}
