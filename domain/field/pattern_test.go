package field_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"missioncontrol/domain/field"
)

// TestPattern: patterns match as Python's re matches in full.
func TestPattern(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern     string
		matches, no []string
	}{
		{`^[A-Z]+-[0-9]+$`, []string{"AB-1"}, []string{"ab-1", "AB-1\n", "xAB-1", ""}},
		{`a`, []string{"a"}, []string{"ab", "ba", ""}},
		{`a|ab`, []string{"a", "ab"}, []string{"abb"}},
		{`a$\n`, []string{"a\n"}, []string{"a"}},
		{`a\Z\n?`, []string{"a"}, []string{"a\n"}},
		{`(?m)^a$\n^b$`, []string{"a\nb"}, nil},
		{`\d+`, []string{"12", "٣"}, []string{"", "1a"}},
		{`(?a)\d+`, []string{"12"}, []string{"٣"}},
		{`\w+`, []string{"aé日_1"}, []string{"a b", "-"}},
		{`[\W\d]+`, []string{"- 1"}, []string{"a"}},
		{`[^\s]`, []string{"a"}, []string{" ", "\u2003", "\x1c"}},
		{`.+`, []string{"ab"}, []string{"a\n"}},
		{`(?s).+`, []string{"a\nb"}, nil},
		{`(?i)stra.e`, []string{"STRAßE"}, []string{"STR"}},
		{`(?i:a)b`, []string{"Ab"}, []string{"AB"}},
		{`(?x) a  b # a comment`, []string{"ab"}, []string{"a b"}},
		{`(?=.*\d)(?=.*[a-z]).{4,}`, []string{"abc1"}, []string{"abcd", "a1"}},
		{`(?<=a)b|a(?<!b)`, []string{"a"}, []string{"b", "ab"}},
		{`(?P<q>['"]).*(?P=q)`, []string{`"x"`, `''`}, []string{`"x'`}},
		{`(a)?(?(1)b|c)`, []string{"ab", "c"}, []string{"b", "ac"}},
		{`(?>a+)b`, []string{"aab"}, []string{"aa"}},
		{`a++a`, nil, []string{"aaa"}},
		{`\bab\b`, []string{"ab"}, []string{"abc"}},
		{`a{,2}{`, []string{"{", "aa{"}, []string{"aaa{"}},
		{`a{2,1000}`, []string{"aaa"}, []string{"a"}},
		{`(a{50}){50}`, []string{strings.Repeat("a", 2500)}, []string{"a"}},
		{`x{2000}`, []string{strings.Repeat("x", 2000)}, []string{"x"}},
		{`[]\-a^]+`, []string{"]-a^"}, []string{"b"}},
		{`\x41\u00e9\U0001F600\101\0`, []string{"Aé😀A\x00"}, nil},
		{``, []string{""}, []string{"a"}},
		{`[ab&&c|d]+`, []string{"a&|d"}, []string{"e"}},
	} {
		p, err := field.CompilePattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		for _, text := range c.matches {
			if !p.Matches(text) {
				t.Errorf("%s does not match %.40q", c.pattern, text)
			}
		}
		for _, text := range c.no {
			if p.Matches(text) {
				t.Errorf("%s matches %.40q", c.pattern, text)
			}
		}
	}
}

// TestPatternFaults: what is wrong is told in the words of Python's re.
func TestPatternFaults(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		`([`:                      "unterminated character set at position 1",
		`(`:                       "missing ), unterminated subpattern at position 0",
		`a)`:                      "unbalanced parenthesis at position 1",
		`*`:                       "nothing to repeat at position 0",
		`^*`:                      "nothing to repeat at position 1",
		`a**`:                     "multiple repeat at position 2",
		`a{2,1}`:                  "min repeat greater than max repeat at position 2",
		`[b-a]`:                   "bad character range b-a at position 1",
		`[\d-z]`:                  `bad character range \d-z at position 1`,
		`a\`:                      "bad escape (end of pattern) at position 1",
		`\q`:                      `bad escape \q at position 0`,
		`\x4`:                     `incomplete escape \x4 at position 0`,
		`\1`:                      "invalid group reference 1 at position 1",
		`(\1)`:                    "cannot refer to an open group at position 1",
		`(?P<1a>x)`:               "bad character in group name '1a' at position 4",
		`(?P=x)`:                  "unknown group name 'x' at position 4",
		`(?P<a>x)(?P<a>y)`:        "redefinition of group name 'a' as group 2; was group 1 at position 12",
		`(?z)`:                    "unknown extension ?z at position 1",
		`(?`:                      "unexpected end of pattern at position 2",
		`a(?i)`:                   "global flags not at the start of the expression at position 1",
		`(?iz)`:                   "unknown flag at position 3",
		`(?<=a+)b`:                "look-behind requires fixed-width pattern",
		`(?(2)a|b)`:               "invalid group reference 2 at position 3",
		`(?#a`:                    "missing ), unterminated comment at position 0",
		"a\n(":                    "missing ), unterminated subpattern at position 2 (line 2, column 1)",
		`\N{DASH}`:                "undefined character name 'DASH' at position 0",
		`é)`:                      "unbalanced parenthesis at position 1",
		`a{4294967296}`:           "the repetition number is too large at position 2",
		strings.Repeat(`(`, 101):  "groups stand more than 100 deep in each other at position 100",
		strings.Repeat(`a`, 4097): "longer than 4096 characters",
	} {
		if _, err := field.CompilePattern(pattern); err == nil || err.Error() != want {
			t.Errorf("%.40q: %v, want %s", pattern, err, want)
		}
	}
}

// TestPatternIsBounded: no pattern makes a value take long.
func TestPatternIsBounded(t *testing.T) {
	t.Parallel()
	began := time.Now()
	for _, pattern := range []string{`(?=(a+)+$)b`, `(a*)*\1b`, `(a|a)*(?!c)b`, `(?:(?:a+)+)+b`} {
		p, err := field.CompilePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{40, 4000, 1 << 20} {
			if p.Matches(strings.Repeat("a", n)) {
				t.Errorf("%s matches", pattern)
			}
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
	p, err := field.CompilePattern(`(?!b)a*`)
	if err != nil || !p.Matches(strings.Repeat("a", 4<<10)) || p.Matches(strings.Repeat("a", 4<<10+1)) {
		t.Errorf("looks around in what is too long, or not in what is short enough: %v", err)
	}
}

// TestAnyPattern: whatever people write compiles or is refused in words.
func TestAnyPattern(t *testing.T) {
	t.Parallel()
	parts := rapid.SampledFrom(strings.Split(`a 1 - é . ^ $ * + ? {2} {1,3} { } ( ) (?: (?= (?! (?<= (?P<n> (?P=n) (?> (?i) (?x) (?-i: (?(1) | [ ] [^ a-z \d \W \b \B \Z \1 \x41 \N \`, " "))
	rapid.Check(t, func(t *rapid.T) {
		pattern := strings.Join(rapid.SliceOfN(parts, 0, 12).Draw(t, "parts"), "")
		p, err := field.CompilePattern(pattern)
		if err != nil {
			if p != nil || err.Error() == "" {
				t.Fatalf("%q: %v, %v", pattern, p, err)
			}
			return
		}
		p.Matches(rapid.String().Draw(t, "text"))
	})
}
