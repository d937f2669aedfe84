package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Limits of a connection. A body has its own (REQUEST_BODY_TIMEOUT), and
// streams set a deadline for each write in place of answerLimit.
const (
	idleLimit      = 2 * time.Minute
	answerLimit    = 2 * time.Minute
	maxHeaderBytes = 64 << 10 // more is answered 431
)

// server is the HTTP server of the API, over TLS with HTTP/2 if there is a
// certificate.
func (l listen) server(h http.Handler, log *slog.Logger) (*http.Server, error) {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: l.HeaderTimeout, IdleTimeout: idleLimit, WriteTimeout: answerLimit,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if !l.overTLS() {
		return server, nil
	}
	c := &certificate{certFile: l.TLSCert, keyFile: l.TLSKey, log: log}
	if err := c.load(); err != nil {
		return nil, err
	}
	server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
	return server, nil
}

func (l listen) overTLS() bool { return l.TLSCert != "" }

// checkTLS refuses half a configuration, and files that are no certificate.
func (l listen) checkTLS() error {
	switch {
	case l.TLSCert == "" && l.TLSKey == "":
		return nil
	case l.TLSCert == "" || l.TLSKey == "":
		return errors.New("TLS_CERT_FILE and TLS_KEY_FILE must be set together")
	}
	return (&certificate{certFile: l.TLSCert, keyFile: l.TLSKey}).load()
}

// serveOn serves until the server is shut down.
func serveOn(listener net.Listener, s *http.Server) error {
	if s.TLSConfig != nil {
		return ignoreClosed(s.ServeTLS(listener, "", ""))
	}
	return ignoreClosed(s.Serve(listener))
}

// certificate is what the server proves itself with. Its files are looked at
// now and then, so that a renewed one is used without a restart.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	looked  time.Time
	changed [2]time.Time // of the files, when they were read
	pair    *tls.Certificate
}

// lookPause is how long a change of the files may go unseen.
const lookPause = time.Second

func (c *certificate) load() error {
	c.changed = c.changes()
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("TLS_CERT_FILE and TLS_KEY_FILE cannot be used: %w", err)
	}
	c.pair = &pair
	return nil
}

func (c *certificate) changes() (at [2]time.Time) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			at[i] = info.ModTime()
		}
	}
	return at
}

// get is asked at each handshake. A pair that cannot be read, for being half
// written perhaps, leaves the one before in use.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < lookPause {
		return c.pair, nil
	}
	c.looked = time.Now()
	if c.changes() == c.changed {
		return c.pair, nil
	}
	if err := c.load(); err != nil {
		c.log.Warn("the certificate before stays in use", "error", err)
	} else {
		c.log.Info("a new certificate is in use")
	}
	return c.pair, nil
}
