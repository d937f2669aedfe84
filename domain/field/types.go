package field

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Type says what values a field takes.
type Type string

// The types.
const (
	Text     Type = "text"
	TextLong Type = "text_long"
	Integer  Type = "integer"
	Decimal  Type = "decimal"
	Boolean  Type = "boolean"
	Date     Type = "date"
	DateTime Type = "date_time"
	URL      Type = "url"
	JSON     Type = "json"
)

// ParseType reads a type as people write it.
func ParseType(text string) (Type, bool) {
	switch t := Type(strings.ToLower(strings.TrimSpace(text))); t {
	case Text, TextLong, Integer, Decimal, Boolean, Date, DateTime, URL, JSON:
		return t, true
	case "text (long)", "long_text":
		return TextLong, true
	case "true/false":
		return Boolean, true
	case "date & time", "datetime":
		return DateTime, true
	}
	return "", false
}

// takesPattern reports whether values are strings that a pattern can judge.
func (t Type) takesPattern() bool {
	switch t {
	case Text, TextLong, Date, DateTime, URL:
		return true
	case Integer, Decimal, Boolean, JSON:
	}
	return false
}

// Visibility says when a field is shown.
type Visibility string

// The visibilities.
const (
	Always Visibility = "always"
	IfSet  Visibility = "if_set"
	Hidden Visibility = "hidden"
)

// ParseVisibility reads a visibility as people write it.
func ParseVisibility(text string) (Visibility, bool) {
	switch v := Visibility(strings.ToLower(strings.TrimSpace(text))); v {
	case Always, IfSet, Hidden:
		return v, true
	case "if set":
		return IfSet, true
	}
	return "", false
}

// Fault says why v is no value of the type, "" if it is one. Null always is.
func (t Type) Fault(v jsontext.Value) string {
	kind := v.Kind()
	if isNull(v) {
		return ""
	}
	text := ""
	if kind == '"' && json.Unmarshal(v, &text) != nil {
		return "must be a string"
	}
	switch t {
	case Text, TextLong:
		return unless(kind == '"', "must be a string")
	case Integer:
		return unless(kind == '0' && !strings.ContainsAny(string(v), ".eE"), "must be an integer")
	case Decimal:
		return unless(kind == '0', "must be a decimal number")
	case Boolean:
		return unless(kind == 't' || kind == 'f', "must be true or false")
	case Date:
		return unless(kind == '"' && isDate(text), "must be an ISO date string (YYYY-MM-DD)")
	case DateTime:
		return unless(kind == '"' && isDateTime(text), "must be an ISO datetime string")
	case URL:
		if kind != '"' {
			return "must be a URL string"
		}
		return unless(isWebAddress(text), "must be a valid http/https URL")
	case JSON:
		return unless(kind == '{' || kind == '[', "must be a JSON object or array")
	}
	return "must be of a known type"
}

func unless(ok bool, fault string) string {
	if ok {
		return ""
	}
	return fault
}

func isNull(v jsontext.Value) bool { return v == nil || v.Kind() == 'n' }

// isWebAddress reports whether text is an http or https address with a host.
// White space around it and line breaks in it are passed over, as browsers do.
func isWebAddress(text string) bool {
	text = strings.TrimLeftFunc(text, func(r rune) bool { return r <= ' ' })
	text = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(text)
	scheme, rest, found := strings.Cut(text, "://")
	if scheme = strings.ToLower(scheme); !found || scheme != "http" && scheme != "https" {
		return false
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	host := authority[strings.LastIndexByte(authority, '@')+1:]
	if strings.HasPrefix(host, "[") {
		return strings.Index(host, "]") > 1
	}
	host, _, _ = strings.Cut(host, ":")
	return host != "" && !strings.ContainsAny(authority, "[]")
}

// compact writes a JSON value as it will be read back, numbers as they are.
func compact(v jsontext.Value) (jsontext.Value, error) { return json.Marshal(v) }
