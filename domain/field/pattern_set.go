package field

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// This file is about single code points: literals, sets and escapes.

// span is a range of code points.
type span struct{ low, high rune }

// member is what stands in a set: a span, or a category (d, s, w, or in upper
// case all else).
type member struct {
	span
	category byte
}

func (f flags) literal(r rune) piece {
	source := fmt.Sprintf(`\x{%x}`, r)
	if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
		source = string(r)
	}
	if f.ignoreCase && unicode.SimpleFold(r) != r {
		source = "(?i:" + source + ")"
	}
	return single(source)
}

func (f flags) dot() piece {
	if f.dotAll {
		return single(`(?s:.)`)
	}
	return single(`[^\n]`)
}

func (f flags) begin() piece {
	source := `\A`
	if f.multiline {
		source = `(?m:^)`
	}
	return piece{linear: source, search: source, anchor: true}
}

func (f flags) members(all []member, negated bool) piece {
	var b strings.Builder
	b.WriteByte('[')
	if negated {
		b.WriteByte('^')
	}
	for _, m := range all {
		if m.category == 0 {
			writeSpan(&b, m.span)
		} else {
			b.WriteString(f.category(m.category))
		}
	}
	b.WriteByte(']')
	source := b.String()
	if f.ignoreCase {
		source = "(?i:" + source + ")"
	}
	return single(source)
}

func writeSpan(b *strings.Builder, s span) {
	fmt.Fprintf(b, `\x{%x}`, s.low)
	if s.high > s.low {
		fmt.Fprintf(b, `-\x{%x}`, s.high)
	}
}

// category is what stands within brackets for one.
func (f flags) category(letter byte) string {
	if unicode.IsUpper(rune(letter)) {
		var b strings.Builder
		for _, s := range complement(f.spans(letter - 'A' + 'a')) {
			writeSpan(&b, s)
		}
		return b.String()
	}
	switch {
	case letter == 'd' && f.ascii:
		return `0-9`
	case letter == 'd':
		return `\p{Nd}`
	case letter == 'w' && f.ascii:
		return `0-9A-Za-z_`
	case letter == 'w':
		return `\p{L}\p{N}_`
	case f.ascii:
		return `\x{9}-\x{d}\x{20}`
	default:
		return `\x{9}-\x{d}\x{1c}-\x{20}\x{85}\p{Z}`
	}
}

// spans lists the code points of a category.
func (f flags) spans(letter byte) []span {
	switch {
	case f.ascii && letter == 'd':
		return []span{{'0', '9'}}
	case f.ascii && letter == 'w':
		return []span{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}
	case f.ascii:
		return []span{{'\t', '\r'}, {' ', ' '}}
	case letter == 'd':
		return tableSpans(unicode.Nd)
	case letter == 'w':
		return append(tableSpans(unicode.L, unicode.N), span{'_', '_'})
	default:
		return append(tableSpans(unicode.Z), span{'\t', '\r'}, span{0x1c, ' '}, span{0x85, 0x85})
	}
}

func tableSpans(tables ...*unicode.RangeTable) (all []span) {
	add := func(low, high, stride rune) {
		if stride == 1 {
			all = append(all, span{low, high})
			return
		}
		for r := low; r <= high; r += stride {
			all = append(all, span{r, r})
		}
	}
	for _, t := range tables {
		for _, r := range t.R16 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range t.R32 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
	}
	return all
}

// complement lists all other code points.
func complement(spans []span) (others []span) {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.low, b.low) })
	from := rune(0)
	for _, s := range spans {
		if s.low > from {
			others = append(others, span{from, s.low - 1})
		}
		from = max(from, s.high+1)
	}
	if from <= unicode.MaxRune {
		others = append(others, span{from, unicode.MaxRune})
	}
	return others
}

// set reads what stands between brackets.
func (p *patternParser) set(f flags) piece {
	here := p.tell() - 1
	negated := p.match("^")
	var all []member
	for {
		this := p.inSet(here)
		if this == "]" && len(all) > 0 {
			break
		}
		low := p.setMember(this)
		if !p.match("-") {
			all = append(all, low)
			continue
		}
		that := p.inSet(here)
		if that == "]" {
			all = append(all, low, member{span: span{'-', '-'}})
			break
		}
		high := p.setMember(that)
		if low.category != 0 || high.category != 0 || high.low < low.low {
			p.failf(len([]rune(this+that))+1, "bad character range %s-%s", this, that)
		}
		all = append(all, member{span: span{low.low, high.low}})
	}
	return f.members(all, negated)
}

func (p *patternParser) inSet(here int) string {
	this := p.take()
	if this == "" {
		p.fail("unterminated character set", p.tell()-here)
	}
	return this
}

func (p *patternParser) setMember(this string) member {
	r := []rune(this)
	if r[0] != '\\' {
		return member{span: span{r[0], r[0]}}
	}
	switch c := r[1]; {
	case strings.ContainsRune("dDsSwW", c):
		return member{category: byte(c)}
	case c == 'b':
		return member{span: span{'\b', '\b'}}
	case strings.ContainsRune(octDigits, c):
		escape := this + p.while(2, octDigits)
		v := octal(escape[1:])
		if v > 0o377 {
			p.failf(len(escape), "octal escape value %s outside of range 0-0o377", escape)
		}
		return member{span: span{v, v}}
	}
	v := p.codePoint(this)
	return member{span: span{v, v}}
}

// codePoint reads the escapes that mean one code point everywhere.
func (p *patternParser) codePoint(this string) rune {
	c := []rune(this)[1]
	switch c {
	case 'a':
		return '\a'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'v':
		return '\v'
	case 'x':
		return p.hex(this, 2)
	case 'u':
		return p.hex(this, 4)
	case 'U':
		return p.hex(this, 8)
	case 'N':
		p.namedCodePoint()
	}
	if c <= unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c)) {
		p.fail("bad escape "+this, 2)
	}
	return c
}

func (p *patternParser) hex(escape string, n int) rune {
	escape += p.while(n, hexDigits)
	if len(escape) != n+2 {
		p.fail("incomplete escape "+escape, len(escape))
	}
	v := rune(0)
	for _, c := range strings.ToLower(escape[2:]) {
		v = v<<4 | rune(strings.IndexRune(hexDigits, c))
		if v > unicode.MaxRune {
			p.fail("bad escape "+escape, len(escape))
		}
	}
	return v
}

// namedCodePoint refuses \N{…}: this program knows no names.
func (p *patternParser) namedCodePoint() {
	if !p.match("{") {
		p.fail("missing {", 0)
	}
	name := p.until("}", "character name")
	p.fail("undefined character name "+repr(name), len([]rune(name))+len(`\N{}`))
}

func octal(text string) rune {
	v := rune(0)
	for _, c := range text {
		v = v<<3 | (c - '0')
	}
	return v
}

// escape reads an escape outside of sets.
func (p *patternParser) escape(this string, f flags) piece {
	c := []rune(this)[1]
	switch {
	case strings.ContainsRune("dDsSwW", c):
		letter := byte(unicode.ToLower(c))
		return f.members([]member{{category: letter}}, unicode.IsUpper(c))
	case c == 'A':
		return piece{linear: `\A`, search: `\A`, anchor: true}
	case c == 'Z':
		return piece{linear: `\z`, search: `\z`, anchor: true}
	case c == 'b', c == 'B':
		p.looks = true
		return f.boundary(c == 'B')
	case c == '0':
		return f.literal(octal(this[1:] + p.while(2, octDigits)))
	case strings.ContainsRune(digits, c):
		return p.numbered(this, f)
	}
	return f.literal(p.codePoint(this))
}

func (f flags) boundary(none bool) piece {
	word := "[" + f.category('w') + "]"
	source := fmt.Sprintf(`(?:(?<=%[1]s)(?!%[1]s)|(?<!%[1]s)(?=%[1]s))`, word)
	if none {
		source = fmt.Sprintf(`(?:(?!\A\z)(?:(?<=%[1]s)(?=%[1]s)|(?<!%[1]s)(?!%[1]s)))`, word)
	}
	return piece{search: source, anchor: true}
}

// numbered reads a reference to a group, or three octal digits.
func (p *patternParser) numbered(escape string, f flags) piece {
	if p.next != "" && strings.Contains(digits, p.next) {
		escape += p.take()
		if strings.Trim(escape[1:], octDigits) == "" && p.next != "" && strings.Contains(octDigits, p.next) {
			escape += p.take()
			v := octal(escape[1:])
			if v > 0o377 {
				p.failf(len(escape), "octal escape value %s outside of range 0-0o377", escape)
			}
			return f.literal(v)
		}
	}
	g := number(escape[1:])
	if g >= len(p.groups) {
		p.failf(len(escape)-1, "invalid group reference %d", g)
	}
	ref := p.backReference(g, len(escape))
	if f.ignoreCase {
		ref.search = "(?i:" + ref.search + ")"
	}
	return ref
}
