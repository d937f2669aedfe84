package comment

import (
	"strings"
	"unicode"
)

// mostMention is how many characters may follow the first of a mention.
const mostMention = 31

// Tokens returns what a text mentions, in lower case: @, a letter from A to Z,
// then up to 31 letters, digits, _ or -, anywhere, in an address too.
func Tokens(text string) map[string]bool {
	tokens := map[string]bool{}
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		if runes[i] != '@' || i+1 == len(runes) || !isLatin(runes[i+1]) {
			continue
		}
		end := i + 2
		for end < len(runes) && end-(i+2) < mostMention && inMention(runes[end]) {
			end++
		}
		tokens[strings.ToLower(string(runes[i+1:end]))] = true
		i = end - 1
	}
	return tokens
}

func isLatin(r rune) bool { return (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') }

// inMention knows word characters as regular expressions over Unicode do.
func inMention(r rune) bool {
	return r == '_' || r == '-' || unicode.IsLetter(r) || unicode.IsNumber(r)
}
