package field

import (
	"fmt"
	"strings"
	"unicode"
)

// flags are what changes the meaning of a pattern or of a part of it.
type flags struct{ ignoreCase, multiline, dotAll, verbose, ascii bool }

func (f flags) with(g flags) flags {
	return flags{
		ignoreCase: f.ignoreCase || g.ignoreCase, multiline: f.multiline || g.multiline, dotAll: f.dotAll || g.dotAll,
		verbose: f.verbose || g.verbose, ascii: f.ascii || g.ascii,
	}
}

func (f *flags) set(letters string, on bool) {
	for _, l := range letters {
		switch l {
		case 'i':
			f.ignoreCase = on
		case 'm':
			f.multiline = on
		case 's':
			f.dotAll = on
		case 'x':
			f.verbose = on
		case 'a':
			f.ascii = on
		case 'u':
			f.ascii = !on
		}
	}
}

// group reads what follows an opening parenthesis. none: it stands for nothing,
// a comment or flags of the whole pattern; those change after.
func (p *patternParser) group(f flags, mayFlag bool) (item piece, after flags, none bool) {
	start := p.tell() - 1
	inner, name, open, capture := f, "", "(?:", true
	if p.match("?") {
		capture = false
		switch char := p.opened(); {
		case char == "P":
			if ref, ok := p.extension(&name); ok {
				return ref, f, false
			}
			capture = true
		case char == ":":
		case char == "#":
			p.comment(start)
			return piece{}, f, true
		case char == "=", char == "!":
			return p.look("(?"+char, f, start), f, false
		case char == "<":
			if char = p.opened(); char != "=" && char != "!" {
				p.failf(len([]rune(char))+2, "unknown extension ?<%s", char)
			}
			return p.lookBehind("(?<"+char, f, start), f, false
		case char == "(":
			return p.condition(f, start), f, false
		case char == ">":
			open, p.looks = "(?>", true
		case char == "-" || strings.Contains(flagLetters, char):
			on, off, whole := p.inlineFlags(char)
			if whole {
				return piece{}, p.wholeFlags(on, f, mayFlag, start), true
			}
			inner.set(on, true)
			inner.set(off, false)
		default:
			p.failf(len([]rune(char))+1, "unknown extension ?%s", char)
		}
	}
	number := 0
	if capture {
		number, open = p.openGroup(name), "("
	}
	body := p.alternatives(inner)
	p.closeParen(start)
	if capture {
		p.groups[number] = group{closed: true, least: body.least, most: body.most}
	}
	return piece{linear: "(?:" + body.linear + ")", search: open + body.search + ")", least: body.least, most: body.most}, f, false
}

// opened takes the code point that says what kind of group it is.
func (p *patternParser) opened() string {
	if p.next == "" {
		p.fail("unexpected end of pattern", 0)
	}
	return p.take()
}

func (p *patternParser) closeParen(start int) {
	if !p.match(")") {
		p.fail("missing ), unterminated subpattern", p.tell()-start)
	}
}

func (p *patternParser) comment(start int) {
	for {
		if p.next == "" {
			p.fail("missing ), unterminated comment", p.tell()-start)
		}
		if p.take() == ")" {
			return
		}
	}
}

// wholeFlags sets flags of the whole pattern, which stand at its beginning.
func (p *patternParser) wholeFlags(on string, f flags, mayFlag bool, start int) flags {
	if !mayFlag {
		p.fail("global flags not at the start of the expression", p.tell()-start)
	}
	p.flags.set(on, true)
	if p.flags.verbose && !p.verbose {
		panic(verboseFound{})
	}
	return f
}

// extension reads (?P<name> or all of (?P=name).
func (p *patternParser) extension(name *string) (ref piece, isRef bool) {
	switch {
	case p.match("<"):
		*name = p.until(">", "group name")
		p.checkName(*name)
		return piece{}, false
	case p.match("="):
		n := p.until(")", "group name")
		p.checkName(n)
		g, known := p.named[n]
		back := len([]rune(n)) + 1
		if !known {
			p.fail("unknown group name "+repr(n), back)
		}
		return p.backReference(g, back), true
	}
	char := p.opened()
	p.failf(len([]rune(char))+2, "unknown extension ?P%s", char)
	return piece{}, false
}

func (p *patternParser) checkName(name string) {
	if !isIdentifier(name) {
		p.fail("bad character in group name "+repr(name), len([]rune(name))+1)
	}
}

func (p *patternParser) openGroup(name string) int {
	number := len(p.groups)
	p.groups = append(p.groups, group{})
	if name == "" {
		return number
	}
	if was, again := p.named[name]; again {
		p.failf(len([]rune(name))+1, "redefinition of group name %s as group %d; was group %d", repr(name), number, was)
	}
	p.named[name] = number
	return number
}

// backReference matches what a group has matched.
func (p *patternParser) backReference(g, back int) piece {
	if !p.groups[g].closed {
		p.fail("cannot refer to an open group", back)
	}
	p.checkLookBehind(g)
	p.looks = true
	return piece{search: fmt.Sprintf(`(?:\%d)`, g), least: p.groups[g].least, most: p.groups[g].most}
}

func (p *patternParser) checkLookBehind(g int) {
	if p.lookbehind == 0 {
		return
	}
	if g >= len(p.groups) || !p.groups[g].closed {
		p.fail("cannot refer to an open group", 0)
	}
	if g >= p.lookbehind {
		p.fail("cannot refer to group defined in the same lookbehind subpattern", 0)
	}
}

func (p *patternParser) look(open string, f flags, start int) piece {
	body := p.alternatives(f)
	p.closeParen(start)
	p.looks = true
	return piece{search: open + body.search + ")"}
}

func (p *patternParser) lookBehind(open string, f flags, start int) piece {
	outermost := p.lookbehind == 0
	if outermost {
		p.lookbehind = len(p.groups)
	}
	body := p.alternatives(f)
	if outermost {
		p.lookbehind = 0
	}
	p.closeParen(start)
	p.looks, p.variable = true, p.variable || body.least != body.most
	return piece{search: open + body.search + ")"}
}

// condition reads (?(group)yes|no).
func (p *patternParser) condition(f flags, start int) piece {
	name := p.until(")", "group name")
	back := len([]rune(name)) + 1
	g, known := p.named[name]
	switch numeric := strings.Trim(name, digits) == ""; {
	case !numeric:
		p.checkName(name)
		if !known {
			p.fail("unknown group name "+repr(name), back)
		}
	default:
		if g = number(name); g == 0 {
			p.fail("bad group number", back)
		}
		if _, asked := p.conditions[g]; !asked {
			p.conditions[g] = p.tell() - back
		}
	}
	p.checkLookBehind(g)
	yes := p.sequence(f, false)
	var no piece
	if p.match("|") {
		if no = p.sequence(f, false); p.next == "|" {
			p.fail("conditional backref with more than two branches", 0)
		}
	}
	p.closeParen(start)
	p.looks = true
	return piece{search: fmt.Sprintf("(?(%d)%s|%s)", g, yes.search, no.search), least: min(yes.least, no.least), most: max(yes.most, no.most)}
}

// inlineFlags reads flags up to ) or :, which says whether they are the whole
// pattern's.
func (p *patternParser) inlineFlags(char string) (on, off string, whole bool) {
	if char != "-" {
		for {
			p.checkFlag(char, &on)
			if char = p.flagOr("missing -, : or )", ")-:"); strings.Contains(")-:", char) {
				break
			}
		}
	}
	switch char {
	case ")":
		return on, "", true
	case ":":
		return on, "", false
	}
	for char = p.flagOr("missing flag", ""); ; {
		if strings.Contains("auL", char) {
			p.fail("bad inline flags: cannot turn off flags 'a', 'u' and 'L'", 0)
		}
		off += char
		if char = p.flagOr("missing :", ":"); char == ":" {
			break
		}
	}
	if strings.ContainsAny(on, off) {
		p.fail("bad inline flags: flag turned on and off", 1)
	}
	return on, off, false
}

// flagOr takes a flag, or one of the tokens that may stand there instead.
func (p *patternParser) flagOr(missing, others string) string {
	char := p.take()
	switch {
	case char == "":
		p.fail(missing, 0)
	case strings.Contains(flagLetters, char), strings.Contains(others, char):
		return char
	case unicode.IsLetter([]rune(char)[0]):
		p.fail("unknown flag", len([]rune(char)))
	}
	p.fail(missing, len([]rune(char)))
	return ""
}

func (p *patternParser) checkFlag(char string, on *string) {
	if char == "L" {
		p.fail("bad inline flags: cannot use 'L' flag with a str pattern", 0)
	}
	*on += char
	if strings.Contains(*on, "a") && strings.Contains(*on, "u") {
		p.fail("bad inline flags: flags 'a', 'u' and 'L' are incompatible", 0)
	}
}
