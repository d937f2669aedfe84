package httpapi

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// timeKind reads a moment: ISO 8601 with or without zone (none means UTC), a
// date, or a unix time in seconds or milliseconds. The result is in UTC and
// holds whole microseconds.
type timeKind struct{}

func (timeKind) parse(g given, dst reflect.Value) *problem {
	var t time.Time
	var p *problem
	switch g.kind {
	case '0':
		t, p = unixTime(string(g.text), "datetime_parsing")
	case '"':
		t, p = timeOf(string(g.text))
	default:
		return wrongType("datetime_type", "datetime")
	}
	if p == nil {
		t, p = inCalendar(t)
	}
	if p == nil {
		*dst.Addr().Interface().(*time.Time) = t
	}
	return p
}

// inCalendar refuses years that a timestamp on the wire can not show.
func inCalendar(t time.Time) (time.Time, *problem) {
	t = t.UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return t, notTime("datetime_parsing", "year "+strconv.Itoa(y)+" is out of range")
	}
	return t, nil
}

func notTime(kind, why string) *problem {
	what := "datetime"
	if kind == "datetime_from_date_parsing" {
		what = "datetime or date"
	}
	return &problem{kind, "Input should be a valid " + what + ", " + why, contextOf("error", why)}
}

func timeOf(text string) (time.Time, *problem) {
	const kind = "datetime_from_date_parsing"
	if writesNumber(text) {
		return unixTime(text, kind)
	}
	date, why := dateOf(text)
	if why != "" {
		return time.Time{}, notTime(kind, why)
	}
	if len(text) == len("2006-01-02") {
		return date, nil
	}
	clock, zone, ok := clockOf(text[len("2006-01-02"):])
	if !ok {
		return time.Time{}, notTime(kind, "unexpected extra characters at the end of the input")
	}
	return date.Add(clock - zone), nil
}

// dateOf reads the first ten characters of text.
func dateOf(text string) (date time.Time, why string) {
	const form = "dddd-dd-dd"
	part := "year"
	if len(text) < len(form) {
		return date, "input is too short"
	}
	for i := range len(form) {
		switch {
		case form[i] == '-' && text[i] != '-':
			return date, "invalid date separator, expected `-`"
		case form[i] == '-' && i == 4:
			part = "month"
		case form[i] == '-':
			part = "day"
		case !isDigit(text[i]):
			return date, "invalid character in " + part
		}
	}
	y, m, d := number(text[:4]), number(text[5:7]), number(text[8:10])
	if m < 1 || m > 12 {
		return date, "month value is outside expected range of 1-12"
	}
	date = time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if d < 1 || date.Day() != d {
		return date, "day value is outside expected range"
	}
	return date, ""
}

// clockOf reads what follows a date: T, hours and minutes, perhaps seconds
// with a fraction, perhaps a zone, whose offset is returned.
func clockOf(text string) (clock, zone time.Duration, ok bool) {
	if !strings.ContainsRune("Tt _", rune(text[0])) {
		return 0, 0, false
	}
	text = text[1:]
	hours, text, ok1 := twoDigits(text, 23)
	text, colon := strings.CutPrefix(text, ":")
	minutes, text, ok2 := twoDigits(text, 59)
	if !ok1 || !colon || !ok2 {
		return 0, 0, false
	}
	clock = time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if rest, more := strings.CutPrefix(text, ":"); more {
		seconds, rest, ok := twoDigits(rest, 59)
		if !ok {
			return 0, 0, false
		}
		clock += time.Duration(seconds) * time.Second
		if text = rest; text != "" && (text[0] == '.' || text[0] == ',') {
			digits := text[1 : len(text)-len(strings.TrimLeft(text[1:], "0123456789"))]
			if digits == "" {
				return 0, 0, false
			}
			clock += time.Duration(number((digits + "000000")[:6])) * time.Microsecond
			text = text[1+len(digits):]
		}
	}
	zone, ok = zoneOf(text)
	return clock, zone, ok
}

func zoneOf(text string) (time.Duration, bool) {
	if text == "" || text == "Z" || text == "z" {
		return 0, true
	}
	sign, size := utf8.DecodeRuneInString(text)
	if sign != '+' && sign != '-' && sign != '−' {
		return 0, false
	}
	hours, text, ok1 := twoDigits(text[size:], 23)
	minutes, text, ok2 := twoDigits(strings.TrimPrefix(text, ":"), 59)
	if !ok1 || !ok2 || text != "" {
		return 0, false
	}
	zone := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if sign != '+' {
		zone = -zone
	}
	return zone, true
}

func twoDigits(text string, most int) (n int, rest string, ok bool) {
	if len(text) < 2 || !isDigit(text[0]) || !isDigit(text[1]) {
		return 0, text, false
	}
	n = number(text[:2])
	return n, text[2:], n <= most
}

// number reads a few digits that are known to be digits.
func number(digits string) (n int) {
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}

// writesNumber reports whether text is a whole number of 64 bits or has a
// decimal point. Longer digits are taken for a date that went wrong.
func writesNumber(text string) bool {
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		return true
	}
	digits := strings.TrimLeft(text, "+-")
	whole, _, dotted := strings.Cut(digits, ".")
	if !dotted || len(whole) > 18 || strings.Trim(whole, "0123456789") != "" || digits == "." {
		return false
	}
	_, ok := floatOf(text)
	return ok && !strings.Contains(text, "_")
}

const (
	latestUnix   = 253402300799 // the last second of the year 9999
	earliestUnix = -62167219200 // the first second of the year 0
	// A number beyond this, in either direction, counts milliseconds.
	secondsUntil = 20_000_000_000
)

func unixTime(literal, kind string) (time.Time, *problem) {
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil && !math.IsInf(f, 0) {
		return time.Time{}, notTime(kind, "input is too short")
	}
	whole := math.Floor(f)
	microseconds := math.Round((f - whole) * 1e6)
	seconds := whole
	if math.Abs(whole) > secondsUntil {
		seconds = math.Floor(whole / 1e3)
		microseconds = (whole-seconds*1e3)*1e3 + math.Round((f-whole)*1e3)
	}
	switch {
	case seconds > latestUnix:
		return time.Time{}, notTime(kind, "dates after 9999 are not supported as unix timestamps")
	case seconds < earliestUnix:
		return time.Time{}, notTime(kind, "dates before 0000 are not supported as unix timestamps")
	}
	return time.Unix(int64(seconds), 0).Add(time.Duration(microseconds) * time.Microsecond), nil
}
