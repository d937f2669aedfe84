package field

import (
	"regexp"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// Limits of patterns. A pattern that Go's regexp can run takes time linear in
// the value; only others may look around and back, and those are kept short.
const (
	mostPattern   = 4096                  // code points of a pattern
	mostLookedAt  = 4 << 10               // bytes of a value that may be looked around in
	mostSearching = 50 * time.Millisecond // that such a value may take
)

// Pattern is a regular expression in the syntax of Python's re, which stored
// ones are written in.
//
// It is translated, not passed on: \d, \w, \s and \b know all of Unicode, $ may
// stand before a newline at the end, and named groups, possessive repeats,
// conditions and inline flags mean what they mean there. What differs: case is
// folded as Go folds it (which knows a few more pairs), \N{…} knows no names,
// and a value that takes too long, or is too long, to be looked around in does
// not match.
type Pattern struct {
	linear *regexp.Regexp  // nil: the pattern looks around or back
	search *regexp2.Regexp // nil: linear does all
}

// CompilePattern reads a pattern. Its errors are worded like Python's.
func CompilePattern(text string) (*Pattern, error) {
	source, err := parsePattern(text)
	if err != nil {
		return nil, err
	}
	p := &Pattern{}
	if !source.looks {
		// An error here is one of size, such as a{900}{900}.
		p.linear, _ = regexp.Compile(`\A(?:` + source.linear + `)\z`)
	}
	if p.linear != nil && !source.dollar {
		return p, nil
	}
	if p.search, err = regexp2.Compile(`\A(?:`+source.search+`)\z`, regexp2.None); err != nil {
		return nil, err
	}
	p.search.MatchTimeout = mostSearching
	return p, nil
}

// Matches reports whether all of text matches.
func (p *Pattern) Matches(text string) bool {
	// A $ before a newline at the end is what the linear engine does not know.
	if p.linear != nil && (p.search == nil || !strings.HasSuffix(text, "\n")) {
		return p.linear.MatchString(text)
	}
	if len(text) > mostLookedAt {
		return false
	}
	ok, err := p.search.MatchString(text)
	return ok && err == nil // the only error is that it took too long
}
