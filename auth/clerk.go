package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// DefaultClerkURL is where Clerk's own API is.
const DefaultClerkURL = "https://api.clerk.com"

// ClerkConfig says how people prove to Clerk who they are.
type ClerkConfig struct {
	SecretKey string
	// APIURL has /v1 appended when it lacks it. Empty: DefaultClerkURL.
	APIURL string
	Leeway time.Duration // by which clocks may differ
	// VerifyIAT refuses tokens from the future.
	VerifyIAT bool
	Issuer    string // empty: any
	// AuthorizedParties are the values of azp that are let in. None: any.
	AuthorizedParties []string
	HTTP              *http.Client     // nil: the usual transport
	Log               *slog.Logger     // nil: silent
	Now               func() time.Time // nil: the clock
}

// Clerk is the mode in which Clerk vouches for people.
type Clerk struct {
	api     clerkAPI
	keys    *clerkKeys
	parser  *jwt.Parser
	parties []string
}

// NewClerk checks the configuration. It calls nobody: keys are fetched with the
// first token, so that a server starts while Clerk is away.
func NewClerk(c ClerkConfig) (*Clerk, error) {
	secret := strings.TrimSpace(c.SecretKey)
	if secret == "" {
		return nil, errors.New("CLERK_SECRET_KEY must be set and non-empty when AUTH_MODE=clerk.") //nolint:staticcheck // the text is a contract
	}
	if strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("CLERK_SECRET_KEY must be one word of visible ASCII characters")
	}
	if c.Leeway < 0 {
		return nil, errors.New("CLERK_LEEWAY must not be negative")
	}
	base, err := clerkBase(c.APIURL)
	if err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if base.Scheme == "http" && !loopback(base.Hostname()) {
		c.Log.Warn("CLERK_API_URL is not https: the secret key travels in the clear")
	}
	api := clerkAPI{base: base, secret: secret, http: withoutRedirects(c.HTTP)}
	return &Clerk{
		api: api, keys: newClerkKeys(api.keys, c.Log, c.Now),
		parser: clerkParser(c), parties: trimmed(c.AuthorizedParties),
	}, nil
}

// Close gives back idle connections.
func (c *Clerk) Close() { c.api.http.CloseIdleConnections() }

func clerkParser(c ClerkConfig) *jwt.Parser {
	options := []jwt.ParserOption{
		jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}), jwt.WithStrictDecoding(),
		jwt.WithExpirationRequired(), jwt.WithLeeway(c.Leeway), jwt.WithTimeFunc(c.Now),
	}
	if c.VerifyIAT {
		options = append(options, jwt.WithIssuedAt())
	}
	if issuer := strings.TrimSpace(c.Issuer); issuer != "" {
		options = append(options, jwt.WithIssuer(issuer))
	}
	return jwt.NewParser(options...)
}

// largestToken is far above what Clerk makes: its tokens fit a cookie.
const largestToken = 16 << 10

// Verify returns what the token of an Authorization header proves. Its error is
// ErrKeysUnavailable when nobody can tell whether the token is good, else
// ErrUnauthorized with a reason that holds nothing of the token.
func (c *Clerk) Verify(ctx context.Context, authorization string) (Claims, error) {
	if len(authorization) > largestToken+64 {
		return Claims{}, refused("the header is too large")
	}
	token, ok := Bearer(authorization)
	if !ok {
		return Claims{}, refused("no bearer token")
	}
	if !sessionToken(token) {
		return Claims{}, refused("not a session token")
	}
	claims := jwt.MapClaims{}
	_, err := c.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		kid, err := keyID(t.Header)
		if err != nil {
			return nil, err
		}
		return c.keys.find(ctx, kid)
	})
	switch {
	case errors.Is(err, ErrKeysUnavailable):
		return Claims{}, ErrKeysUnavailable
	case err != nil:
		return Claims{}, refused(reason(err))
	}
	return c.accept(claims)
}

// accept judges what the library leaves to us in a token with a good signature.
func (c *Clerk) accept(claims jwt.MapClaims) (Claims, error) {
	if !noAudience(claims["aud"]) {
		return Claims{}, refused("the token is for another audience")
	}
	if azp, _ := claims["azp"].(string); len(c.parties) > 0 && !slices.Contains(c.parties, azp) {
		return Claims{}, refused("the token is for another party")
	}
	subject, _ := claims["sub"].(string)
	if strings.TrimSpace(subject) == "" || len(subject) > longestSubject {
		return Claims{}, refused("the token names nobody")
	}
	if strings.HasPrefix(subject, "mch_") {
		return Claims{}, refused("the token is a machine's")
	}
	return readClaims(subject, claims), nil
}

// longestSubject bounds what we keep as somebody's identity, in bytes.
const longestSubject = 255

// sessionToken reports whether token may be the session token of a person. The
// prefixes are those of Clerk's credentials for machines.
func sessionToken(token string) bool {
	for _, machine := range []string{"ak_", "oat_", "m2m_", "mt_"} {
		if strings.HasPrefix(token, machine) {
			return false
		}
	}
	return len(token) <= largestToken && !strings.ContainsFunc(token, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	})
}

const longestKeyID = 256 // in bytes

// keyID returns the name of the key that signed a token. A typ other than JWT
// is another kind of token under the same keys, and a critical extension is one
// that we do not know.
func keyID(header map[string]any) (string, error) {
	if typ, sent := header["typ"]; sent {
		if name, _ := typ.(string); !strings.EqualFold(name, "JWT") {
			return "", errors.New("auth: the token is of another type")
		}
	}
	if _, sent := header["crit"]; sent {
		return "", errors.New("auth: the token needs an unknown extension")
	}
	kid, _ := header["kid"].(string)
	if kid == "" || len(kid) > longestKeyID {
		return "", errors.New("auth: the token names no key")
	}
	return kid, nil
}

// noAudience reports whether a token is meant for everybody.
func noAudience(aud any) bool {
	switch a := aud.(type) {
	case nil:
		return true
	case string:
		return a == ""
	case []any:
		return len(a) == 0
	}
	return false
}

func refused(why string) error { return fmt.Errorf("%w: %s", ErrUnauthorized, why) }

// reason names what is wrong with a token in words that hold nothing of it.
func reason(err error) string {
	for _, known := range []error{
		jwt.ErrTokenExpired, jwt.ErrTokenNotValidYet, jwt.ErrTokenUsedBeforeIssued, jwt.ErrTokenInvalidIssuer,
		jwt.ErrTokenRequiredClaimMissing, jwt.ErrTokenSignatureInvalid, jwt.ErrTokenMalformed, jwt.ErrTokenUnverifiable,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "the token is not valid"
}

// clerkBase is the root of the API with its version.
func clerkBase(raw string) (*url.URL, error) {
	raw = strings.TrimRight(strings.TrimSpace(raw), "/")
	if raw == "" {
		raw = DefaultClerkURL
	}
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("CLERK_API_URL must be an absolute http(s) URL (e.g. https://api.clerk.com)")
	}
	if !strings.HasSuffix(u.Path, "/v1") {
		u = u.JoinPath("v1")
	}
	return u, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// withoutRedirects is a client that takes the secret key nowhere else.
func withoutRedirects(c *http.Client) *http.Client {
	own := http.Client{}
	if c != nil {
		own = *c
	}
	if own.Transport == nil {
		own.Transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute,
			DialContext: (&net.Dialer{Timeout: clerkTimeout}).DialContext, TLSHandshakeTimeout: clerkTimeout,
		}
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// trimmed leaves out blank entries.
func trimmed(list []string) []string {
	var out []string
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}
