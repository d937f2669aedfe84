package httpapi

import "strings"

// SecurityHeaders are sent with every answer; a blank one is left out.
type SecurityHeaders struct {
	ContentTypeOptions string
	FrameOptions       string
	ReferrerPolicy     string
	PermissionsPolicy  string
}

// DefaultSecurityHeaders are those of a server that nobody configured.
func DefaultSecurityHeaders() SecurityHeaders {
	return SecurityHeaders{
		ContentTypeOptions: "nosniff",
		FrameOptions:       "DENY",
		ReferrerPolicy:     "strict-origin-when-cross-origin",
	}
}

type headerLine struct{ name, value string }

func (h SecurityHeaders) lines() (lines []headerLine) {
	for _, line := range []headerLine{
		{"X-Content-Type-Options", h.ContentTypeOptions},
		{"X-Frame-Options", h.FrameOptions},
		{"Referrer-Policy", h.ReferrerPolicy},
		{"Permissions-Policy", h.PermissionsPolicy},
	} {
		if line.value = strings.TrimSpace(line.value); line.value != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
