package streams

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const embeddedStart = 5 * time.Second // for the embedded NATS server to be ready

// startEmbedded runs a NATS server in this process, without a port unless
// listen is given.
func startEmbedded(listen, token string, log *slog.Logger) (*server.Server, error) {
	logger := &serverLog{log: log}
	options := &server.Options{
		ServerName:    "missioncontrol",
		DontListen:    listen == "",
		NoSigs:        true,
		Authorization: token,
	}
	if listen != "" {
		host, port, err := listenAddress(listen, token)
		if err != nil {
			return nil, err
		}
		options.Host, options.Port = host, port
		if err := claimable(listen, host, port); err != nil {
			return nil, err
		}
	}
	srv, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("make the embedded NATS server: %w", err)
	}
	srv.SetLoggerV2(logger, false, false, false)
	srv.Start()
	if ready := srv.ReadyForConnections(embeddedStart); !ready || logger.fatal() != nil {
		srv.Shutdown()
		srv.WaitForShutdown()
		if listen != "" {
			return nil, fmt.Errorf("NATS cannot listen on NATS_LISTEN %q: %w", listen, either(logger.fatal(), errNotReady))
		}
		return nil, fmt.Errorf("start the embedded NATS server: %w", either(logger.fatal(), errNotReady))
	}
	return srv, nil
}

var errNotReady = fmt.Errorf("it was not ready within %v", embeddedStart)

func either(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// listenAddress takes NATS_LISTEN apart and refuses an address that other
// machines reach unless a token is asked of them.
func listenAddress(listen, token string) (host string, port int, err error) {
	host, digits, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("NATS_LISTEN %q is not host:port", listen)
	}
	port, err = strconv.Atoi(digits)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("NATS_LISTEN %q is not host:port", listen)
	}
	if ip := net.ParseIP(host); token == "" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", 0, fmt.Errorf("NATS_LISTEN %q can be reached from other machines: set NATS_TOKEN, or listen on 127.0.0.1", listen)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// claimable fails if the server could not listen there, which it would say
// late and at length.
func claimable(listen, host string, port int) error {
	if port == server.RANDOM_PORT {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))) //nolint:noctx // it does not wait
	if err == nil {
		return l.Close()
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("NATS_LISTEN: %s is in use by another program: stop it or choose another address", listen)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // without the address, which is named
	}
	return fmt.Errorf("NATS_LISTEN: %s cannot be served on: %w", listen, err)
}

// serverLog passes what the embedded server says to slog and keeps the first
// fatal message, which the server itself does not return. Its notices are of
// no interest to whoever runs the program.
type serverLog struct {
	log   *slog.Logger
	mu    sync.Mutex
	first error
}

func (l *serverLog) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

func (l *serverLog) Fatalf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		l.first = fmt.Errorf("%s", fmt.Sprintf(format, args...))
	}
}

func (l *serverLog) Errorf(format string, args ...any) {
	l.log.Error("nats: " + fmt.Sprintf(format, args...))
}

func (l *serverLog) Warnf(format string, args ...any) {
	l.log.Warn("nats: " + fmt.Sprintf(format, args...))
}

func (l *serverLog) Noticef(format string, args ...any) {
	l.log.Debug("nats: " + fmt.Sprintf(format, args...))
}

func (l *serverLog) Debugf(string, ...any) {}
func (l *serverLog) Tracef(string, ...any) {}
