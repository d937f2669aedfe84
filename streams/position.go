package streams

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Position is a place in the log as it is told to the outside: the SSE id, the
// value of Log-Position. Seq 0 is before the first event.
type Position struct {
	Epoch uuid.UUID
	Seq   int64
}

// MalformedPosition says that a text is not of the form <epoch>-<seq>.
type MalformedPosition struct {
	Text string // at most 80 bytes of it
}

func (e *MalformedPosition) Error() string {
	return fmt.Sprintf("%q is not a position of the form <epoch>-<seq>", e.Text)
}

// ParsePosition reads exactly what String writes: a lower-case uuid, a hyphen,
// decimal digits without a leading zero. Anything else is *MalformedPosition.
func ParsePosition(text string) (Position, error) {
	const epochLen = 36
	if len(text) < epochLen+2 || text[epochLen] != '-' {
		return Position{}, malformed(text)
	}
	epoch, err := uuid.Parse(text[:epochLen])
	if err != nil || epoch.String() != text[:epochLen] {
		return Position{}, malformed(text)
	}
	digits := text[epochLen+1:]
	if strings.Trim(digits, "0123456789") != "" || (digits[0] == '0' && digits != "0") {
		return Position{}, malformed(text)
	}
	seq, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return Position{}, malformed(text)
	}
	return Position{Epoch: epoch, Seq: seq}, nil
}

func (p Position) String() string {
	return p.Epoch.String() + "-" + strconv.FormatInt(p.Seq, 10)
}

func malformed(text string) error {
	return &MalformedPosition{Text: text[:min(len(text), 80)]}
}
