package auth_test

import (
	"testing"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/domain"
)

func TestOperators(t *testing.T) {
	t.Parallel()
	named, other := uuid.New(), uuid.New()
	o, err := auth.ParseOperators([]string{" " + named.String() + " ", ""})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		actor domain.Actor
		want  bool
	}{
		{domain.Actor{Type: domain.User, ID: named, Auth: "clerk"}, true},
		{domain.Actor{Type: domain.User, ID: other, Auth: "clerk"}, false},
		{domain.Actor{Type: domain.User, ID: other, Auth: auth.LocalAuth}, true},
		{domain.Actor{Type: domain.Agent, ID: named, Auth: "agent_token"}, false},
		{domain.Actor{}, false},
	} {
		if got := o.Include(auth.Caller{Actor: c.actor}); got != c.want {
			t.Errorf("%+v: %v", c.actor, got)
		}
	}
	if _, err := auth.ParseOperators([]string{"me"}); err == nil {
		t.Error("a name is taken for an id")
	}
}
