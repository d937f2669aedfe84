package httpapi

import (
	"math"
	"reflect"
	"strconv"
	"strings"
)

// floatKind reads a finite number, also from a string and a truth value.
type floatKind struct {
	ge, le *float64
}

func (k floatKind) parse(g given, dst reflect.Value) *problem {
	switch g.kind {
	case 't':
		return k.set(1, dst)
	case 'f':
		return k.set(0, dst)
	case '0':
		f, err := strconv.ParseFloat(string(g.text), 64)
		if err != nil {
			return notFinite()
		}
		return k.set(f, dst)
	case '"':
		f, ok := floatOf(strings.TrimSpace(string(g.text)))
		if !ok {
			return &problem{kind: "float_parsing", msg: "Input should be a valid number, unable to parse string as a number"}
		}
		return k.set(f, dst)
	default:
		return wrongType("float_type", "number")
	}
}

func (k floatKind) set(f float64, dst reflect.Value) *problem {
	switch {
	case math.IsInf(f, 0) || math.IsNaN(f):
		return notFinite()
	case k.ge != nil && f < *k.ge:
		return belowBound(strconv.FormatFloat(*k.ge, 'f', -1, 64))
	case k.le != nil && f > *k.le:
		return aboveBound(strconv.FormatFloat(*k.le, 'f', -1, 64))
	}
	dst.SetFloat(f)
	return nil
}

// floatOf reads a decimal number, which unlike one of Go has no hexadecimal
// form and may have underscores between any two digits.
func floatOf(text string) (float64, bool) {
	if strings.ContainsAny(text, "xXpP") {
		return 0, false
	}
	for i := range len(text) {
		if text[i] == '_' && (i == 0 || i == len(text)-1 || !isDigit(text[i-1]) || !isDigit(text[i+1])) {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	return f, err == nil || math.IsInf(f, 0)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
