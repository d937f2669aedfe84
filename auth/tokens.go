package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strconv"
	"strings"

	"golang.org/x/crypto/pbkdf2"
)

// Agent tokens are mcagt_ + 32 random bytes + a CRC-32 of all before it, both
// in base64url. The prefix lets secret scanners find leaks; the sum lets them,
// and us, tell a token from a typing error without asking anybody.
const (
	// AgentTokenPrefix begins every token made here.
	AgentTokenPrefix = "mcagt_"

	tokenBytes = 32
	tokenBody  = 43 // characters of 32 bytes
	tokenSum   = 6  // characters of 4 bytes
	tokenSize  = len(AgentTokenPrefix) + tokenBody + tokenSum
)

// NewAgentToken draws a token.
func NewAgentToken() string {
	var secret [tokenBytes]byte
	_, _ = rand.Read(secret[:]) // ends the program rather than fail
	token := AgentTokenPrefix + base64.RawURLEncoding.EncodeToString(secret[:])
	return token + sumOf(token)
}

func sumOf(token string) string {
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(token)))
	return base64.RawURLEncoding.EncodeToString(sum)
}

// TokenForm is what can be seen of a token without knowing any.
type TokenForm int

// The forms. Only a ForeignToken can be one of an imported hash.
const (
	// NoToken is none that was ever given out: it needs no look.
	NoToken TokenForm = iota
	// OwnToken has our prefix and a right sum.
	OwnToken
	// ForeignToken was made elsewhere, if at all.
	ForeignToken
)

// longestForeignToken is far above the 43 characters that there ever were.
const longestForeignToken = 256

// FormOf says which form a presented token has.
func FormOf(token string) TokenForm {
	if token == "" || len(token) > longestForeignToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return NoToken
	}
	if !strings.HasPrefix(token, AgentTokenPrefix) {
		return ForeignToken
	}
	if len(token) != tokenSize {
		return NoToken
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString(token[len(AgentTokenPrefix) : tokenSize-tokenSum]); err != nil {
		return NoToken
	}
	if sumOf(token[:tokenSize-tokenSum]) != token[tokenSize-tokenSum:] {
		return NoToken
	}
	return OwnToken
}

// Lookup is the value under which a token is stored. To find it is to verify
// the token: without the key nobody can make the value of a token that was not
// given out, and with it no token can be computed from the value.
func Lookup(key []byte, token string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(token))
	return mac.Sum(nil)
}

// Bounds of imported hashes. More rounds than that would let one row stop the
// process.
const (
	legacyAlgorithm  = "pbkdf2_sha256"
	mostLegacyRounds = 1_000_000
	leastLegacySalt  = 8
	mostLegacySalt   = 64
)

// VerifyLegacy reports whether token is the one of an imported hash,
// pbkdf2_sha256$<rounds>$<salt>$<digest>. At the usual 200 000 rounds it takes
// tens of milliseconds: callers bound how often.
func VerifyLegacy(hash, token string) bool {
	if FormOf(token) == NoToken {
		return false
	}
	parts := strings.Split(hash, "$")
	if len(parts) != 4 || parts[0] != legacyAlgorithm {
		return false
	}
	rounds, err := strconv.ParseUint(parts[1], 10, 32)
	if err != nil || rounds < 1 || rounds > mostLegacyRounds {
		return false
	}
	salt, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(salt) < leastLegacySalt || len(salt) > mostLegacySalt {
		return false
	}
	digest, err := base64.RawURLEncoding.DecodeString(parts[3])
	if err != nil || len(digest) != sha256.Size {
		return false
	}
	derived := pbkdf2.Key([]byte(token), salt, int(rounds), sha256.Size, sha256.New)
	return subtle.ConstantTimeCompare(derived, digest) == 1
}
