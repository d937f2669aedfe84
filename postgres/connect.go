package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/puddle/v2"
)

const connectTimeout = 5 * time.Second

// Connect returns a pool for reads and short writes, after one connection has
// shown that the server can hold the log. What the connection string sets wins
// over the defaults here, except the time zone. An *Error never holds the
// password.
func Connect(ctx context.Context, connString string, maxConns int32) (*pgxpool.Pool, error) {
	return connect(ctx, "DATABASE_URL", connString, maxConns)
}

// Probe connects to what a variable names, for the sentences about a wrong one,
// and returns the role.
func Probe(ctx context.Context, variable, connString string) (role string, err error) {
	pool, err := connect(ctx, variable, connString, 1)
	if err != nil {
		return "", err
	}
	defer pool.Close()
	if err := pool.QueryRow(ctx, `select current_user`).Scan(&role); err != nil {
		return "", fmt.Errorf("%s: ask for the role: %w", variable, err)
	}
	return role, nil
}

func connect(ctx context.Context, variable, connString string, maxConns int32) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(connString)
	if err != nil {
		// The reason of the parser may quote parts of the password.
		return nil, &Error{Kind: ErrURL, Text: variable + " is not a PostgreSQL connection string: " +
			"it should read postgres://user:password@host:port/database, with special characters of the password percent-encoded"}
	}
	cfg.MaxConns = maxConns
	cfg.MaxConnLifetime = time.Hour
	cfg.MaxConnLifetimeJitter = 10 * time.Minute
	cfg.MaxConnIdleTime = 10 * time.Minute
	if cfg.ConnConfig.ConnectTimeout == 0 || cfg.ConnConfig.ConnectTimeout > connectTimeout {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	params := cfg.ConnConfig.RuntimeParams
	params["timezone"] = "UTC"
	for name, value := range map[string]string{
		"application_name":                    "missioncontrol",
		"statement_timeout":                   "30000", // ms
		"idle_in_transaction_session_timeout": "60000", // ms
	} {
		if _, set := params[name]; !set {
			params[name] = value
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("make a pool for %s: %w", variable, err)
	}
	if err := check(ctx, variable, pool, cfg.ConnConfig); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// check asks the server what a wrong connection string would get wrong.
func check(ctx context.Context, variable string, pool *pgxpool.Pool, cfg *pgx.ConnConfig) error {
	ctx, cancel := context.WithTimeout(ctx, 2*connectTimeout)
	defer cancel()
	var version int
	var encoding string
	var standby bool
	err := pool.QueryRow(ctx, `select current_setting('server_version_num')::int,
		current_setting('server_encoding'), pg_is_in_recovery()`).Scan(&version, &encoding, &standby)
	place := fmt.Sprintf("%s: the database %q at %s", variable, cfg.Database, address(cfg))
	switch {
	case err != nil:
		return &Error{Kind: ErrUnreachable, Cause: err, Text: fmt.Sprintf(
			"%s cannot be reached (%s)", place, connectReason(err))}
	case version/10000 < oldest:
		return &Error{Kind: ErrVersion, Text: fmt.Sprintf(
			"%s is PostgreSQL %d, but %d or newer is needed", place, version/10000, oldest)}
	case encoding != "UTF8":
		return &Error{Kind: ErrURL, Text: fmt.Sprintf(
			"%s has the encoding %s, but UTF8 is needed", place, encoding)}
	case standby:
		return &Error{Kind: ErrURL, Text: fmt.Sprintf(
			"%s is a standby that cannot be written: name the primary", place)}
	}
	return nil
}

func address(cfg *pgx.ConnConfig) string {
	if strings.HasPrefix(cfg.Host, "/") {
		return cfg.Host
	}
	return net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port)))
}

// connectReason is why a connection failed, in a few words on one line.
func connectReason(err error) string {
	var refused *pgconn.PgError
	var errno syscall.Errno
	var dns *net.DNSError
	switch {
	case errors.As(err, &refused):
		return refused.Message
	case errors.As(err, &dns):
		return "no such host"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	return oneLine(err.Error())
}

// Unavailable reports whether err means that the database cannot be reached or
// is going away right now, so that the same request may succeed in a moment.
// The end of the caller's own context is not that.
func Unavailable(err error) bool {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return unavailableCode(refused.Code)
	}
	if errors.Is(err, context.Canceled) {
		return false
	}
	var connect *pgconn.ConnectError
	var network *net.OpError
	return errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, puddle.ErrClosedPool) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNREFUSED)
}

func unavailableCode(code string) bool {
	switch code {
	case "57P01", "57P02", "57P03", // shutdown, crash of another session, starting up
		"57P05", // the session was idle too long
		"25006", // the primary has become a standby
		"53300": // too many connections
		return true
	}
	return strings.HasPrefix(code, "08")
}
