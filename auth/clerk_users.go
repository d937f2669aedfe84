package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	clerkTimeout  = 5 * time.Second // of one call
	largestAnswer = 1 << 20         // in bytes
)

// verifiedStatus is what Clerk says of an address that its owner has confirmed.
const verifiedStatus = "verified"

// ClerkError is a call to Clerk that did not succeed. It names no person.
type ClerkError struct {
	Doing  string
	Status int   // of the answer; 0: there was none
	Err    error // why there was none
}

func (e *ClerkError) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("auth: %s: Clerk answered %d", e.Doing, e.Status)
	}
	return fmt.Sprintf("auth: %s: Clerk cannot be reached: %v", e.Doing, e.Err)
}

func (e *ClerkError) Unwrap() error { return e.Err }

// Temporary reports whether the same call may succeed later. A key that Clerk
// refuses counts: an operator can put it right.
func (e *ClerkError) Temporary() bool {
	switch e.Status {
	case 0, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	return e.Status >= http.StatusInternalServerError
}

// Profile is what Clerk knows of a person.
type Profile struct {
	Email         string // trimmed, lower case; empty: none
	EmailVerified bool   // the person has shown to own Email
	Name          string // empty: none
}

// Profile asks Clerk for a person. Failures are *ClerkError, unless the answer
// is not understood.
func (c *Clerk) Profile(ctx context.Context, subject string) (Profile, error) {
	const doing = "fetch a profile"
	user, err := c.api.user(subject)
	if err != nil {
		return Profile{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, clerkTimeout)
	defer cancel()
	body, err := c.api.get(ctx, doing, user)
	if err != nil {
		return Profile{}, err
	}
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		return Profile{}, errors.New("auth: " + doing + ": the answer of Clerk is not understood")
	}
	return readProfile(fields), nil
}

func readProfile(fields map[string]any) Profile {
	p := Profile{Name: firstText(fields, "full_name", "name", "first_name", "username")}
	var verified *bool
	p.Email, verified = emailClaim(map[string]any{
		"email_addresses":          fields["email_addresses"],
		"primary_email_address_id": fields["primary_email_address_id"],
	})
	p.EmailVerified = verified != nil && *verified
	return p
}

// DeleteUser has Clerk forget a person. One that it does not know is forgotten
// already. Failures are *ClerkError.
func (c *Clerk) DeleteUser(ctx context.Context, subject string) error {
	user, err := c.api.user(subject)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, clerkTimeout)
	defer cancel()
	_, err = c.api.call(ctx, "delete a user", http.MethodDelete, user)
	if failed, ok := errors.AsType[*ClerkError](err); ok && failed.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// clerkAPI calls Clerk with the secret key.
type clerkAPI struct {
	base   *url.URL
	secret string
	http   *http.Client
}

// user is the address of a person, which must not lead to another place.
func (a clerkAPI) user(subject string) (*url.URL, error) {
	if subject == "" || subject == "." || subject == ".." || len(subject) > longestSubject {
		return nil, errors.New("auth: this cannot be the id of a person at Clerk")
	}
	return a.base.JoinPath("users", url.PathEscape(subject)), nil
}

func (a clerkAPI) get(ctx context.Context, doing string, u *url.URL) ([]byte, error) {
	return a.call(ctx, doing, http.MethodGet, u)
}

// call returns the body of a success.
func (a clerkAPI) call(ctx context.Context, doing, method string, u *url.URL) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, &ClerkError{Doing: doing, Err: nameless(err)}
	}
	request.Header.Set("Authorization", "Bearer "+a.secret)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "missioncontrol")
	answer, err := a.http.Do(request)
	if err != nil {
		return nil, &ClerkError{Doing: doing, Err: nameless(err)}
	}
	defer answer.Body.Close() //nolint:errcheck // nothing more is read
	body, err := io.ReadAll(io.LimitReader(answer.Body, largestAnswer+1))
	switch {
	case answer.StatusCode < http.StatusOK || answer.StatusCode >= http.StatusMultipleChoices:
		return nil, &ClerkError{Doing: doing, Status: answer.StatusCode}
	case err != nil:
		return nil, &ClerkError{Doing: doing, Err: err}
	case len(body) > largestAnswer:
		return nil, &ClerkError{Doing: doing, Err: errors.New("its answer is too large")}
	}
	return body, nil
}

// nameless drops the address from an error: it holds the id of a person.
func nameless(err error) error {
	if named, ok := errors.AsType[*url.Error](err); ok {
		return named.Err
	}
	return err
}
