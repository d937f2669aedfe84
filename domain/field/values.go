package field

import (
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Refusals of values that a task is given.
type (
	unknownKeys struct {
		Message string   `json:"message"`
		Keys    []string `json:"unknown_field_keys"`
	}
	invalidValue struct {
		Message string `json:"message"`
		Key     string `json:"field_key"`
		Type    Type   `json:"field_type"`
		Reason  string `json:"reason"`
	}
	missingKeys struct {
		Message string   `json:"message"`
		Keys    []string `json:"missing_field_keys"`
	}
)

// Values decides what values a task has of the fields of its board, by the id
// of their definition: those stored, changed by those given. Null takes a value
// away; creating also stores defaults of fields that are not given. It refuses
// keys that the board has not, values that their fields do not take, and to
// leave required fields empty.
//
// The answer holds all values of the task, also those of fields that the board
// no longer has; it is never nil. No argument is changed.
func Values(defs []Definition, stored map[uuid.UUID]jsontext.Value, given map[string]jsontext.Value, creating bool) (map[uuid.UUID]jsontext.Value, error) {
	if err := refuseUnknown(defs, given); err != nil {
		return nil, err
	}
	if err := refuseInvalid(defs, given); err != nil {
		return nil, err
	}
	if err := refuseMissing(defs, stored, given); err != nil {
		return nil, err
	}
	after := map[uuid.UUID]jsontext.Value{}
	maps.Copy(after, stored)
	for _, d := range defs {
		v, named := given[d.Key]
		switch {
		case named && isNull(v):
			delete(after, d.ID)
		case named:
			clean, err := compact(v)
			if err != nil {
				return nil, domain.RefuseWith(domain.Invalid, invalidValue{"Invalid custom field value.", d.Key, d.Type, "is no JSON value"})
			}
			after[d.ID] = clean
		case creating && !isNull(d.Default):
			after[d.ID] = d.Default
		}
	}
	return after, nil
}

func refuseUnknown(defs []Definition, given map[string]jsontext.Value) error {
	unknown := maps.Clone(given)
	for _, d := range defs {
		delete(unknown, d.Key)
	}
	if len(unknown) == 0 {
		return nil
	}
	return domain.RefuseWith(domain.Invalid, unknownKeys{"Unknown custom field keys for this board.", slices.Sorted(maps.Keys(unknown))})
}

// refuseInvalid names the first by key of the values that are wrong.
func refuseInvalid(defs []Definition, given map[string]jsontext.Value) error {
	var wrong *invalidValue
	for _, d := range defs {
		v, named := given[d.Key]
		if !named || wrong != nil && wrong.Key < d.Key {
			continue
		}
		if fault := d.Fault(v); fault != "" {
			wrong = &invalidValue{"Invalid custom field value.", d.Key, d.Type, fault}
		}
	}
	if wrong == nil {
		return nil
	}
	return domain.RefuseWith(domain.Invalid, *wrong)
}

func refuseMissing(defs []Definition, stored map[uuid.UUID]jsontext.Value, given map[string]jsontext.Value) error {
	var missing []string
	for _, d := range defs {
		v, named := given[d.Key]
		if !named {
			v = shown(d, stored)
		}
		if d.Required && isNull(v) {
			missing = append(missing, d.Key)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return domain.RefuseWith(domain.Invalid, missingKeys{"Required custom fields must have values.", missing})
}

// Shown is what a task shows of the fields of its board, by their keys: its
// value, else the default, else null. It is never nil.
func Shown(defs []Definition, stored map[uuid.UUID]jsontext.Value) map[string]jsontext.Value {
	all := make(map[string]jsontext.Value, len(defs))
	for _, d := range defs {
		if all[d.Key] = shown(d, stored); all[d.Key] == nil {
			all[d.Key] = jsontext.Value("null")
		}
	}
	return all
}

func shown(d Definition, stored map[uuid.UUID]jsontext.Value) jsontext.Value {
	if v, ok := stored[d.ID]; ok {
		return v
	}
	return d.Default
}

// Changed lists the definitions whose values differ between two states of a
// task, in the order of their ids.
func Changed(before, after map[uuid.UUID]jsontext.Value) []uuid.UUID {
	var ids []uuid.UUID
	for id, v := range after {
		if was, ok := before[id]; !ok || string(was) != string(v) {
			ids = append(ids, id)
		}
	}
	for id := range before {
		if _, ok := after[id]; !ok {
			ids = append(ids, id)
		}
	}
	return sorted(ids)
}
