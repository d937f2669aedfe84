package httpapi

import (
	"bytes"
	"unicode/utf8"
)

// mostNesting is how deeply a body may nest. The original's parser gives up a
// little later, with the same answer.
const mostNesting = 900

// syntaxError is where and why a text is not JSON. The texts and positions are
// those of the original's parser, which agents and clients may show.
type syntaxError struct {
	offset  int // in characters
	text    string
	tooDeep bool
}

// malformed returns why body, which is valid UTF-8, is not JSON, or nil if it
// is. It runs only when the decoder has already refused the body, or when the
// body might be nested too deeply.
func malformed(body []byte) *syntaxError {
	s := scanner{text: body}
	end := s.value(s.space(0), 0)
	if s.err == nil {
		if end = s.space(end); end != len(body) {
			s.fail("Extra data", end)
		}
	}
	if s.err != nil {
		s.err.offset = utf8.RuneCount(body[:s.err.offset])
	}
	return s.err
}

// scanner reads values and returns the position behind each, in bytes. After a
// failure it returns the end of the text, so that every loop ends.
type scanner struct {
	text []byte
	err  *syntaxError
}

func (s *scanner) fail(text string, at int) int {
	if s.err == nil {
		s.err = &syntaxError{offset: at, text: text}
	}
	return len(s.text)
}

// at returns the byte at i, or 0 behind the end.
func (s *scanner) at(i int) byte {
	if i < len(s.text) {
		return s.text[i]
	}
	return 0
}

func (s *scanner) space(i int) int {
	for i < len(s.text) && (s.text[i] == ' ' || s.text[i] == '\t' || s.text[i] == '\n' || s.text[i] == '\r') {
		i++
	}
	return i
}

func (s *scanner) value(i, depth int) int {
	switch c := s.at(i); {
	case depth == mostNesting && (c == '{' || c == '['):
		end := s.fail("", i)
		s.err.tooDeep = true
		return end
	case c == '"':
		return s.str(i)
	case c == '{':
		return s.object(i+1, depth)
	case c == '[':
		return s.list(i+1, depth)
	case c == '-' || isDigit(c):
		return s.number(i)
	}
	for _, word := range []string{"null", "true", "false"} {
		if bytes.HasPrefix(s.text[min(i, len(s.text)):], []byte(word)) {
			return i + len(word)
		}
	}
	return s.fail("Expecting value", i)
}

func (s *scanner) object(i, depth int) int {
	if i = s.space(i); s.at(i) == '}' {
		return i + 1
	}
	for {
		if s.at(i) != '"' {
			return s.fail("Expecting property name enclosed in double quotes", i)
		}
		i = s.space(s.str(i))
		if s.at(i) != ':' {
			return s.fail("Expecting ':' delimiter", i)
		}
		i = s.space(s.value(s.space(i+1), depth+1))
		if s.at(i) == '}' {
			return i + 1
		}
		if s.at(i) != ',' {
			return s.fail("Expecting ',' delimiter", i)
		}
		i = s.space(i + 1)
	}
}

func (s *scanner) list(i, depth int) int {
	if i = s.space(i); s.at(i) == ']' {
		return i + 1
	}
	for {
		i = s.space(s.value(i, depth+1))
		if s.at(i) == ']' {
			return i + 1
		}
		if s.at(i) != ',' {
			return s.fail("Expecting ',' delimiter", i)
		}
		i = s.space(i + 1)
	}
}

// str reads a string whose opening quote is at i.
func (s *scanner) str(i int) int {
	begin := i
	for i++; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return s.fail("Invalid control character at", i)
		case c != '\\':
			continue
		}
		i++
		switch c := s.at(i); {
		case i == len(s.text):
		case c == 'u':
			if !s.hex(i + 1) {
				return s.fail(`Invalid \uXXXX escape`, i)
			}
			i += 4
		case bytes.IndexByte([]byte(`"\/bfnrt`), c) < 0:
			return s.fail(`Invalid \escape`, i-1)
		}
	}
	return s.fail("Unterminated string starting at", begin)
}

// hex reports four hexadecimal digits at i that something follows.
func (s *scanner) hex(i int) bool {
	if i+4 >= len(s.text) {
		return false
	}
	for _, c := range s.text[i : i+4] {
		if !isHex(rune(c)) {
			return false
		}
	}
	return true
}

func (s *scanner) number(i int) int {
	begin := i
	if s.at(i) == '-' {
		i++
	}
	switch {
	case s.at(i) == '0':
		i++
	case isDigit(s.at(i)):
		i = s.digits(i)
	default:
		return s.fail("Expecting value", begin)
	}
	if s.at(i) == '.' && isDigit(s.at(i+1)) {
		i = s.digits(i + 1)
	}
	if s.at(i) == 'e' || s.at(i) == 'E' {
		exponent := i + 1
		if s.at(exponent) == '-' || s.at(exponent) == '+' {
			exponent++
		}
		if isDigit(s.at(exponent)) {
			i = s.digits(exponent)
		}
	}
	return i
}

func (s *scanner) digits(i int) int {
	for isDigit(s.at(i)) {
		i++
	}
	return i
}
