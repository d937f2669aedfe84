package streams

import (
	"strings"
	"time"
)

// ParseSince reads the since parameter of today's clients: RFC 3339 or naive
// ISO (then UTC), seconds and fraction optional, T or a space between date and
// time, and a space where URL decoding ate the plus of an offset. Blank and
// the literal null mean that none was given; ok is false when something was
// given and is no time.
func ParseSince(text string) (t time.Time, given, ok bool) {
	text = strings.TrimSpace(text)
	if text == "" || text == "null" {
		return time.Time{}, false, true
	}
	for _, layout := range sinceLayouts {
		if t, err := time.Parse(layout, normalSince(text)); err == nil {
			return t.UTC(), true, true
		}
	}
	return time.Time{}, true, false
}

// sinceLayouts are tried in this order; a fraction after the seconds is
// accepted by time.Parse without being in the layout.
var sinceLayouts = [...]string{
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04:05",
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04:05Z07",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04",
	"2006-01-02",
}

// normalSince writes the T between date and time, upper-case Z, and the plus
// that a query string lost ("…T17:41:02 01:00").
func normalSince(text string) string {
	const date = len("2006-01-02")
	if len(text) <= date {
		return text
	}
	day, separator, clock := text[:date], text[date], text[date+1:]
	if separator != 'T' && separator != 't' && separator != ' ' {
		return text
	}
	clock = strings.Replace(clock, "z", "Z", 1)
	if before, zone, found := strings.Cut(clock, " "); found && !strings.ContainsAny(before, "+-Z") {
		zone = strings.TrimLeft(zone, " ")
		if zone != "" && zone[0] >= '0' && zone[0] <= '9' {
			zone = "+" + zone
		}
		clock = before + zone
	}
	return day + "T" + clock
}
