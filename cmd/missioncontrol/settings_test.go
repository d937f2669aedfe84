package main

import (
	"context"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
)

// TestSettings: the log is told how the program is configured, and no secret.
func TestSettings(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	s := serveCmd{
		state: state{DataDir: "/data", DatabaseURL: "postgres://me:" + secret + "@db.example:5432/mc?password=" + secret, DatabaseAdminURL: "postgres://boss:" + secret + "@db.example:5432/mc", InstallationKey: secret},
		listen: listen{
			HTTPAddr: "127.0.0.1:8000", TLSKey: "/key.pem", SlowMS: 7,
		},
		identity: identity{AuthMode: "clerk", LocalAuthToken: secret, TokenKey: secret, Clerk: clerk{SecretKey: secret, Parties: []string{"a", "b"}}},
		limits:   limits{RedisURL: "host=redis password=" + secret, AgentLimit: 20},
		bus:      bus{NATSURL: "nats://" + secret + "@nats.example:4222", NATSToken: secret},
	}
	got := settings(&s)
	for name, want := range map[string]string{
		"DATA_DIR": "/data", "DATABASE_URL": "postgres://db.example:5432/mc", "DATABASE_ADMIN_URL": "postgres://db.example:5432/mc", "INSTALLATION_KEY": "set", "HTTP_ADDR": "127.0.0.1:8000",
		"TLS_KEY_FILE": "/key.pem", "REQUEST_LOG_SLOW_MS": "7", "AUTH_MODE": "clerk", "LOCAL_AUTH_TOKEN": "set", "TOKEN_KEY": "set",
		"CLERK_SECRET_KEY": "set", "CLERK_AUTHORIZED_PARTIES": "[a b]", "RATE_LIMIT_REDIS_URL": "set", "RATE_LIMIT_AGENT_AUTH": "20",
		"NATS_URL": "nats://nats.example:4222", "NATS_TOKEN": "set", "PG_BIN": "", "CORS_ORIGINS": "",
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
	for name, value := range got {
		if strings.Contains(value, secret) {
			t.Errorf("%s shows a secret: %s", name, value)
		}
	}
}

// TestEvidenceOfARun: the log tells how the program was started, and what was
// refused in the minute in which it ended.
func TestEvidenceOfARun(t *testing.T) {
	t.Parallel()
	server, e, dir := startPrivate(t)
	a := newAPI(t, e["HTTP_ADDR"])
	a.ok(t, http.MethodPost, "/tags", map[string]any{"name": "Twice"})
	const refusals = 80 // 30 of a minute are recorded by themselves, and the clock may turn once
	for range refusals {
		if got, err := a.call(t.Context(), http.MethodPost, "/tags", "", map[string]any{"name": "Twice"}); err != nil || got.status != http.StatusConflict {
			t.Fatalf("%d %s %v", got.status, got.body, err)
		}
	}
	server.stop(syscall.SIGTERM)
	server, _ = serve(t, e)
	db, err := pgx.Connect(t.Context(), socketURL(dir))
	must(t, err)
	defer db.Close(context.Background()) //nolint:errcheck // it only reads
	found := rowsOf[struct{ Type, Body string }](t, db, `select type, convert_from(entry, 'UTF8')::json->>'body' from events
		where type in ('system.started', 'command.refused', 'command.refused_many') order by seq`)
	var starts, counted int
	for _, f := range found {
		var many struct {
			Count int `json:"count"`
		}
		switch f.Type {
		case "system.started":
			starts++
			if !strings.Contains(f.Body, `"HTTP_ADDR":"`+e["HTTP_ADDR"]) || strings.Contains(f.Body, e["LOCAL_AUTH_TOKEN"]) {
				t.Errorf("a start with %s", f.Body)
			}
		case "command.refused":
			counted++
		case "command.refused_many":
			must(t, json.Unmarshal([]byte(f.Body), &many))
			counted += many.Count
		}
	}
	if starts != 2 || counted != refusals {
		t.Errorf("%d starts and %d refusals are in the log", starts, counted)
	}
	server.stop(syscall.SIGTERM)
}
