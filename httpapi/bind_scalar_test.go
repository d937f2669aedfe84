package httpapi

import (
	"bufio"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// only is an input whose body has the one member v.
type only[T any] struct {
	V T `json:"v"`
}

// recordedScalar is one line of testdata/scalars.jsonl: what the original's
// validator makes of a JSON value.
type recordedScalar struct {
	Type   string         `json:"type"`
	In     string         `json:"in"`
	OK     jsontext.Value `json:"ok"`
	Errors []struct {
		Type string         `json:"type"`
		Loc  []any          `json:"loc"`
		Msg  string         `json:"msg"`
		Ctx  map[string]any `json:"ctx"`
	} `json:"errors"`
}

func scalarInputs() map[string]reflect.Type {
	return map[string]reflect.Type{
		"string": reflect.TypeFor[only[string]](),
		"bool":   reflect.TypeFor[only[bool]](),
		"int":    reflect.TypeFor[only[int]](),
		"float":  reflect.TypeFor[only[float64]](),
		"uuid":   reflect.TypeFor[only[uuid.UUID]](),
		"time":   reflect.TypeFor[only[time.Time]](),
		"list":   reflect.TypeFor[only[[]string]](),
		"map":    reflect.TypeFor[only[map[string]jsontext.Value]](),
		"mapint": reflect.TypeFor[only[map[string]int]](),
		"enum": reflect.TypeFor[struct {
			V string `json:"v" enum:"inbox,in_progress,review,done"`
		}](),
		"const": reflect.TypeFor[struct {
			V string `json:"v" enum:"handoff"`
		}](),
		"two": reflect.TypeFor[struct {
			V string `json:"v" enum:"question,handoff"`
		}](),
		"nonempty": reflect.TypeFor[struct {
			V string `json:"v" nonempty:"true"`
		}](),
		"range": reflect.TypeFor[struct {
			V int `json:"v" ge:"0" le:"200"`
		}](),
		"frange": reflect.TypeFor[struct {
			V float64 `json:"v" ge:"0" le:"100"`
		}](),
	}
}

// departures are the values that we judge otherwise on purpose.
func departures() map[string]string {
	const tooBig = "a whole number has 64 bits here"
	const finite = "a number has to be finite, as the answer could not show it"
	return map[string]string{
		"int 12345678901234567890": tooBig, "int 123456789012345678901234567890": tooBig,
		`int "9223372036854775808"`: tooBig, `int "-9223372036854775809"`: tooBig,
		`int "99999999999999999999999"`: tooBig, "int 9223372036854775808": tooBig,
		"float 1e400": finite, `float "1e400"`: finite, `float "nan"`: finite, `float "NaN"`: finite, `float "inf"`: finite,
		`float "-inf"`: finite, `float "Infinity"`: finite, `float "infinity"`: finite, `float "INF"`: finite,
		`uuid "{2c3563a3-d44b-47ba-8f91-619d55f3291z}"`:        "a position in the original is off by the prefix",
		`uuid "urn:uuid:2c3563a3-d44b-47ba-8f91-619d55f3291z"`: "a position in the original is off by the prefix",
		`time "9999-12-31T23:59:59-01:00"`:                     "a year of five digits has no form on the wire",
		`time "0001-01-01T00:00:00+01:00"`:                     "the year 0 has no form on the wire",
		"time 20000000000.5":                                   "the original takes the fraction for milliseconds too early",
		`string "a\u0000b"`:                                    "NUL is refused",
		`string "\ud800"`:                                      "half a surrogate pair is refused everywhere",
	}
}

func TestScalars(t *testing.T) {
	file, err := os.Open("testdata/scalars.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	inputs, departures := map[string]*input{}, departures()
	for name, typ := range scalarInputs() {
		inputs[name] = newInput(typ)
	}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var c recordedScalar
		if err := json.Unmarshal(lines.Bytes(), &c, answerOptions()); err != nil {
			t.Fatal(err)
		}
		name := c.Type + " " + c.In
		if _, ok := departures[name]; ok {
			continue
		}
		in := inputs[c.Type]
		dst := reflect.New(in.typ).Elem()
		faults, err := in.decode([]byte(`{"v":`+c.In+`}`), dst)
		if err != nil {
			t.Errorf("%.80s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(wantFaults(c), shownFaults(t, faults)); diff != "" {
			t.Errorf("%.80s (-want +got)\n%s", name, diff)
		}
		if len(c.Errors) == 0 && len(faults) == 0 {
			sameValue(t, name, c, dst.Field(0))
		}
	}
}

func wantFaults(c recordedScalar) (faults []string) {
	for _, e := range c.Errors {
		loc := append([]any{"body", "v"}, e.Loc...)
		const short, long = "invalid character: found", "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found"
		msg := strings.ReplaceAll(e.Msg, short, long)
		if text, ok := e.Ctx["error"].(string); ok {
			e.Ctx["error"] = strings.ReplaceAll(text, short, long)
		}
		faults = append(faults, fmt.Sprintf("%s %v %s %v", e.Type, loc, msg, e.Ctx))
	}
	return faults
}

func shownFaults(t *testing.T, faults []fault) (shown []string) {
	t.Helper()
	for _, f := range faults {
		var loc []any
		for _, s := range f.Loc {
			if s.item {
				loc = append(loc, float64(s.at))
			} else {
				loc = append(loc, s.name)
			}
		}
		var ctx map[string]any
		if f.Ctx != nil {
			if err := json.Unmarshal(f.Ctx, &ctx); err != nil {
				t.Error(err)
			}
		}
		shown = append(shown, fmt.Sprintf("%s %v %s %v", f.Type, loc, f.Msg, ctx))
	}
	return shown
}

func sameValue(t *testing.T, name string, c recordedScalar, got reflect.Value) {
	t.Helper()
	shown := got.Interface()
	if at, ok := shown.(time.Time); ok {
		layout := "2006-01-02T15:04:05"
		if at.Nanosecond() != 0 {
			layout += ".000000"
		}
		shown = at.Format(layout)
	}
	if f, ok := shown.(float64); ok {
		if want, err := strconv.ParseFloat(string(c.OK), 64); err != nil || f != want {
			t.Errorf("%.80s: got %v, want %s", name, f, c.OK)
		}
		return
	}
	want := slices.Clone(c.OK)
	b, err := encode(shown)
	have := jsontext.Value(b)
	if err != nil || want.Canonicalize() != nil || have.Canonicalize() != nil || string(want) != string(have) {
		t.Errorf("%.80s: got %s (%v), want %s", name, have, err, want)
	}
}

func TestQueryValue(t *testing.T) {
	for _, c := range []struct {
		query, want string
		found       bool
	}{
		{"a=1", "1", true},
		{"a=1&a=2", "2", true},
		{"b=1", "", false},
		{"a", "", true},
		{"a=", "", true},
		{"%61=x%20y+z", "x y z", true},
		{"a=%zz%4", "%zz%4", true},
		{"a=1;b=2", "1;b=2", true},
		{"a=%ff", "�", true},
		{"", "", false},
		{"&&a=1&", "1", true},
	} {
		if got, found := queryValue(c.query, "a"); got != c.want || found != c.found {
			t.Errorf("%q: %q %v", c.query, got, found)
		}
	}
}
