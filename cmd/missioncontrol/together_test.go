package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// One key, a thousand times, through two processes: one event, one answer.
func TestSameKeyEverywhere(t *testing.T) {
	t.Parallel()
	const times = 1000
	p := startPair(t)
	var ids sync.Map
	var group sync.WaitGroup
	for i := range 20 { // the first login of all, too
		group.Go(func() {
			var me named
			p.api[i%2].ok(t, http.MethodPost, "/auth/bootstrap", nil).into(t, &me)
			ids.Store(me.ID, true)
		})
	}
	group.Wait()
	if n := size(&ids); n != 1 {
		t.Errorf("one person was registered as %d users", n)
	}
	board, _ := p.api[0].board(t, "b")
	path := "/boards/" + board + "/tasks"
	answers := make([]answer, times)
	began := time.Now()
	for i := range times {
		group.Go(func() {
			var err error
			if answers[i], err = p.api[i%2].call(t.Context(), http.MethodPost, path, "the-key", map[string]any{"title": "once"}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	t.Logf("%d requests took %v", times, time.Since(began).Round(time.Millisecond))
	var first, repeats int
	for _, a := range answers {
		if a.status != http.StatusOK || !bytes.Equal(a.body, answers[0].body) || a.header.Get("Log-Position") != answers[0].header.Get("Log-Position") {
			t.Fatalf("answered %d %s at %s, another %s at %s", a.status, a.body, a.header.Get("Log-Position"),
				answers[0].body, answers[0].header.Get("Log-Position"))
		}
		if a.header.Get("Idempotency-Replayed") == "true" {
			repeats++
		} else {
			first++
		}
	}
	if first != 1 || repeats != times-1 {
		t.Errorf("%d first answers and %d repeats", first, repeats)
	}
	if created := p.count(`select count(*) from events where type = 'task.created'`); created != 1 {
		t.Errorf("%d tasks were created", created)
	}
	for _, a := range p.api {
		got, err := a.call(t.Context(), http.MethodPost, path, "the-key", map[string]any{"title": "another"})
		if err != nil || got.status != http.StatusUnprocessableEntity || !strings.Contains(string(got.body), "Idempotency-Key was used with another request.") {
			t.Errorf("the key with another body: %d %s %v", got.status, got.body, err)
		}
	}
}

func size(m *sync.Map) (n int) {
	m.Range(func(any, any) bool { n++; return true })
	return n
}

func (p *pair) count(sql string) (n int64) {
	p.t.Helper()
	db, err := pgx.Connect(p.t.Context(), p.url)
	must(p.t, err)
	defer db.Close(p.t.Context()) //nolint:errcheck // it only reads
	must(p.t, db.QueryRow(p.t.Context(), sql).Scan(&n))
	return n
}

// What one process has acknowledged the other shows at once, even if they
// cannot talk to each other.
func TestReadYourWritesElsewhere(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	turns := func(n int) {
		for i := range n {
			a, b := p.api[i%2], p.api[(i+1)%2]
			name := fmt.Sprintf("%s-%d-%d", "name", n, i)
			id, _ := a.board(t, name)
			var board named
			b.ok(t, http.MethodGet, "/boards/"+id, nil).into(t, &board)
			shows(t, b.pages(t, "/boards"), id)
			task := b.task(t, id, name) // a command that rests on the other's write
			shows(t, a.pages(t, "/boards/"+id+"/tasks"), task)
			a.ok(t, http.MethodPatch, "/boards/"+id+"/tasks/"+task, map[string]any{"title": "changed " + name})
			if got := b.pages(t, "/boards/"+id+"/tasks"); got[0].Title != "changed "+name {
				t.Errorf("the other process shows %+v", got)
			}
			a.ok(t, http.MethodPatch, "/users/me", map[string]any{"name": name})
			var me named
			b.ok(t, http.MethodGet, "/users/me", nil).into(t, &me)
			if board.ID != id || me.Name != name {
				t.Errorf("the other process shows the board %+v and the user %+v, want %s and %s", board, me, id, name)
			}
			b.ok(t, http.MethodDelete, "/boards/"+id+"/tasks/"+task, nil)
			if got := a.pages(t, "/boards/"+id+"/tasks"); len(got) != 0 {
				t.Errorf("a deleted task is shown: %+v", got)
			}
		}
	}
	turns(10)
	p.nats.cut()
	turns(4)
}

func shows(t testing.TB, items []named, id string) {
	t.Helper()
	for _, item := range items {
		if item.ID == id {
			return
		}
	}
	t.Errorf("%s is not among %+v", id, items)
}

// readyDetail is what /readyz says.
func (p *pair) readyDetail(i int) (status int, detail string) {
	p.t.Helper()
	resp, err := probe.Get(p.api[i].base + "/readyz")
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close() //nolint:errcheck // read below
	var body bytes.Buffer
	_, err = body.ReadFrom(resp.Body)
	must(p.t, err)
	if resp.StatusCode != http.StatusOK && resp.Header.Get("Retry-After") != "1" {
		p.t.Errorf("/readyz answers %d with Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	return resp.StatusCode, body.String()
}

func (p *pair) becomes(i, status int, detail string) {
	p.t.Helper()
	began := time.Now()
	var got string
	eventually(p.t, patience, fmt.Sprintf("/readyz of server %d answers %d %s", i, status, detail), func() bool {
		var code int
		code, got = p.readyDetail(i)
		return code == status && strings.Contains(got, detail)
	})
	p.t.Logf("server %d: %d %s after %v", i, status, detail, time.Since(began).Round(time.Millisecond))
}

// A server says by itself that it cannot serve, and for which reason.
func TestReadiness(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	p.api[0].board(t, "b")
	p.database[1].cut()
	p.becomes(1, http.StatusServiceUnavailable, "Postgres cannot be reached.")
	p.database[1].mend()
	p.becomes(1, http.StatusOK, "true")
	p.nats.cut()
	p.becomes(1, http.StatusServiceUnavailable, "NATS cannot be reached.")
	if status, body := p.readyDetail(0); status != http.StatusOK {
		t.Errorf("the other one answers %d %s", status, body)
	}
	p.nats.mend()
	p.becomes(1, http.StatusOK, "true")

	// Nobody can look at the head of the log: first the streams may be behind,
	// then statements run into their time-out. Servers must outlive that.
	db, err := pgx.Connect(t.Context(), p.url)
	must(t, err)
	defer db.Close(t.Context()) //nolint:errcheck // the test is over
	lock, err := db.Begin(t.Context())
	must(t, err)
	_, err = lock.Exec(t.Context(), "lock table log_head in access exclusive mode")
	must(t, err)
	p.becomes(0, http.StatusServiceUnavailable, "behind the log")
	p.becomes(1, http.StatusServiceUnavailable, "behind the log")
	for _, program := range p.program {
		eventually(t, patience, "a look at the log has timed out", func() bool {
			return program.over() || strings.Contains(program.stderr.String(), "statement timeout")
		})
	}
	must(t, lock.Rollback(t.Context()))
	p.becomes(0, http.StatusOK, "true")
	p.becomes(1, http.StatusOK, "true")
	p.api[1].board(t, "c")
	p.checkFigures()
}

// checkFigures looks for what the servers count.
func (p *pair) checkFigures() {
	p.t.Helper()
	for i := range p.env {
		resp, err := probe.Get("http://" + p.env[i]["METRICS_ADDR"] + "/metrics")
		must(p.t, err)
		var body bytes.Buffer
		_, err = body.ReadFrom(resp.Body)
		must(p.t, err)
		_ = resp.Body.Close()
		for _, want := range []string{
			"log_events_total", "log_batches_total", "log_conflicts_total", "log_lost_swaps_total", "log_waiting_commands 0",
			"log_head", "streams_open 0", "streams_lag_seconds", "streams_frames_total", "streams_cut_off_total",
			"streams_holes_total", "bus_sent_total", "bus_dropped_total", "database_connections_in_use",
		} {
			if !strings.Contains(body.String(), "\nmissioncontrol_"+want) {
				p.t.Errorf("server %d does not tell missioncontrol_%s", i, want)
			}
		}
		if strings.Contains(body.String(), "missioncontrol_log_events_total 0\n") {
			p.t.Errorf("server %d has counted no event", i)
		}
	}
}
