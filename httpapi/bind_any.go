package httpapi

import (
	"bytes"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// anyKind keeps a JSON value as it was sent, made fit to be stored and sent
// again: of members with one name the last remains, and no number is beyond a
// float64 unless it is whole.
type anyKind struct {
	object bool // nothing but an object will do
}

func (k anyKind) read(w *walk, dst reflect.Value) {
	if k.object && w.kind() != '{' {
		w.reject(wrongType("dict_type", "dictionary"), w.value())
		return
	}
	raw := w.value()
	if w.err != nil {
		return
	}
	clean, p := storable(raw)
	if p != nil {
		w.reject(p, raw)
		return
	}
	dst.SetBytes(clean)
}

// storable returns raw itself when nothing in it needs care, as is usual.
func storable(raw jsontext.Value) (jsontext.Value, *problem) {
	if harmless(raw) && raw.IsValid() {
		return raw, nil
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), lenient())
	out, p, err := rewrite(dec, nil)
	if err != nil {
		return nil, &problem{kind: "json_invalid", msg: "Invalid JSON: " + err.Error()}
	}
	return out, p
}

// harmless reports that raw has neither an escaped code point nor a number
// that is long or has an exponent. It may err on the safe side.
func harmless(raw jsontext.Value) bool {
	const longNumber = 20
	inString, digits := false, 0
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inString && c == '\\':
			if i++; i < len(raw) && raw[i] == 'u' {
				return false
			}
		case c == '"':
			inString = !inString
		case inString:
		case isDigit(c) || c == '.':
			if digits++; digits > longNumber {
				return false
			}
			continue
		case (c == 'e' || c == 'E') && digits > 0:
			return false
		}
		digits = 0
	}
	return true
}

// rewrite appends the next value of dec to out.
func rewrite(dec *jsontext.Decoder, out []byte) ([]byte, *problem, error) {
	switch dec.PeekKind() {
	case '{':
		return rewriteObject(dec, out)
	case '[':
		return rewriteList(dec, out)
	default:
		return rewriteScalar(dec, out)
	}
}

func rewriteScalar(dec *jsontext.Decoder, out []byte) ([]byte, *problem, error) {
	raw, err := dec.ReadValue()
	if err != nil {
		return nil, nil, err
	}
	switch raw.Kind() {
	case '"':
		text, p := plainText(raw)
		return append(out, text...), p, nil
	case '0':
		literal, p := plainNumber(raw)
		return append(out, literal...), p, nil
	default:
		return append(out, raw...), nil, nil
	}
}

func rewriteList(dec *jsontext.Decoder, out []byte) ([]byte, *problem, error) {
	if _, err := dec.ReadToken(); err != nil {
		return nil, nil, err
	}
	out = append(out, '[')
	for first := true; dec.PeekKind() != ']'; first = false {
		if !first {
			out = append(out, ',')
		}
		var p *problem
		var err error
		if out, p, err = rewrite(dec, out); p != nil || err != nil {
			return nil, p, err
		}
	}
	_, err := dec.ReadToken()
	return append(out, ']'), nil, err
}

// rewriteObject keeps the place of the first and the value of the last of
// several members with one name.
func rewriteObject(dec *jsontext.Decoder, out []byte) ([]byte, *problem, error) {
	if _, err := dec.ReadToken(); err != nil {
		return nil, nil, err
	}
	var names []string
	values := map[string][]byte{}
	for dec.PeekKind() != '}' {
		raw, err := dec.ReadValue()
		if err != nil {
			return nil, nil, err
		}
		name, p := plainText(raw)
		if p != nil {
			return nil, p, nil
		}
		if _, again := values[string(name)]; !again {
			names = append(names, string(name))
		}
		value, p, err := rewrite(dec, nil)
		if p != nil || err != nil {
			return nil, p, err
		}
		values[string(name)] = value
	}
	out = append(out, '{')
	for i, name := range names {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, name...), ':')
		out = append(out, values[name]...)
	}
	_, err := dec.ReadToken()
	return append(out, '}'), nil, err
}

// plainText writes a string with as few escapes as possible.
func plainText(raw jsontext.Value) (jsontext.Value, *problem) {
	if hasLoneSurrogate(raw) {
		return nil, loneSurrogate()
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return nil, loneSurrogate()
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, holdsNUL()
	}
	return quoted(string(text)), nil
}

// plainNumber keeps a whole number digit by digit, up to the length that the
// original reads, and writes any other as the float64 that it stands for.
func plainNumber(raw jsontext.Value) (jsontext.Value, *problem) {
	const mostDigits = 4300
	if !bytes.ContainsAny(raw, ".eE") && len(raw) <= mostDigits {
		return raw, nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return nil, notFinite()
	}
	return strconv.AppendFloat(nil, f, 'g', -1, 64), nil
}

// hasLoneSurrogate reports whether a quoted string escapes half of a
// surrogate pair without the other half.
func hasLoneSurrogate(raw jsontext.Value) bool {
	for i := 0; i+1 < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++ // at the escaped character
		unit, ok := escapedUnit(raw[i:])
		switch {
		case !ok || unit < 0xD800 || unit > 0xDFFF:
			continue
		case unit > 0xDBFF || i+6 >= len(raw) || raw[i+5] != '\\':
			return true
		}
		if low, ok := escapedUnit(raw[i+6:]); !ok || low < 0xDC00 || low > 0xDFFF {
			return true
		}
		i += 10 // both halves
	}
	return false
}

// escapedUnit reads uXXXX.
func escapedUnit(s []byte) (uint64, bool) {
	if len(s) < 5 || s[0] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(s[1:5]), 16, 16)
	return unit, err == nil
}
