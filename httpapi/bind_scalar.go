package httpapi

import (
	"bytes"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// given is one scalar as it was sent: a JSON value of the body, or a text of
// the path, the query or a header, which is the same as a JSON string.
type given struct {
	kind jsontext.Kind
	text []byte // of a string: unquoted; else the literal. Valid until the next read
	lone bool   // the string held half of a surrogate pair
}

// scalar is a kind whose values stand alone, so that they can be read from a
// path or a query as well as from a body. The conversions between types are
// those of the original's validator (its lax mode).
type scalar interface {
	kind
	parse(g given, dst reflect.Value) *problem
}

// textKind reads a string.
type textKind struct {
	filled bool // trimmed, and then not empty
}

func (k textKind) parse(g given, dst reflect.Value) *problem {
	switch {
	case g.kind != '"':
		return wrongType("string_type", "string")
	case g.lone:
		return loneSurrogate()
	case bytes.IndexByte(g.text, 0) >= 0:
		return holdsNUL()
	}
	text := g.text
	if k.filled {
		if text = bytes.TrimSpace(text); len(text) == 0 {
			return &problem{"string_too_short", "String should have at least 1 character", contextOf("min_length", 1)}
		}
	}
	dst.SetString(string(text))
	return nil
}

func loneSurrogate() *problem {
	return &problem{kind: "string_unicode", msg: "Input should be a valid string, unable to parse raw data as a unicode string"}
}

// holdsNUL is the problem of a text that Postgres can not store.
func holdsNUL() *problem { return broken("text must not contain NUL") }

// choiceKind reads one of a few fixed strings.
type choiceKind struct {
	choices  []string
	expected string
}

func newChoice(choices []string) choiceKind {
	quoted := make([]string, len(choices))
	for i, c := range choices {
		quoted[i] = "'" + c + "'"
	}
	last := len(quoted) - 1
	expected := quoted[last]
	if last > 0 {
		expected = strings.Join(quoted[:last], ", ") + " or " + quoted[last]
	}
	return choiceKind{choices, expected}
}

func (k choiceKind) parse(g given, dst reflect.Value) *problem {
	if g.kind == '"' {
		for _, c := range k.choices {
			if string(g.text) == c {
				dst.SetString(c)
				return nil
			}
		}
	}
	return &problem{"literal_error", "Input should be " + k.expected, contextOf("expected", k.expected)}
}

// boolKind reads a truth value, also from 0, 1 and the usual words.
type boolKind struct{}

func (boolKind) parse(g given, dst reflect.Value) *problem {
	switch g.kind {
	case 't', 'f':
		dst.SetBool(g.kind == 't')
	case '0':
		f, err := strconv.ParseFloat(string(g.text), 64)
		switch {
		case err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63:
			return wrongType("bool_type", "boolean")
		case f != 0 && f != 1:
			return unclearBool()
		}
		dst.SetBool(f == 1)
	case '"':
		switch strings.ToLower(string(g.text)) {
		case "1", "true", "t", "yes", "y", "on":
			dst.SetBool(true)
		case "0", "false", "f", "no", "n", "off":
			dst.SetBool(false)
		default:
			return unclearBool()
		}
	default:
		return wrongType("bool_type", "boolean")
	}
	return nil
}

func unclearBool() *problem {
	return &problem{kind: "bool_parsing", msg: "Input should be a valid boolean, unable to interpret input"}
}

// intKind reads a whole number, also from a float without fraction, a string
// of digits and a truth value.
type intKind struct {
	ge, le *int64
}

func (k intKind) parse(g given, dst reflect.Value) *problem {
	switch g.kind {
	case 't':
		return k.set(1, dst)
	case 'f':
		return k.set(0, dst)
	case '0':
		if bytes.ContainsAny(g.text, ".eE") {
			return k.fromFloat(string(g.text), dst)
		}
		return k.fromDigits(string(g.text), dst)
	case '"':
		digits, ok := digitsOf(strings.TrimSpace(string(g.text)))
		if !ok {
			return &problem{kind: "int_parsing", msg: "Input should be a valid integer, unable to parse string as an integer"}
		}
		return k.fromDigits(digits, dst)
	default:
		return wrongType("int_type", "integer")
	}
}

func (k intKind) fromFloat(literal string, dst reflect.Value) *problem {
	f, err := strconv.ParseFloat(literal, 64)
	switch {
	case err != nil:
		return notFinite()
	case f != math.Trunc(f):
		return &problem{kind: "int_from_float", msg: "Input should be a valid integer, got a number with a fractional part"}
	case math.Abs(f) >= 1<<63:
		return hugeInt()
	}
	return k.set(int64(f), dst)
}

func (k intKind) fromDigits(digits string, dst reflect.Value) *problem {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil { // the form is right, so it is out of range; n is the nearest int64
		if p := k.limit(n); p != nil {
			return p
		}
		return hugeInt()
	}
	return k.set(n, dst)
}

func (k intKind) set(n int64, dst reflect.Value) *problem {
	if p := k.limit(n); p != nil {
		return p
	}
	if dst.OverflowInt(n) {
		return hugeInt()
	}
	dst.SetInt(n)
	return nil
}

func (k intKind) limit(n int64) *problem {
	if k.ge != nil && n < *k.ge {
		return belowBound(strconv.FormatInt(*k.ge, 10))
	}
	if k.le != nil && n > *k.le {
		return aboveBound(strconv.FormatInt(*k.le, 10))
	}
	return nil
}

func hugeInt() *problem {
	return &problem{kind: "int_parsing_size", msg: "Unable to parse input string as an integer, exceeded maximum size"}
}

func belowBound(bound string) *problem {
	return &problem{"greater_than_equal", "Input should be greater than or equal to " + bound, contextOf("ge", jsontext.Value(bound))}
}

func aboveBound(bound string) *problem {
	return &problem{"less_than_equal", "Input should be less than or equal to " + bound, contextOf("le", jsontext.Value(bound))}
}

// digitsOf returns the number that text writes in a form for ParseInt: it may
// have a sign, single underscores between digits and a fraction of zeros.
func digitsOf(text string) (string, bool) {
	whole, fraction, dotted := strings.Cut(text, ".")
	if dotted && (fraction == "" || strings.Trim(fraction, "0") != "") {
		return "", false
	}
	unsigned := strings.TrimPrefix(whole, "-")
	if unsigned == whole {
		unsigned = strings.TrimPrefix(whole, "+")
	}
	if unsigned, ok := plainDigits(unsigned); ok {
		return whole[:len(whole)-len(strings.TrimLeft(whole, "+-"))] + unsigned, true
	}
	return "", false
}

// plainDigits takes single underscores out from between digits.
func plainDigits(text string) (string, bool) {
	digit := false
	for i := range len(text) {
		switch c := text[i]; {
		case '0' <= c && c <= '9':
			digit = true
		case c == '_' && digit:
			digit = false
		default:
			return "", false
		}
	}
	return strings.ReplaceAll(text, "_", ""), digit
}
