package agent

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"missioncontrol/domain"
)

// DefaultHeartbeat is what an agent's heartbeat is unless somebody says else.
const DefaultHeartbeat = `{"every":"10m","target":"last","includeReasoning":false}`

// Pace sets how often an agent gives a sign of life, and leaves whatever else
// its heartbeat is set to.
type Pace struct{ Every string }

// Decide records the whole heartbeat: the usual one, under what was set before,
// under the pace.
func (c Pace) Decide(a Agent) ([]Event, error) {
	if !a.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	every, err := json.Marshal(c.Every)
	if err != nil {
		return nil, domain.Refuse(domain.Invalid, "every is no text")
	}
	beat := slices.Concat(settingsOf(DefaultHeartbeat), settingsOf(string(a.Profile.HeartbeatConfig)),
		[]setting{{"every", every}, {"target", jsontext.Value(`"last"`)}})
	stored, err := json.Marshal(written(beat))
	if err != nil {
		return nil, domain.Refuse(domain.Invalid, "every is no text")
	}
	return []Event{Updated{HeartbeatConfig: domain.Some(jsontext.Value(stored))}}, nil
}

// setting is a member of a JSON object.
type setting struct {
	name  string
	value jsontext.Value
}

// settingsOf reads the members of an object in their order, up to what cannot
// be read.
func settingsOf(text string) (all []setting) {
	d := jsontext.NewDecoder(strings.NewReader(text))
	if token, err := d.ReadToken(); err != nil || token.Kind() != '{' {
		return nil
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return all
		}
		s := setting{name: name.String()}
		value, err := d.ReadValue()
		if err != nil {
			return all
		}
		s.value = value.Clone()
		all = append(all, s)
	}
	return all
}

// written is the object of these members, each where it is named first, as it
// is named last.
func written(all []setting) jsontext.Value {
	var kept []setting
	for _, s := range all {
		if i := slices.IndexFunc(kept, func(k setting) bool { return k.name == s.name }); i >= 0 {
			kept[i] = s
		} else {
			kept = append(kept, s)
		}
	}
	text := jsontext.Value{'{'}
	for i, s := range kept {
		if i > 0 {
			text = append(text, ',')
		}
		name, err := jsontext.AppendQuote(nil, s.name)
		if err != nil {
			continue // it was read from JSON
		}
		text = append(append(append(text, name...), ':'), s.value...)
	}
	return append(text, '}')
}
