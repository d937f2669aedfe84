package httpapi

import (
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"missioncontrol/domain"
)

type everything struct {
	Text     string                           `json:"text"     default:"none"`
	Maybe    *string                          `json:"maybe"    default:"perhaps"`
	Filled   domain.Optional[string]          `json:"filled"   nonempty:"true"`
	Never    domain.Optional[string]          `json:"never"    null:"no"`
	When     domain.Optional[time.Time]       `json:"when"`
	Numbers  []int                            `json:"numbers"  default:"[]"`
	Names    []string                         `json:"names"    nonempty:"true" default:"[\"a\"]"`
	Scores   map[string]int                   `json:"scores"   default:"{}"`
	Free     jsontext.Value                   `json:"free"     null:"yes"`
	Inner    *inner                           `json:"inner"`
	Inners   []inner                          `json:"inners"   default:"[]"`
	Must     *string                          `json:"must"     default:""`
	MaybeMap domain.Optional[map[string]bool] `json:"maybe_map"`
}

type inner struct {
	Size int    `json:"size" ge:"1"`
	Kind string `json:"kind" enum:"a,b"`
}

func (i inner) Validate() []flaw {
	if i.Size == 13 {
		return []flaw{{Text: "unlucky"}, {Field: "size", Text: "try another"}}
	}
	return nil
}

func decode[In any](t *testing.T, body string) (in In, faults []fault) {
	t.Helper()
	faults, err := newInput(reflect.TypeFor[In]()).decode([]byte(body), reflect.ValueOf(&in).Elem())
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return in, faults
}

func TestDecode(t *testing.T) {
	perhaps, empty := "perhaps", ""
	usual := func(change func(*everything)) everything {
		e := everything{
			Text: "none", Maybe: &perhaps, Must: &empty, Numbers: []int{}, Names: []string{"a"},
			Scores: map[string]int{}, Inners: []inner{},
		}
		change(&e)
		return e
	}
	for _, c := range []struct {
		name, body string
		change     func(*everything)
	}{
		{"absent members get their defaults", `{}`, func(*everything) {}},
		{"null is not absent", `{"maybe":null,"free":null,"inner":null,"filled":null}`, func(e *everything) {
			e.Maybe, e.Filled = nil, domain.Null[string]()
		}},
		{"an optional is given", `{"filled":" x ","never":"","when":"2026-12-01T00:00:00.0000019+02:00","maybe_map":{"a":true}}`, func(e *everything) {
			e.Filled, e.Never = domain.Some("x"), domain.Some("")
			e.When = domain.Some(time.Date(2026, 11, 30, 22, 0, 0, 1000, time.UTC))
			e.MaybeMap = domain.Some(map[string]bool{"a": true})
		}},
		{"of a repeated member the last counts", `{"numbers":[1,"x"],"text":5,"numbers":[2],"text":"b","inner":7,"inner":null}`, func(e *everything) {
			e.Numbers, e.Text = []int{2}, "b"
		}},
		{"names may be escaped", `{"te\u0078t":"\u00e9\n"}`, func(e *everything) { e.Text = "é\n" }},
		{"unknown members are ignored", `{"x":{"text":[1]},"numbers":[]}`, func(*everything) {}},
		{"objects nest", `{"inner":{"size":"2","kind":"a"},"inners":[{"kind":"b","size":1.0}]}`, func(e *everything) {
			e.Inner, e.Inners = &inner{2, "a"}, []inner{{1, "b"}}
		}},
		{"any JSON is kept", `{"free":{"b":[1, null],"a":"x"}}`, func(e *everything) {
			e.Free = jsontext.Value(`{"b":[1, null],"a":"x"}`)
		}},
		{"in any JSON the last of a name counts", `{"free":{"a":1,"b":2,"a":{"c":1,"c":3}}}`, func(e *everything) {
			e.Free = jsontext.Value(`{"a":{"c":3},"b":2}`)
		}},
		{"in any JSON a number has a form that fits", `{"free":[1e2,123456789012345678901234567890,0.1,1e-400,"\u00e9"]}`, func(e *everything) {
			e.Free = jsontext.Value(`[100,123456789012345678901234567890,0.1,0,"é"]`)
		}},
		{"a map is read", `{"scores":{"a":1,"b":"2"}}`, func(e *everything) { e.Scores = map[string]int{"a": 1, "b": 2} }},
		{"a byte order mark is passed over", "\uFEFF" + `{"text":"x"}`, func(e *everything) { e.Text = "x" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, faults := decode[everything](t, c.body)
			if len(faults) > 0 {
				t.Fatal(shownFaults(t, faults))
			}
			if diff := cmp.Diff(usual(c.change), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeFaults(t *testing.T) {
	const nul = "value_error [%s] Value error, text must not contain NUL map[error:text must not contain NUL]"
	at := func(loc string) string { return strings.Replace(nul, "%s", loc, 1) }
	for _, c := range []struct {
		body string
		want []string
	}{
		{`null`, []string{"missing [body] Field required map[]"}},
		{``, []string{"missing [body] Field required map[]"}},
		{`"x"`, []string{"model_attributes_type [body] Input should be a valid dictionary or object to extract fields from map[]"}},
		{`{"never":null}`, []string{"string_type [body never] Input should be a valid string map[]"}},
		{`{"filled":"\t"}`, []string{"string_too_short [body filled] String should have at least 1 character map[min_length:1]"}},
		{`{"names":[]}`, []string{"too_short [body names] List should have at least 1 item after validation, not 0 map[actual_length:0 field_type:List min_length:1]"}},
		{`{"numbers":["a"],"text":null,"numbers":["b",1,null]}`, []string{
			"string_type [body text] Input should be a valid string map[]",
			"int_parsing [body numbers 0] Input should be a valid integer, unable to parse string as an integer map[]",
			"int_type [body numbers 2] Input should be a valid integer map[]",
		}},
		{`{"inners":[{"kind":"c","size":0},5,{}],"inner":[]}`, []string{
			"model_attributes_type [body inner] Input should be a valid dictionary or object to extract fields from map[]",
			"greater_than_equal [body inners 0 size] Input should be greater than or equal to 1 map[ge:1]",
			"literal_error [body inners 0 kind] Input should be 'a' or 'b' map[expected:'a' or 'b']",
			"model_attributes_type [body inners 1] Input should be a valid dictionary or object to extract fields from map[]",
			"missing [body inners 2 size] Field required map[]",
			"missing [body inners 2 kind] Field required map[]",
		}},
		{`{"inner":{"size":13,"kind":"a"}}`, []string{
			"value_error [body inner] Value error, unlucky map[error:unlucky]",
			"value_error [body inner size] Value error, try another map[error:try another]",
		}},
		{`{"text":"a\u0000"}`, []string{at("body text")}},
		{`{"free":{"a":["\u0000"]}}`, []string{at("body free")}},
		{`{"free":{"a\u0000":1}}`, []string{at("body free")}},
		{`{"free":"\\u0000"}`, nil},
		{`{"scores":{"\u0000":1}}`, []string{at("body scores \x00")}},
		{`{"text":"\ud800"}`, []string{"string_unicode [body text] Input should be a valid string, unable to parse raw data as a unicode string map[]"}},
		{`{"free":["\udc00"]}`, []string{"string_unicode [body free] Input should be a valid string, unable to parse raw data as a unicode string map[]"}},
		{`{"free":[1e999]}`, []string{"finite_number [body free] Input should be a finite number map[]"}},
		{`{"\ud800":1}`, nil},
	} {
		if _, faults := decode[everything](t, c.body); cmp.Diff(c.want, shownFaults(t, faults)) != "" {
			t.Errorf("%s\n got %q\nwant %q", c.body, shownFaults(t, faults), c.want)
		}
	}
}

func TestDecodeManyFaults(t *testing.T) {
	body := `{"numbers":[` + strings.Repeat(`"x",`, 100_000) + `1]}`
	if _, faults := decode[everything](t, body); len(faults) != maxFaults {
		t.Error(len(faults))
	}
}

func TestDefaultsAreNotShared(t *testing.T) {
	in := newInput(reflect.TypeFor[everything]())
	var a, b everything
	for _, e := range []*everything{&a, &b} {
		if _, err := in.decode([]byte(`{}`), reflect.ValueOf(e).Elem()); err != nil {
			t.Fatal(err)
		}
	}
	a.Scores["x"], a.Names[0], *a.Maybe = 1, "changed", "changed"
	if len(b.Scores) != 0 || b.Names[0] != "a" || *b.Maybe != "perhaps" {
		t.Errorf("%+v", b)
	}
}

// TestOrderOfChecks: JSON that is none is refused whoever asks, values only
// after the rule, and all of them together.
func TestOrderOfChecks(t *testing.T) {
	_, handler := sampleHandler(io.Discard)
	stranger := func(body string) int {
		return serveAs(handler, "", "POST", "/api/v1/boards/b/tasks", "", body).Code
	}
	for body, want := range map[string]int{`{`: 422, `{}`: 401, `{"title":"x"}`: 401, "\xff": 400, strings.Repeat("[", 5000): 400} {
		if got := stranger(body); got != want {
			t.Errorf("%.20q: %d, want %d", body, got, want)
		}
	}
	w := serve(handler, "PATCH", "/api/v1/boards/b/tasks/abc", "", `{"title":5,"status":"x"}`)
	var body struct {
		Detail []struct {
			Loc []any `json:"loc"`
		} `json:"detail"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	want := [][]any{{"path", "task_id"}, {"body", "title"}, {"body", "status"}}
	for i, f := range body.Detail {
		if !cmp.Equal(f.Loc, want[i]) {
			t.Errorf("%v, want %v", f.Loc, want[i])
		}
	}
	if len(body.Detail) != len(want) || w.Code != http.StatusUnprocessableEntity {
		t.Error(w.Code, w.Body)
	}
}

func TestBodies(t *testing.T) {
	_, handler := sampleHandler(io.Discard)
	deep := func(n int) string {
		return `{"any":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	for _, c := range []struct {
		name, contentType, body string
		status                  int
		contains                string
	}{
		{"parameters of the type", "application/json; charset=utf-8", `{"any":1}`, 200, `{"any":1}`},
		{"another JSON type", "application/merge-patch+json", `{"any":1}`, 200, `{"any":1}`},
		{"a form", "application/x-www-form-urlencoded", `any=1`, 422, `"input":"any=1"`},
		{"an empty form", "text/plain", ``, 422, `"type":"missing","loc":["body"]`},
		{"blank", "", `  `, 422, `"loc":["body",2]`},
		{"not a number", "", `{"any":NaN}`, 422, `"Expecting value"`},
		{"not UTF-8", "", "{\"any\":\"\xff\"}", 400, `"There was an error parsing the body"`},
		{"not UTF-8, not JSON", "text/plain", "\xff", 400, `"There was an error parsing the body"`},
		{"deep enough", "", deep(mostNesting - 1), 200, `[[[`},
		{"too deep", "", deep(mostNesting), 400, `"There was an error parsing the body"`},
		{"large", "", `{"any":"` + strings.Repeat("x", DefaultMaxBodyBytes) + `"}`, 413, `"Request body exceeds 1048576 bytes."`},
		{"half a pair", "", `{"any":"\ud800"}`, 422, `"string_unicode"`},
		{"characters of HTML", "", `{"any":"<&>é\u2028"}`, 200, "<&>é\u2028"},
	} {
		w := serve(handler, "PUT", "/api/v1/echo", c.contentType, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.contains) {
			t.Errorf("%s: %d %.300s", c.name, w.Code, w.Body)
		}
	}
}

func TestInputMistakes(t *testing.T) {
	for name, build := range map[string]func(){
		"no struct": func() { newInput(reflect.TypeFor[int]()) },
		"a channel": func() { newInput(reflect.TypeFor[only[chan int]]()) },
		"a bound": func() {
			newInput(reflect.TypeFor[struct {
				V int `json:"v" ge:"x"`
			}]())
		},
		"a default": func() {
			newInput(reflect.TypeFor[struct {
				V int `json:"v" default:"x"`
			}]())
		},
		"a list in query": func() {
			newInput(reflect.TypeFor[struct {
				V []int `query:"v"`
			}]())
		},
		"no rule": func() { get("/", rule{}, new(sampleAPI).health) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic at the start")
				}
			}()
			build()
		})
	}
}

func TestParams(t *testing.T) {
	id := uuid.MustParse("2c3563a3-d44b-47ba-8f91-619d55f32913")
	api, handler := sampleHandler(io.Discard)
	for path, want := range map[string]string{
		"?limit=5&offset=3":              `"limit":5,"offset":3`,
		"?limit=5&limit=6":               `"limit":6,"offset":0`,
		"?":                              `"limit":200,"offset":0`,
		"?unassigned=":                   `bool_parsing`,
		"?unassigned=On&status=inbox":    `"limit":200`,
		"?status=in%00box":               `"loc":["query","status"],"msg":"Value error, text must not contain NUL"`,
		"?assigned_agent_id=null":        `uuid_parsing`,
		"?assigned_agent_id=" + id.URN(): `"limit":200`,
	} {
		if w := serve(handler, "GET", "/api/v1/boards/b/tasks"+path, "", ""); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
	if w := serve(handler, "POST", "/api/v1/boards/a%2Db%20c/tasks", "", `{"title":"x"}`); w.Code != 200 {
		t.Error(w.Body)
	}
	if got := api.created[len(api.created)-1].BoardID; got != "a-b c" {
		t.Error(got)
	}
	if w := serve(handler, "POST", "/api/v1/boards/a%00/tasks", "", `{"title":"x"}`); w.Code != 422 {
		t.Error(w.Body)
	}
}
