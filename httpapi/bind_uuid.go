package httpapi

import (
	"bytes"
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/google/uuid"
)

// uuidKind reads an id in its dashed form, in either case, also in braces or
// after urn:uuid:, or as 32 hexadecimal digits.
type uuidKind struct{}

func (uuidKind) parse(g given, dst reflect.Value) *problem {
	if g.kind != '"' {
		return &problem{kind: "uuid_type", msg: "UUID input should be a string, bytes or UUID object"}
	}
	text, prefix := unwrapUUID(g.text)
	if len(text) == 36 || len(text) == 32 && prefix == 0 {
		if id, err := uuid.ParseBytes(text); err == nil {
			*dst.Addr().Interface().(*uuid.UUID) = id
			return nil
		}
	}
	why := whyNotUUID(g.text)
	return &problem{"uuid_parsing", "Input should be a valid UUID, " + why, contextOf("error", why)}
}

// unwrapUUID takes off braces or the URN prefix, and tells how many bytes it
// took from the front.
func unwrapUUID(text []byte) (inner []byte, prefix int) {
	if n := len(text); n > 1 && text[0] == '{' && text[n-1] == '}' {
		return text[1 : n-1], 1
	}
	if inner, ok := bytes.CutPrefix(text, []byte("urn:uuid:")); ok {
		return inner, len("urn:uuid:")
	}
	return text, 0
}

// whyNotUUID finds the first reason why text is not an id: a character, else
// its length, else the number of groups, else the length of one of them.
func whyNotUUID(text []byte) string {
	inner, prefix := unwrapUUID(text)
	for i := 0; i < len(inner); {
		r, size := utf8.DecodeRune(inner[i:])
		if r != '-' && !isHex(r) {
			return fmt.Sprintf("invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `%c` at %d", r, i+prefix+1)
		}
		i += size
	}
	groups := bytes.Split(inner, []byte{'-'})
	switch {
	case len(groups) == 1 && prefix == 0:
		return fmt.Sprintf("invalid length: expected length 32 for simple format, found %d", len(text))
	case len(groups) != 5:
		return fmt.Sprintf("invalid group count: expected 5, found %d", len(groups))
	}
	want := [...]int{8, 4, 4, 4, 12}
	for i, group := range groups[:4] {
		if len(group) != want[i] {
			return fmt.Sprintf("invalid group length in group %d: expected %d, found %d", i, want[i], len(group))
		}
	}
	// The original counts the wrapping as part of the last group; kept, as the text is a contract.
	const before = 24
	return fmt.Sprintf("invalid group length in group 4: expected 12, found %d", len(text)-before)
}

func isHex(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'f' || 'A' <= r && r <= 'F'
}
