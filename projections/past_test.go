package projections

import (
	"testing"

	"missioncontrol/postgres/pgtest"
)

// TestBlank: text is blank to reads of the past when it is to the lists of the
// present.
func TestBlank(t *testing.T) {
	t.Parallel()
	db := pgtest.Connect(t, pgtest.Clone(t))
	rows, err := db.Query(t.Context(), `select chr(n), chr(n) !~ '\S' from generate_series(1, 65533) n where n not between 55296 and 57343`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		var want bool
		if err := rows.Scan(&text, &want); err != nil {
			t.Fatal(err)
		}
		if got := blank(text); got != want {
			t.Errorf("%q is blank: %v, to Postgres %v", text, got, want)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
