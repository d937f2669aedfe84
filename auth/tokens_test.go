package auth_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/pbkdf2"
	"pgregory.net/rapid"

	"missioncontrol/auth"
)

func TestAgentToken(t *testing.T) {
	shape := regexp.MustCompile(`^mcagt_[A-Za-z0-9_-]{49}$`)
	seen := map[string]bool{}
	for range 1000 {
		token := auth.NewAgentToken()
		if !shape.MatchString(token) || seen[token] || auth.FormOf(token) != auth.OwnToken {
			t.Fatalf("%s is not a good token", token)
		}
		seen[token] = true
	}
}

func TestFormOf(t *testing.T) {
	token := auth.NewAgentToken()
	old := encode(bytes.Repeat([]byte{7}, 32))
	for name, test := range map[string]struct {
		token string
		want  auth.TokenForm
	}{
		"ours":                     {token, auth.OwnToken},
		"ours, cut":                {token[:len(token)-1], auth.NoToken},
		"ours, longer":             {token + "A", auth.NoToken},
		"ours, in another case":    {strings.ToUpper(token), auth.ForeignToken},
		"ours without prefix":      {strings.TrimPrefix(token, auth.AgentTokenPrefix), auth.ForeignToken},
		"the prefix":               {auth.AgentTokenPrefix, auth.NoToken},
		"the prefix and no base64": {auth.AgentTokenPrefix + strings.Repeat("!", 49), auth.NoToken},
		"an imported one":          {old, auth.ForeignToken},
		"anything":                 {"x", auth.ForeignToken},
		"nothing":                  {"", auth.NoToken},
		"a space":                  {"a b", auth.NoToken},
		"a line":                   {"a\nb", auth.NoToken},
		"letters beyond ASCII":     {"tökén", auth.NoToken},
		"bytes that are no text":   {"\xff\xfe", auth.NoToken},
		"1 MB":                     {strings.Repeat("a", 1<<20), auth.NoToken},
	} {
		t.Run(name, func(t *testing.T) {
			if got := auth.FormOf(test.token); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
	t.Run("one changed character/is always found", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			token := []byte(auth.NewAgentToken())
			i := rapid.IntRange(len(auth.AgentTokenPrefix), len(token)-1).Draw(t, "place")
			with := rapid.SampledFrom([]byte("ABCXYZabcxyz0189-_")).Draw(t, "character")
			if token[i] == with {
				return
			}
			token[i] = with
			if auth.FormOf(string(token)) != auth.NoToken {
				t.Fatalf("%s passes", token)
			}
		})
	})
}

func TestLookup(t *testing.T) {
	key, token := bytes.Repeat([]byte{1}, 32), auth.NewAgentToken()
	value := auth.Lookup(key, token)
	if len(value) != sha256.Size || !bytes.Equal(value, auth.Lookup(key, token)) {
		t.Fatal("a token has one value of 32 bytes")
	}
	if bytes.Equal(value, auth.Lookup(bytes.Repeat([]byte{2}, 32), token)) || bytes.Equal(value, auth.Lookup(key, token+"x")) {
		t.Error("another key or token has another value")
	}
}

// legacyHash is a stored hash as the first system wrote it.
func legacyHash(token string, rounds int, salt []byte) string {
	return fmt.Sprintf("pbkdf2_sha256$%d$%s$%s", rounds, encode(salt), encode(pbkdf2.Key([]byte(token), salt, rounds, 32, sha256.New)))
}

func TestVerifyLegacy(t *testing.T) {
	const token = "q7Zk3vN2xT9bLw5sYh1uRf8dCj4mGa6pEo0iKtVnXcB"
	salt := []byte("0123456789abcdef")
	hash := legacyHash(token, 1000, salt)
	part := strings.Split(hash, "$")
	join := func(parts ...string) string { return strings.Join(parts, "$") }
	for name, test := range map[string]struct {
		hash, token string
		want        bool
	}{
		"the token":                      {hash, token, true},
		"the token, the usual rounds":    {legacyHash(token, 200_000, salt), token, true},
		"one computed elsewhere":         {"pbkdf2_sha256$200000$AAECAwQFBgcICQoLDA0ODw$mS68z8wZPrp3HeQ1v1V22vbotOKU18ds5bEJDb1y6dE", token, true},
		"another token":                  {hash, token + "x", false},
		"no token":                       {hash, "", false},
		"a token of other bytes":         {legacyHash("tökén", 10, salt), "tökén", false},
		"1 MB":                           {hash, strings.Repeat("a", 1<<20), false},
		"no hash":                        {"", token, false},
		"other rounds":                   {join(part[0], "1001", part[2], part[3]), token, false},
		"no rounds":                      {join(part[0], "", part[2], part[3]), token, false},
		"zero rounds":                    {join(part[0], "0", part[2], part[3]), token, false},
		"negative rounds":                {join(part[0], "-1000", part[2], part[3]), token, false},
		"signed rounds":                  {join(part[0], "+1000", part[2], part[3]), token, false},
		"rounds that are no number":      {join(part[0], "1e3", part[2], part[3]), token, false},
		"more rounds than fit":           {join(part[0], "99999999999999999999", part[2], part[3]), token, false},
		"rounds that would take minutes": {join(part[0], "4294967295", part[2], part[3]), token, false},
		"another algorithm":              {join("pbkdf2_sha1", part[1], part[2], part[3]), token, false},
		"too few parts":                  {join(part[0], part[1], part[2]), token, false},
		"too many parts":                 {hash + "$", token, false},
		"no salt":                        {legacyHash(token, 10, nil), token, false},
		"a short salt":                   {legacyHash(token, 10, []byte("abc")), token, false},
		"a salt that is no base64":       {join(part[0], part[1], "!!!", part[3]), token, false},
		"no digest":                      {join(part[0], part[1], part[2], ""), token, false},
		"a short digest":                 {join(part[0], part[1], part[2], part[3][:22]), token, false},
		"a padded digest":                {hash + "=", token, false},
		"the digest as token":            {hash, part[3], false},
		"the hash as token":              {hash, hash, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := auth.VerifyLegacy(test.hash, test.token); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func FuzzFormOf(f *testing.F) {
	f.Add(auth.NewAgentToken())
	f.Add("mcagt_")
	f.Add("\xff")
	f.Fuzz(func(t *testing.T, token string) {
		form := auth.FormOf(token)
		if form == auth.OwnToken && len(token) != 55 {
			t.Errorf("%q is ours", token)
		}
		if form == auth.ForeignToken && strings.HasPrefix(token, auth.AgentTokenPrefix) {
			t.Errorf("%q is foreign", token)
		}
	})
}

// BenchmarkAgentToken is the whole cost of a token that is cached.
func BenchmarkAgentToken(b *testing.B) {
	key, token := bytes.Repeat([]byte{1}, 32), auth.NewAgentToken()
	known := map[[sha256.Size]byte]int{[sha256.Size]byte(auth.Lookup(key, token)): 1}
	b.ReportAllocs()
	for b.Loop() {
		if auth.FormOf(token) != auth.OwnToken || known[[sha256.Size]byte(auth.Lookup(key, token))] != 1 {
			b.Fatal("the token is not known")
		}
	}
}

// BenchmarkVerifyLegacy is what an imported hash costs once.
func BenchmarkVerifyLegacy(b *testing.B) {
	token := encode(bytes.Repeat([]byte{7}, 32))
	hash := legacyHash(token, 200_000, []byte("0123456789abcdef"))
	for b.Loop() {
		if !auth.VerifyLegacy(hash, token) {
			b.Fatal("the token is not known")
		}
	}
}
