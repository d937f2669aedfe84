package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"missioncontrol/postgres"
	"missioncontrol/postgres/pgtest"
)

// pair is two servers on one database that tell each other over NATS, with
// wires in between that can be cut.
type pair struct {
	t        testing.TB
	cluster  *postgres.Server
	url      string // of the database
	env      [2]env
	program  [2]*program
	api      [2]api
	database [2]*wire
	nats     *wire // of the second to the first
}

// startPair starts both at once on an empty database.
func startPair(t testing.TB) *pair {
	t.Helper()
	p := &pair{t: t, cluster: pgtest.Server(t, false)}
	p.url = p.cluster.URL(postgres.Database)
	dir, err := filepath.EvalSymlinks(fmt.Sprintf("/proc/%d/cwd", p.cluster.Pid()))
	must(t, err)
	natsListen, natsWire := address(t), address(t)
	for i := range p.env {
		var url string
		p.database[i], url = databaseWire(t, filepath.Dir(dir))
		p.env[i] = env{
			"DATA_DIR": pgtest.Dir(t), "DATABASE_URL": url, "HTTP_ADDR": address(t), "METRICS_ADDR": address(t),
			"LOCAL_AUTH_TOKEN": testToken, "INSTALLATION_KEY": testKey, "AUDIT_SIGNING_KEY": testKey,
		}
		p.api[i] = newAPI(t, p.env[i]["HTTP_ADDR"])
	}
	p.env[0]["NATS_LISTEN"] = natsListen
	p.env[1]["NATS_URL"] = "nats://" + natsWire
	p.nats = between(t, natsWire, natsListen)
	for i := range p.program {
		p.program[i] = launch(t, nil, p.env[i])
	}
	for i := range p.program {
		p.program[i].awaitReady(p.api[i].base)
	}
	return p
}

// restart kills a server and starts it again.
func (p *pair) restart(i int) time.Duration {
	p.t.Helper()
	p.program[i].kill()
	began := time.Now()
	p.program[i] = launch(p.t, nil, p.env[i])
	p.program[i].awaitReady(p.api[i].base)
	return time.Since(began)
}

// awaitReady waits until a server is ready again.
func (p *pair) awaitReady(i int) {
	p.t.Helper()
	eventually(p.t, patience, "the server is ready again", func() bool { return readiness(p.api[i].base) == http.StatusOK })
}
