package field_test

import (
	"strings"
	"testing"

	"missioncontrol/domain/field"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]field.Type{
		"text": field.Text, " Text ": field.Text, "TEXT (LONG)": field.TextLong, "long_text": field.TextLong, "true/false": field.Boolean,
		"Date & Time": field.DateTime, "datetime": field.DateTime, "json": field.JSON, "money": "", "": "",
	} {
		if got, ok := field.ParseType(text); got != want || ok != (want != "") {
			t.Errorf("%q is read as %q, %v", text, got, ok)
		}
	}
	for text, want := range map[string]field.Visibility{"always": field.Always, " If Set": field.IfSet, "if_set": field.IfSet, "HIDDEN": field.Hidden, "never": ""} {
		if got, ok := field.ParseVisibility(text); got != want || ok != (want != "") {
			t.Errorf("%q is read as %q, %v", text, got, ok)
		}
	}
}

func TestTypeFault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		of            field.Type
		fault         string
		takes, spurns string // values, separated by spaces
	}{
		{field.Text, "must be a string", `"" "x" "\n"`, `1 true {} []`},
		{field.TextLong, "must be a string", `"x"`, `1`},
		{field.Integer, "must be an integer", `0 -7 12345678901234567890`, `1.0 1e3 true "1" [] 80.0`},
		{field.Decimal, "must be a decimal number", `0 1.5 80.0 -1e9`, `"1.5" false {}`},
		{field.Boolean, "must be true or false", `true false`, `0 1 "true"`},
		{field.Date, "must be an ISO date string (YYYY-MM-DD)", `"2026-11-21" "20261121" "2026-W47-6" "2024-02-29"`, `"2026-02-29" "2026-1-1" "21.11.2026" "2026-11-21T10:00:00" "" 20261121`},
		{field.DateTime, "must be an ISO datetime string", `"2026-11-21" "2026-11-21T10:00:00Z" "2026-11-21T10:00+01:00" "20261121T100000"`, `"2026-11-21T25:00" "now" "" 1`},
		{field.URL, "must be a valid http/https URL", `"http://a" "HTTPS://user@a.b:80/c?d#e" "https://[::1]/"`, `"ftp://a" "a.b" "http://" "http:///x" "https://:80" "" "//a" "http:/a"`},
		{field.URL, "must be a URL string", ``, `1 {} true`},
		{field.JSON, "must be a JSON object or array", `{} [] {"a":1} [1,"x"]`, `"{}" 1 true`},
	} {
		for v := range strings.FieldsSeq(c.takes + " null") {
			if got := c.of.Fault(value(v)); got != "" {
				t.Errorf("%s %s: %s", c.of, v, got)
			}
		}
		for v := range strings.FieldsSeq(c.spurns) {
			if got := c.of.Fault(value(v)); got != c.fault {
				t.Errorf("%s %s: %q, want %q", c.of, v, got, c.fault)
			}
		}
	}
	if field.Text.Fault(nil) != "" || field.Type("money").Fault(value("1")) == "" {
		t.Error("none is a value of every type, and nothing is of a type that is not")
	}
}

// TestISO holds the forms that Python 3.11 reads, and near misses.
func TestISO(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ date, dateTime bool }{
		"2026-11-21":                       {true, true},
		"20261121":                         {true, true},
		"2026-W47":                         {true, true},
		"2026W47":                          {true, true},
		"2026-W47-6":                       {true, true},
		"2026W476":                         {true, true},
		"2026-W53":                         {true, true},
		"2027-W53":                         {},
		"2026-W00":                         {},
		"2026-W47-8":                       {},
		"2026-w47":                         {},
		"0001-W01-1":                       {true, true},
		"9999-W52-7":                       {},
		"2026-325":                         {},
		"2026-11":                          {},
		"2026-1121":                        {},
		"0000-01-01":                       {},
		"2000-02-29":                       {true, true},
		"1900-02-29":                       {},
		"2026-13-01":                       {},
		"٢٠٢٦-11-21":                       {},
		"2026-11-21T17":                    {false, true},
		"2026-11-21 17:41":                 {false, true},
		"2026-11-21日17:41:02":              {false, true},
		"2026-11-21T17:41:02.1":            {false, true},
		"2026-11-21T17:41:02,1234567":      {false, true},
		"20261121T174102.5Z":               {false, true},
		"2026W47T1741":                     {false, true},
		"2026-W47-17":                      {false, true},
		"2026W47517":                       {false, true},
		"2026-11-21T17:41:02-23:59:59":     {false, true},
		"2026-11-21T17:41:02+01:00:00.123": {false, true},
		"2026-11-21T17:41:02+24:00":        {},
		"2026-11-21T17:41:02z":             {},
		"2026-11-21T17:41:02Z0":            {},
		"2026-11-21T24:00":                 {},
		"2026-11-21T17:60":                 {},
		"2026-11-21T17:41:60":              {},
		"2026-11-21T17:4102":               {},
		"2026-11-21T1741:02":               {},
		"2026-11-21T17:":                   {},
		"2026-11-21T":                      {},
		"2026-11-21T17:41:02.":             {},
	} {
		quoted := value(`"` + text + `"`)
		if date, dateTime := field.Date.Fault(quoted) == "", field.DateTime.Fault(quoted) == ""; date != want.date || dateTime != want.dateTime {
			t.Errorf("%s: date %v, datetime %v", text, date, dateTime)
		}
	}
}
