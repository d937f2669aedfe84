package field

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// piece is a part of a pattern: its source for each engine, how many code
// points it can match, and what it is for a repeat that follows.
type piece struct {
	linear, search string
	least, most    int
	anchor, repeat bool
}

// unbounded is more code points than any repeat asks for.
const unbounded = 1<<32 - 1

func (a piece) then(b piece) piece {
	return piece{
		linear: a.linear + b.linear, search: a.search + b.search,
		least: min(a.least+b.least, unbounded), most: min(a.most+b.most, unbounded),
	}
}

// single is a piece that matches one code point.
func single(source string) piece {
	return piece{linear: source, search: source, least: 1, most: 1}
}

// translated is what a pattern becomes.
type translated struct {
	linear, search string
	looks          bool // only search will do
	dollar         bool
}

// group is a capturing group.
type group struct {
	closed      bool
	least, most int
}

// patternParser follows the grammar of Python's re, and words what is wrong
// like it. It reads one token ahead, as the places that it names tell.
type patternParser struct {
	text    []rune
	index   int    // behind next
	next    string // "" at the end
	nested  int
	flags   flags // of the whole pattern
	verbose bool  // the whole pattern is

	groups     []group // from 1 on; 0 stands for the pattern
	named      map[string]int
	conditions map[int]int // group to where a condition first asked for it
	lookbehind int         // groups there were when a look-behind began, 0 outside
	variable   bool        // a look-behind has no fixed width
	looks      bool
	dollar     bool
}

// mostNested is how deep groups may stand in each other.
const mostNested = 100

// patternError is what is wrong with a pattern, and at which code point.
type patternError struct {
	what string
	at   int
}

type verboseFound struct{}

// parsePattern reads a pattern of Python's re.
func parsePattern(text string) (source translated, err error) {
	if len([]rune(text)) > mostPattern {
		return translated{}, fmt.Errorf("longer than %d characters", mostPattern)
	}
	for _, verbose := range []bool{false, true} {
		p := &patternParser{text: []rune(text), groups: make([]group, 1), named: map[string]int{}, conditions: map[int]int{}, verbose: verbose}
		var again bool
		if source, again, err = p.run(); !again {
			return source, err
		}
	}
	return source, err
}

// run parses once; again asks for another run, in which the pattern is verbose
// from its beginning.
func (p *patternParser) run() (source translated, again bool, err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case patternError:
			err = errors.New(p.explain(v))
		case verboseFound:
			again = true
		default:
			panic(v)
		}
	}()
	p.advance()
	all := p.alternatives(flags{verbose: p.verbose})
	if p.next != "" {
		p.fail("unbalanced parenthesis", 0)
	}
	for g, at := range p.conditions {
		if g >= len(p.groups) {
			panic(patternError{fmt.Sprintf("invalid group reference %d", g), at})
		}
	}
	if p.variable {
		return translated{}, false, errors.New("look-behind requires fixed-width pattern")
	}
	return translated{linear: all.linear, search: all.search, looks: p.looks, dollar: p.dollar}, false, nil
}

func (p *patternParser) explain(e patternError) string {
	text := fmt.Sprintf("%s at position %d", e.what, e.at)
	before := string(p.text[:min(max(e.at, 0), len(p.text))])
	if !strings.ContainsRune(string(p.text), '\n') {
		return text
	}
	line := strings.Count(before, "\n") + 1
	column := len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
	return fmt.Sprintf("%s (line %d, column %d)", text, line, column)
}

// tell is where the next token begins.
func (p *patternParser) tell() int { return p.index - len([]rune(p.next)) }

// fail ends the parsing; the place is back code points before the next token.
func (p *patternParser) fail(what string, back int) { panic(patternError{what, p.tell() - back}) }

func (p *patternParser) failf(back int, format string, args ...any) {
	p.fail(fmt.Sprintf(format, args...), back)
}

// advance reads the token behind next: a code point, or a backslash with the
// one behind it.
func (p *patternParser) advance() {
	if p.index >= len(p.text) {
		p.next = ""
		return
	}
	p.next = string(p.text[p.index])
	if p.next == `\` {
		if p.index+1 >= len(p.text) {
			panic(patternError{"bad escape (end of pattern)", len(p.text) - 1})
		}
		p.next += string(p.text[p.index+1])
		p.index++
	}
	p.index++
}

func (p *patternParser) take() string {
	token := p.next
	p.advance()
	return token
}

func (p *patternParser) match(token string) bool {
	if p.next != token {
		return false
	}
	p.advance()
	return true
}

func (p *patternParser) seek(at int) {
	p.index = at
	p.advance()
}

// while takes at most n tokens of a set.
func (p *patternParser) while(n int, set string) string {
	var taken strings.Builder
	for ; n > 0 && p.next != "" && strings.Contains(set, p.next); n-- {
		taken.WriteString(p.take())
	}
	return taken.String()
}

// until takes what stands before a terminator.
func (p *patternParser) until(terminator, name string) string {
	var taken strings.Builder
	for {
		c := p.take()
		switch {
		case c == "" && taken.Len() == 0:
			p.fail("missing "+name, 0)
		case c == "":
			p.fail("missing "+terminator+", unterminated name", len([]rune(taken.String())))
		case c == terminator && taken.Len() == 0:
			p.fail("missing "+name, 1)
		case c == terminator:
			return taken.String()
		}
		taken.WriteString(c)
	}
}

// alternatives reads what | separates.
func (p *patternParser) alternatives(f flags) piece {
	p.nested++
	defer func() { p.nested-- }()
	if p.nested > mostNested {
		p.failf(0, "groups stand more than %d deep in each other", mostNested)
	}
	all := p.sequence(f, p.nested == 1)
	for p.match("|") {
		next := p.sequence(f, false)
		all = piece{
			linear: all.linear + "|" + next.linear, search: all.search + "|" + next.search,
			least: min(all.least, next.least), most: max(all.most, next.most),
		}
	}
	return all
}

// sequence reads pieces up to the end of an alternative. Only first may set
// flags of the whole pattern.
func (p *patternParser) sequence(f flags, first bool) piece {
	var items []piece
	for p.next != "" && p.next != "|" && p.next != ")" {
		this := p.take()
		if f.verbose && p.blank(this) {
			continue
		}
		switch {
		case this[0] == '\\':
			items = append(items, p.escape(this, p.within(f)))
		case this == "[":
			items = append(items, p.set(p.within(f)))
		case this == "*", this == "+", this == "?", this == "{":
			items = p.repeat(this, items, p.within(f))
		case this == ".":
			items = append(items, p.within(f).dot())
		case this == "^":
			items = append(items, p.within(f).begin())
		case this == "$":
			items = append(items, p.end(p.within(f)))
		case this == "(":
			var item piece
			var none bool
			if item, f, none = p.group(f, first && len(items) == 0); !none {
				items = append(items, item)
			}
		default:
			items = append(items, p.within(f).literal([]rune(this)[0]))
		}
	}
	var all piece
	for _, item := range items {
		all = all.then(item)
	}
	return all
}

// within adds the flags of the whole pattern, which stand at its beginning.
func (p *patternParser) within(f flags) flags { return f.with(p.flags) }

// blank skips white space and comments of a verbose pattern.
func (p *patternParser) blank(this string) bool {
	if this != "#" {
		return strings.Contains(" \t\n\r\v\f", this)
	}
	for this != "" && this != "\n" {
		this = p.take()
	}
	return true
}

func (p *patternParser) end(f flags) piece {
	if f.multiline {
		return piece{linear: `(?m:$)`, search: `(?m:$)`, anchor: true}
	}
	p.dollar = true
	return piece{linear: `\z`, search: `(?=\n?\z)`, anchor: true}
}

// repeat applies a quantifier to the last item.
func (p *patternParser) repeat(this string, items []piece, f flags) []piece {
	here := p.tell()
	least, most, quantifier := 0, unbounded, this
	switch this {
	case "?":
		most = 1
	case "+":
		least = 1
	case "{":
		if p.next == "}" {
			return append(items, f.literal('{'))
		}
		low := p.while(len(p.text), digits)
		high := low
		if p.match(",") {
			high = p.while(len(p.text), digits)
		}
		if !p.match("}") {
			p.seek(here)
			return append(items, f.literal('{'))
		}
		least, most = p.bounds(low, high, here)
		quantifier = braces(least, most)
		p.looks = p.looks || least > 1000 || most != unbounded && most > 1000 // more than Go's regexp takes
	}
	back := p.tell() - here + len(this)
	switch {
	case len(items) == 0 || items[len(items)-1].anchor:
		p.fail("nothing to repeat", back)
	case items[len(items)-1].repeat:
		p.fail("multiple repeat", back)
	}
	item := items[len(items)-1]
	before, after := "", ""
	switch {
	case p.match("?"):
		quantifier += "?"
	case p.match("+"): // possessive
		before, after, p.looks = "(?>", ")", true
	}
	items[len(items)-1] = piece{
		linear: "(?:" + item.linear + ")" + quantifier, search: before + "(?:" + item.search + ")" + quantifier + after,
		least: times(item.least, least), most: times(item.most, most), repeat: true,
	}
	return items
}

func braces(least, most int) string {
	if most == unbounded {
		return fmt.Sprintf("{%d,}", least)
	}
	return fmt.Sprintf("{%d,%d}", least, most)
}

func times(width, n int) int {
	if width == 0 || n == 0 {
		return 0
	}
	if width > unbounded/n {
		return unbounded
	}
	return width * n
}

func (p *patternParser) bounds(low, high string, here int) (least, most int) {
	least, most = 0, unbounded
	if low != "" {
		if least = number(low); least >= unbounded {
			panic(patternError{"the repetition number is too large", here})
		}
	}
	if high != "" {
		if most = number(high); most >= unbounded {
			panic(patternError{"the repetition number is too large", here})
		}
		if most < least {
			p.fail("min repeat greater than max repeat", p.tell()-here)
		}
	}
	return least, most
}

// number reads digits, at most up to unbounded.
func number(digits string) int {
	n := 0
	for _, d := range digits {
		if n = n*10 + int(d-'0'); n > unbounded {
			return unbounded
		}
	}
	return n
}

const (
	digits      = "0123456789"
	octDigits   = "01234567"
	hexDigits   = "0123456789abcdefABCDEF"
	flagLetters = "iLmsxau"
)

// isIdentifier reports whether text can name a group.
func isIdentifier(text string) bool {
	for i, r := range text {
		if r != '_' && !unicode.IsLetter(r) && !unicode.Is(unicode.Nl, r) &&
			(i == 0 || !unicode.IsDigit(r) && !unicode.In(r, unicode.Mn, unicode.Mc, unicode.Pc)) {
			return false
		}
	}
	return text != ""
}

// repr quotes a name as Python does.
func repr(name string) string {
	name = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(name)
	if strings.Contains(name, "'") && !strings.Contains(name, `"`) {
		return `"` + name + `"`
	}
	return "'" + strings.ReplaceAll(name, "'", `\'`) + "'"
}
