package streams

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParsePosition(t *testing.T) {
	for text, ok := range map[string]bool{
		testEpoch.String() + "-0":                              true,
		testEpoch.String() + "-9223372036854775807":            true,
		testEpoch.String() + "-9223372036854775808":            false,
		testEpoch.String() + "-01":                             false,
		testEpoch.String() + "-+1":                             false,
		testEpoch.String() + "--1":                             false,
		testEpoch.String() + "-1 ":                             false,
		testEpoch.String() + "-":                               false,
		testEpoch.String():                                     false,
		strings.ToUpper(testEpoch.String()) + "-1":             false,
		strings.ReplaceAll(testEpoch.String(), "-", "") + "-1": false,
		"":                      false,
		strings.Repeat("9", 99): false,
	} {
		p, err := ParsePosition(text)
		if (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
		var malformed *MalformedPosition
		if !ok && !errors.As(err, &malformed) {
			t.Errorf("%q: error %v", text, err)
		}
		if ok && p.String() != text {
			t.Errorf("%q became %q", text, p)
		}
	}
}

func FuzzParsePosition(f *testing.F) {
	f.Add(testEpoch.String() + "-12")
	f.Add("-")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePosition(text)
		if err == nil && (p.String() != text || p.Seq < 0) {
			t.Errorf("%q became %q", text, p)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Error("the error repeats too much")
		}
	})
}

func TestParseSince(t *testing.T) {
	at := func(ns int) time.Time { return time.Date(2026, 11, 21, 17, 41, 2, ns, time.UTC) }
	for text, want := range map[string]time.Time{
		"2026-11-21T17:41:02Z":             at(0),
		"2026-11-21T17:41:02.201Z":         at(201e6),
		"2026-11-21T17:41:02.123456":       at(123456e3),
		"2026-11-21 17:41:02":              at(0),
		"2026-11-21t17:41:02z":             at(0),
		"2026-11-21T18:41:02+01:00":        at(0),
		"2026-11-21T18:41:02 01:00":        at(0),
		"2026-11-21 18:41:02.5 01:00":      at(5e8),
		"2026-11-21T16:11:02-0130":         at(0),
		"2026-11-21T18:41:02+01":           at(0),
		"2026-11-21 17:41:02.000000+00:00": at(0),
		" 2026-11-21T17:41:02Z ":           at(0),
		"2026-11-21T17:41":                 at(0).Truncate(time.Minute),
		"2026-11-21":                       at(0).Truncate(24 * time.Hour),
	} {
		if got, given, ok := ParseSince(text); !given || !ok || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%q: %v %v %v", text, got, given, ok)
		}
	}
	for _, text := range []string{"", " ", "null", "\t"} {
		if _, given, ok := ParseSince(text); given || !ok {
			t.Errorf("%q: given %v, ok %v", text, given, ok)
		}
	}
	for _, text := range []string{"0", "yesterday", "2026-02-30", "2026-11-21T25:00:00Z", "2026-11-21T17:41:02 x", "NULL", "2026-11-21T", "1763746862"} {
		if _, given, ok := ParseSince(text); !given || ok {
			t.Errorf("%q: given %v, ok %v", text, given, ok)
		}
	}
}

func FuzzParseSince(f *testing.F) {
	for _, text := range []string{"2026-11-21T17:41:02.201Z", "2026-11-21 17:41:02 01:00", "null", "2026-11-21T17:41"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, given, ok := ParseSince(text)
		if ok && given && at.Location() != time.UTC {
			t.Errorf("%q is not in UTC", text)
		}
		if !given && !ok {
			t.Errorf("%q was not given and is wrong", text)
		}
	})
}
