package pgtest_test

import (
	"sync"
	"testing"
	"time"

	"missioncontrol/postgres/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestPool(t *testing.T) {
	began := time.Now()
	var n int
	if err := pgtest.Pool(t).QueryRow(t.Context(), "select count(*) from log_head").Scan(&n); err != nil {
		t.Fatal(err)
	}
	t.Log("first use took", time.Since(began))
}

func TestClone(t *testing.T) {
	t.Run("clones_made_at_once_are_apart", func(t *testing.T) {
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				began := time.Now()
				pool := pgtest.Connect(t, pgtest.Clone(t))
				t.Log("clone took", time.Since(began))
				if _, err := pool.Exec(t.Context(), "create table mine (x int)"); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	})
}
