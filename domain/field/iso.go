package field

import (
	"strings"
	"time"
)

// Dates and times are read as leniently as Python 3.11 and later read ISO 8601:
//
//	dates      2026-11-21  20261121  2026-W47  2026W47  2026-W47-6  2026W476
//	times      17  17:41  17:41:02  17:41:02.123456  1741  174102,1  with Z or an offset
//	datetimes  a date, or a date and a time with any one character between them
//
// A fraction has any number of digits; an offset is below 24 hours. Neither
// ordinal dates nor 24:00 nor leap seconds are read, nor the remains of a time
// before an offset ("17:Z", "174+01") that some versions let pass.

// isDate reports whether text is a date.
func isDate(text string) bool {
	rest, ok := isoDate(text)
	return ok && rest == ""
}

// isDateTime reports whether text is a date, perhaps with a time.
func isDateTime(text string) bool {
	if len(text) < 7 {
		return false
	}
	at := timeBegins(text)
	if at > len(text) || !isDate(text[:at]) {
		return false
	}
	rest := text[at:]
	for i := range rest { // the separator is one character, whichever
		if i > 0 {
			return isTime(rest[i:])
		}
	}
	return rest == ""
}

// timeBegins is where the date ends. Week dates are ambiguous: a hyphen before
// two digits or more separates, and so do digits in an even number.
func timeBegins(text string) int {
	switch {
	case len(text) == 7:
		return 7
	case text[4] != '-' && text[4] != 'W':
		return 8
	case text[4] == '-' && text[5] != 'W':
		return 10
	case text[4] == '-' && (len(text) == 8 || text[8] != '-'):
		return 8
	case text[4] == '-' && len(text) > 10 && isDigit(text[10]):
		return 8
	case text[4] == '-':
		return 10
	}
	run := 7
	for run < len(text) && isDigit(text[run]) {
		run++
	}
	switch {
	case run < 9:
		return run
	case run%2 == 0:
		return 7
	}
	return 8
}

// isoDate takes a date from the front of text.
func isoDate(text string) (rest string, ok bool) {
	year, rest, ok := number4(text)
	if !ok || year == 0 {
		return "", false
	}
	rest, dashed := strings.CutPrefix(rest, "-")
	if week, isWeek := strings.CutPrefix(rest, "W"); isWeek {
		return isoWeek(year, week, dashed)
	}
	month, rest, ok := number2(rest)
	if !ok {
		return "", false
	}
	if dashed {
		if rest, ok = strings.CutPrefix(rest, "-"); !ok {
			return "", false
		}
	}
	day, rest, ok := number2(rest)
	if !ok || month < 1 || month > 12 || day < 1 {
		return "", false
	}
	return rest, day <= time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func isoWeek(year int, text string, dashed bool) (rest string, ok bool) {
	week, rest, ok := number2(text)
	if !ok {
		return "", false
	}
	day := 1
	if rest != "" {
		if dashed {
			if rest, ok = strings.CutPrefix(rest, "-"); !ok {
				return "", false
			}
		}
		if rest == "" || !isDigit(rest[0]) {
			return "", false
		}
		day, rest = int(rest[0]-'0'), rest[1:]
	}
	_, weeks := time.Date(year, time.December, 28, 0, 0, 0, 0, time.UTC).ISOWeek() // is in the last one
	first := time.Date(year, time.January, 4, 0, 0, 0, 0, time.UTC)                // is in the first one
	monday := first.AddDate(0, 0, -(int(first.Weekday())+6)%7)
	on := monday.AddDate(0, 0, (week-1)*7+day-1).Year()
	return rest, week >= 1 && week <= weeks && day >= 1 && day <= 7 && on >= 1 && on <= 9999
}

// isTime reports whether text is a time of day, perhaps with an offset.
func isTime(text string) bool {
	clock, offset := text, ""
	if i := strings.IndexAny(text, "+-Z"); i >= 0 {
		clock, offset = text[:i], text[i:]
	}
	h, m, s, ok := isoClock(clock)
	if !ok || h > 23 || m > 59 || s > 59 {
		return false
	}
	if offset == "" || offset == "Z" {
		return true
	}
	if offset[0] == 'Z' {
		return false
	}
	h, m, s, ok = isoClock(offset[1:])
	return ok && (h*60+m)*60+s < 24*60*60
}

// isoClock reads hours, and perhaps minutes, seconds and a fraction, all with
// colons between them or all without.
func isoClock(text string) (h, m, s int, ok bool) {
	parts := [3]int{}
	colons := len(text) > 2 && text[2] == ':'
	for i := range parts {
		if parts[i], text, ok = number2(text); !ok {
			return 0, 0, 0, false
		}
		if text == "" {
			return parts[0], parts[1], parts[2], true
		}
		if i == 2 {
			break
		}
		if colons {
			if text, ok = strings.CutPrefix(text, ":"); !ok {
				return 0, 0, 0, false
			}
		}
	}
	fraction := text[1:]
	ok = (text[0] == '.' || text[0] == ',') && fraction != "" && strings.Trim(fraction, digits) == ""
	return parts[0], parts[1], parts[2], ok
}

func number2(text string) (n int, rest string, ok bool) { return numberOf(text, 2) }
func number4(text string) (n int, rest string, ok bool) { return numberOf(text, 4) }

// numberOf takes exactly n digits.
func numberOf(text string, n int) (v int, rest string, ok bool) {
	if len(text) < n {
		return 0, "", false
	}
	for i := range n {
		if !isDigit(text[i]) {
			return 0, "", false
		}
		v = v*10 + int(text[i]-'0')
	}
	return v, text[n:], true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
