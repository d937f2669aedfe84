package domain_test

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"missioncontrol/domain"
)

func TestSlug(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                   "",
		"Launch":             "launch",
		"  Launch & Land!  ": "launch-land",
		"--a--B--":           "a-b",
		"é":                  "",
		"Été 2026":           "t-2026",
		"a\u0000b":           "a-b",
		"K\u212Aelvin":       "kkelvin", // the sign of the unit is a k in lower case
		"!!!":                "",
	} {
		if got := domain.Slug(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	form := regexp.MustCompile(`^([a-z0-9]+(-[a-z0-9]+)*)?$`)
	rapid.Check(t, func(t *rapid.T) {
		slug := domain.Slug(rapid.String().Draw(t, "text"))
		if !form.MatchString(slug) || domain.Slug(slug) != slug {
			t.Errorf("%q", slug)
		}
	})
}
