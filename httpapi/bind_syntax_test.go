package httpapi

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// recordedSyntax is one line of testdata/syntax.jsonl: what the original's
// parser says of a text, nothing when it is JSON.
type recordedSyntax struct {
	Body  string `json:"body"`
	At    int    `json:"at"`
	Error string `json:"error"`
}

func TestMalformed(t *testing.T) {
	path := "testdata/syntax.jsonl"
	if more := os.Getenv("SYNTAX_CASES"); more != "" {
		path = more
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var c recordedSyntax
		if err := json.Unmarshal(lines.Bytes(), &c, answerOptions()); err != nil {
			t.Fatal(err)
		}
		got := syntaxError{}
		if why := malformed(trimBOM([]byte(c.Body))); why != nil {
			got = *why
		}
		if strings.Contains(c.Body, "NaN") || strings.Contains(c.Body, "Infinity") {
			continue // not numbers here
		}
		if got.offset != c.At || got.text != c.Error {
			t.Errorf("%q: got %q at %d, want %q at %d", c.Body, got.text, got.offset, c.Error, c.At)
		}
		agrees(t, c.Body)
	}
}

// agrees checks that the scanner, which finds the words, and the decoder, which
// reads bodies, call the same texts JSON.
func agrees(t *testing.T, body string) {
	t.Helper()
	valid := jsontext.Value(trimBOM([]byte(body))).IsValid(lenient())
	if why := malformed(trimBOM([]byte(body))); valid != (why == nil) {
		t.Errorf("%q: decoder says %v, scanner %+v", body, valid, why)
	}
}

func TestMalformedNotANumber(t *testing.T) {
	for body, at := range map[string]int{"NaN": 0, "[1, Infinity]": 4, `{"a":-Infinity}`: 5} {
		if why := malformed([]byte(body)); why == nil || why.text != "Expecting value" || why.offset != at {
			t.Errorf("%s: %+v", body, why)
		}
	}
}

func TestMalformedDepth(t *testing.T) {
	for depth, deep := range map[int]bool{mostNesting: false, mostNesting + 1: true, 500_000: true} {
		body := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		if why := malformed([]byte(body)); (why != nil && why.tooDeep) != deep {
			t.Errorf("%d: %+v", depth, why)
		}
	}
}
