package httpapi

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxFaults bounds the answer to a body that is wrong in very many places, so
// that a small request can not ask for an answer of hundreds of megabytes.
const maxFaults = 1000

// fault is one entry of the detail of a 422 answer. Its keys and their order
// are part of the contract.
type fault struct {
	Type  string         `json:"type"`
	Loc   place          `json:"loc"`
	Msg   string         `json:"msg"`
	Input jsontext.Value `json:"input"` // as it was sent; nil is null
	Ctx   jsontext.Value `json:"ctx,omitzero"`
}

// place is where a fault was found, from the part of the request inwards.
type place []step

// step leads from a value to one inside it.
type step struct {
	name  string // of a member, unless item
	at    int    // of an item
	item  bool
	order int // of a member among its declared siblings
}

// MarshalJSONTo writes names as strings and positions in lists as integers.
func (p place) MarshalJSONTo(enc *jsontext.Encoder) error {
	if err := enc.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	for _, s := range p {
		token := jsontext.String(s.name)
		if s.item {
			token = jsontext.Int(int64(s.at))
		}
		if err := enc.WriteToken(token); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndArray)
}

// problem is what is wrong with one value, wherever it stands.
type problem struct {
	kind, msg string
	ctx       jsontext.Value
}

func (p *problem) at(loc place, input jsontext.Value) fault {
	return fault{Type: p.kind, Loc: loc, Msg: p.msg, Input: input, Ctx: p.ctx}
}

// invalidInput refuses a request because of the values in it.
type invalidInput []fault

func (e invalidInput) Error() string {
	texts := make([]string, len(e))
	for i, f := range e {
		texts[i] = f.Msg
	}
	return "invalid input: " + strings.Join(texts, "; ")
}

// flaw is a rule of a whole object that does not hold.
type flaw struct {
	Field string // the member to blame; empty: the object itself
	Text  string
}

// contextOf returns {key: value}.
func contextOf(key string, value any) jsontext.Value {
	b, err := json.Marshal(map[string]any{key: value}, answerOptions())
	if err != nil {
		return nil // the values here are texts and numbers, which always encode
	}
	return b
}

// broken returns the problem of a value that a rule of ours turns down.
func broken(text string) *problem {
	return &problem{"value_error", "Value error, " + text, contextOf("error", text)}
}

// wrongType returns the problem of a value of another JSON type.
func wrongType(kind, article string) *problem {
	return &problem{kind: kind, msg: "Input should be a valid " + article}
}

func missing() *problem { return &problem{kind: "missing", msg: "Field required"} }

// notFinite is the problem of a number that no float64 holds.
func notFinite() *problem {
	return &problem{kind: "finite_number", msg: "Input should be a finite number"}
}

func quoted(text string) jsontext.Value {
	b, _ := jsontext.AppendQuote(nil, text) // bad UTF-8 is replaced, which is what an echo needs
	return b
}
