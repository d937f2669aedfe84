package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"missioncontrol/auth"
)

// state says where things are kept: what serve, rebuild and audit share.
type state struct {
	DataDir          string `help:"Directory of all state." env:"DATA_DIR" placeholder:"DIR"`
	DatabaseURL      string `name:"database-url" help:"PostgreSQL to use (14 or newer); without it a private cluster runs under DATA_DIR." env:"DATABASE_URL" placeholder:"URL"`
	DatabaseAdminURL string `name:"database-admin-url" help:"The same PostgreSQL as the owner of the tables, who migrates; the role of DATABASE_URL then cannot change the log." env:"DATABASE_ADMIN_URL" placeholder:"URL"`
	PGBin            string `name:"pg-bin" help:"Directory of the PostgreSQL binaries for the private cluster." env:"PG_BIN" placeholder:"DIR"`
	DatabaseConns    int32  `name:"database-connections" help:"Most connections for reading." env:"DATABASE_CONNECTIONS" default:"16"`
	InstallationKey  string `name:"installation-key" help:"Key that seals all others: 32 bytes in base64 or hex, the same in all processes. Default: made and kept in DATA_DIR." env:"INSTALLATION_KEY" placeholder:"KEY"`
	AuditKey         string `name:"audit-signing-key" help:"Key that signs checkpoints of the log: 32 bytes in base64 or hex, or a signer key of the note format; the same in all processes. Default: made and kept in DATA_DIR." env:"AUDIT_SIGNING_KEY" placeholder:"KEY"`
}

// listen says how the server is reached.
type listen struct {
	HTTPAddr    string `name:"http-addr" help:"Address to serve on." env:"HTTP_ADDR" default:"127.0.0.1:8000"`
	BaseURL     string `name:"base-url" help:"Address under which clients reach the server. Default: follows from HTTP_ADDR." env:"BASE_URL" placeholder:"URL"`
	MetricsAddr string `name:"metrics-addr" help:"Address to serve Prometheus /metrics on. Default: not served." env:"METRICS_ADDR" placeholder:"ADDR"`
	CORSOrigins string `name:"cors-origins" help:"Comma list of origins that browsers may call from." env:"CORS_ORIGINS"`
	MaxBody     int64  `name:"max-body-bytes" help:"Largest request body." env:"MAX_BODY_BYTES" default:"1048576"`

	TLSCert       string        `name:"tls-cert-file" help:"Certificate chain in PEM: serve HTTPS and HTTP/2. Read again when it changes." env:"TLS_CERT_FILE" placeholder:"FILE"`
	TLSKey        string        `name:"tls-key-file" help:"Its private key in PEM." env:"TLS_KEY_FILE" placeholder:"FILE"`
	HeaderTimeout time.Duration `name:"request-header-timeout" help:"Time for a client to send the headers of a request." env:"REQUEST_HEADER_TIMEOUT" default:"10s"`
	BodyTimeout   time.Duration `name:"request-body-timeout" help:"Time for a client to send the body of a request." env:"REQUEST_BODY_TIMEOUT" default:"30s"`

	ContentTypeOptions string `name:"security-header-x-content-type-options" env:"SECURITY_HEADER_X_CONTENT_TYPE_OPTIONS" default:"nosniff" help:"X-Content-Type-Options; blank sends none."`
	FrameOptions       string `name:"security-header-x-frame-options" env:"SECURITY_HEADER_X_FRAME_OPTIONS" default:"DENY" help:"X-Frame-Options; blank sends none."`
	ReferrerPolicy     string `name:"security-header-referrer-policy" env:"SECURITY_HEADER_REFERRER_POLICY" default:"strict-origin-when-cross-origin" help:"Referrer-Policy; blank sends none."`
	PermissionsPolicy  string `name:"security-header-permissions-policy" env:"SECURITY_HEADER_PERMISSIONS_POLICY" help:"Permissions-Policy; blank sends none."`

	SlowMS    int  `name:"request-log-slow-ms" help:"Requests slower than this are logged as a warning; 0: never." env:"REQUEST_LOG_SLOW_MS" default:"1000"`
	LogHealth bool `name:"request-log-include-health" help:"Log probes of the health routes too." env:"REQUEST_LOG_INCLUDE_HEALTH"`
}

// identity says who may sign in.
type identity struct {
	AuthMode       string   `name:"auth-mode" help:"local: one shared token; clerk: Clerk vouches for people." env:"AUTH_MODE" default:"local"`
	LocalAuthToken string   `name:"local-auth-token" help:"Token of local mode, at least 50 characters. Default: made and kept in DATA_DIR." env:"LOCAL_AUTH_TOKEN" placeholder:"TOKEN"`
	TokenKey       string   `name:"token-key" help:"Key by which agents' tokens are recognised: 32 bytes in base64 or hex, the same in all processes. Default: derived from INSTALLATION_KEY." env:"TOKEN_KEY" placeholder:"KEY"`
	Operators      []string `help:"Comma list of ids of users who see what the log holds of the system itself. Local mode: its user." env:"OPERATORS"`
	Clerk          clerk    `embed:"" prefix:"clerk-"`
}

// clerk says how Clerk vouches for people.
type clerk struct {
	SecretKey string   `help:"Secret key of the Clerk application." env:"CLERK_SECRET_KEY" placeholder:"KEY"`
	APIURL    string   `name:"api-url" help:"Address of Clerk's API." env:"CLERK_API_URL" default:"https://api.clerk.com"`
	Leeway    float64  `help:"Seconds by which clocks may differ." env:"CLERK_LEEWAY" default:"10"`
	VerifyIAT bool     `name:"verify-iat" help:"Refuse tokens from the future." env:"CLERK_VERIFY_IAT" default:"true" negatable:""`
	Issuer    string   `help:"Issuer that tokens must have. Default: any." env:"CLERK_ISSUER"`
	Parties   []string `name:"authorized-parties" help:"Comma list of origins (azp) that tokens may be for. Default: any." env:"CLERK_AUTHORIZED_PARTIES"`
}

// limits says how often an address may try.
type limits struct {
	Backend     string        `name:"rate-limit-backend" help:"memory, or redis for all processes together." env:"RATE_LIMIT_BACKEND" default:"memory"`
	RedisURL    string        `name:"rate-limit-redis-url" help:"Redis of the limits." env:"RATE_LIMIT_REDIS_URL" placeholder:"URL"`
	QueueRedis  string        `name:"rq-redis-url" help:"Redis to fall back to." env:"RQ_REDIS_URL" placeholder:"URL" hidden:""`
	AgentCounts string        `name:"rate-limit-agent-auth-counts" help:"What counts on agent authentication: failures, or all." env:"RATE_LIMIT_AGENT_AUTH_COUNTS" default:"failures"`
	AgentLimit  int           `name:"rate-limit-agent-auth" help:"Attempts of an address at agent authentication in a window." env:"RATE_LIMIT_AGENT_AUTH" default:"20"`
	AgentWindow time.Duration `name:"rate-limit-agent-auth-window" help:"That window." env:"RATE_LIMIT_AGENT_AUTH_WINDOW" default:"60s"`
	Proxies     string        `name:"trusted-proxies" help:"Comma list of addresses and networks whose Forwarded or X-Forwarded-For is believed." env:"TRUSTED_PROXIES"`
}

// bus says how processes tell each other what was committed.
type bus struct {
	NATSURL    string `name:"nats-url" help:"NATS to join: a cluster, or another process' NATS_LISTEN. Default: one within this process." env:"NATS_URL" placeholder:"URL"`
	NATSListen string `name:"nats-listen" help:"Address on which the NATS of this process serves others. Default: none." env:"NATS_LISTEN" placeholder:"ADDR"`
	NATSToken  string `name:"nats-token" help:"Token that the NATS of this process asks of others." env:"NATS_TOKEN" placeholder:"TOKEN"`
}

// dataDir is the directory of all state.
func (s state) dataDir() (string, error) {
	if s.DataDir != "" {
		return filepath.Abs(s.DataDir)
	}
	if os.Geteuid() == 0 {
		return "/var/lib/missioncontrol", nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "missioncontrol"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("there is no home directory to keep state in: set DATA_DIR")
	}
	return filepath.Join(home, ".local", "state", "missioncontrol"), nil
}

// baseURL is the address under which clients reach the server that listens on
// bound, without a slash at its end.
func (l listen) baseURL(bound net.Addr) (string, error) {
	if l.BaseURL == "" {
		host, _, err := net.SplitHostPort(l.HTTPAddr)
		_, port, boundErr := net.SplitHostPort(bound.String()) // HTTP_ADDR may leave the port to the system
		if err := errors.Join(err, boundErr); err != nil {
			return "", err
		}
		if host == "" || host == "0.0.0.0" || host == "::" {
			host = "localhost"
		}
		scheme := "http"
		if l.overTLS() {
			scheme = "https"
		}
		return scheme + "://" + net.JoinHostPort(host, port), nil
	}
	u, err := absolute(l.BaseURL)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// absolute reads BASE_URL.
func absolute(base string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(base))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, errors.New("BASE_URL must be an absolute http(s) URL (e.g. http://localhost:8000).")
	}
	return u, nil
}

// check refuses numbers that nobody can mean.
func (l listen) check() error {
	switch {
	case l.MaxBody < 1:
		return fmt.Errorf("MAX_BODY_BYTES must be at least 1, not %d", l.MaxBody)
	case l.SlowMS < 0:
		return fmt.Errorf("REQUEST_LOG_SLOW_MS must be 0 or more, not %d", l.SlowMS)
	case l.HeaderTimeout <= 0:
		return fmt.Errorf("REQUEST_HEADER_TIMEOUT must be above 0, not %s", l.HeaderTimeout)
	case l.BodyTimeout <= 0:
		return fmt.Errorf("REQUEST_BODY_TIMEOUT must be above 0, not %s", l.BodyTimeout)
	}
	return l.checkTLS()
}

func (s state) check() error {
	const most = 10_000 // more than any PostgreSQL serves
	if s.DatabaseConns < 1 || s.DatabaseConns > most {
		return fmt.Errorf("DATABASE_CONNECTIONS must be from 1 to %d, not %d", most, s.DatabaseConns)
	}
	if s.DatabaseAdminURL != "" && s.DatabaseURL == "" {
		return errors.New("DATABASE_ADMIN_URL is who migrates the database of DATABASE_URL: set that, too")
	}
	if s.InstallationKey != "" {
		if _, err := s.installationKey(""); err != nil {
			return err
		}
	}
	if s.AuditKey != "" {
		_, err := s.auditKey("")
		return err
	}
	return nil
}

func (l listen) slowRequest() time.Duration { return time.Duration(l.SlowMS) * time.Millisecond }

const shortestToken = 50

// check refuses a mode or token that nobody should run with.
func (i identity) check() error {
	if _, err := auth.ParseOperators(i.Operators); err != nil {
		return err
	}
	switch i.AuthMode {
	case "clerk":
		return nil // its own configuration is checked where it is used
	case "local":
	default:
		return fmt.Errorf("AUTH_MODE must be local or clerk, not %q", i.AuthMode)
	}
	token := strings.TrimSpace(i.LocalAuthToken)
	if token == "" {
		return nil
	}
	switch strings.ToLower(token) {
	case "change-me", "changeme", "replace-me", "replace-with-strong-random-token":
	default:
		if len(token) >= shortestToken {
			return nil
		}
	}
	return errors.New("LOCAL_AUTH_TOKEN must be at least 50 characters and non-placeholder when AUTH_MODE=local.")
}
