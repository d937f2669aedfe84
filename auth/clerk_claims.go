package auth

import (
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// Claims is what a session token says of a person.
type Claims struct {
	Subject string
	Email   string // trimmed, lower case; empty: the token names none
	// EmailVerified is nil when the token does not say it of Email.
	EmailVerified *bool
	Name          string // empty: the token names none
}

func readClaims(subject string, claims jwt.MapClaims) Claims {
	c := Claims{Subject: subject, Name: nameClaim(claims)}
	c.Email, c.EmailVerified = emailClaim(claims)
	return c
}

// emailClaim finds the address among the shapes that token templates give it.
// email_verified speaks of an address of its own claim only, not of a list's.
func emailClaim(claims map[string]any) (string, *bool) {
	if email := firstText(claims, "email", "email_address", "primary_email_address"); email != "" {
		if verified, ok := claims["email_verified"].(bool); ok {
			return strings.ToLower(email), &verified
		}
		return strings.ToLower(email), nil
	}
	list, _ := claims["email_addresses"].([]any)
	primary := firstText(claims, "primary_email_address_id")
	var first string
	var firstVerified *bool
	for _, entry := range list {
		email, id, verified := emailEntry(entry)
		switch {
		case email == "":
		case primary != "" && id == primary:
			return email, verified
		case first == "":
			first, firstVerified = email, verified
		}
	}
	return first, firstVerified
}

// emailEntry reads one address of a list: a text, or an object.
func emailEntry(entry any) (email, id string, verified *bool) {
	if text, ok := entry.(string); ok {
		return strings.ToLower(strings.TrimSpace(text)), "", nil
	}
	fields, _ := entry.(map[string]any)
	if verification, ok := fields["verification"].(map[string]any); ok {
		is := verification["status"] == verifiedStatus
		verified = &is
	}
	return strings.ToLower(firstText(fields, "email_address", "email")), firstText(fields, "id"), verified
}

func nameClaim(claims map[string]any) string {
	if name := firstText(claims, "name", "full_name"); name != "" {
		return name
	}
	return joinNames(firstText(claims, "given_name", "first_name"), firstText(claims, "family_name", "last_name"))
}

func joinNames(given, family string) string { return strings.TrimSpace(given + " " + family) }

// firstText returns the first of the fields that holds a text which is not
// blank, trimmed.
func firstText(fields map[string]any, names ...string) string {
	for _, name := range names {
		if text, _ := fields[name].(string); strings.TrimSpace(text) != "" {
			return strings.TrimSpace(text)
		}
	}
	return ""
}
