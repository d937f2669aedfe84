package auth

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// LocalAuth is how the one person of local mode proves itself.
const LocalAuth = "local"

// Operators run the system: they see what the log holds of no organization.
// In local mode that is the one person there is.
type Operators struct{ ids map[uuid.UUID]bool }

// ParseOperators reads ids of users.
func ParseOperators(ids []string) (Operators, error) {
	o := Operators{map[uuid.UUID]bool{}}
	for _, text := range ids {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		id, err := uuid.Parse(text)
		if err != nil {
			return o, fmt.Errorf("OPERATORS must list ids of users, not %q", text)
		}
		o.ids[id] = true
	}
	return o, nil
}

// Include reports whether the caller is one of them.
func (o Operators) Include(c Caller) bool {
	return c.Actor.Type == domain.User && (c.Actor.Auth == LocalAuth || o.ids[c.Actor.ID])
}
