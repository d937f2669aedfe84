package audit

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"missioncontrol/migrations"
	"missioncontrol/postgres/pgtest"
)

func TestExposure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ given, says string }{
		"the_application":               {"", ""},
		"an_owner":                      {"grant missioncontrol to ROLE", "owns the tables"},
		"a_superuser":                   {"alter role ROLE superuser", "owns the tables"},
		"the_owner_of_the_database":     {"alter database DB owner to ROLE", "owns the database"},
		"who_may_update":                {"grant update on events to ROLE", "triggers alone"},
		"who_may_truncate_as_everybody": {"grant truncate on events to public", "triggers alone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			owner := pgtest.Clone(t)
			u, err := url.Parse(owner)
			must(t, err)
			database := strings.TrimPrefix(u.Path, "/")
			role := "seen_" + database
			super := pgtest.Connect(t, owner)
			_, err = super.Exec(t.Context(), "create role "+role+" login")
			must(t, err)
			t.Cleanup(func() {
				if _, err := super.Exec(context.WithoutCancel(t.Context()), "reassign owned by "+role+" to missioncontrol; drop owned by "+role+"; drop role "+role); err != nil {
					t.Error(err)
				}
			})
			must(t, migrations.Grant(t.Context(), owner, role))
			_, err = super.Exec(t.Context(), strings.NewReplacer("ROLE", role, "DB", database).Replace(c.given))
			must(t, err)
			u.User = url.User(role)
			got, err := Exposure(t.Context(), pgtest.Connect(t, u.String()))
			must(t, err)
			if c.says == "" && got != "" || !strings.Contains(got, c.says) {
				t.Errorf("says %q", got)
			}
		})
	}
}
