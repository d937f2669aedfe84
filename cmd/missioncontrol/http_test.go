package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"missioncontrol/postgres/pgtest"
)

// selfSigned writes a certificate of that serial number and its key into dir.
func selfSigned(t testing.TB, dir string, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	return cert, key
}

// trusting is what a client needs to believe in the certificate of a file.
func trusting(t testing.TB, cert string) *tls.Config {
	t.Helper()
	b, err := os.ReadFile(cert)
	must(t, err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(b) {
		t.Fatal("no certificate")
	}
	return &tls.Config{RootCAs: roots}
}

// dialTLS opens a connection and says something, in HTTP/1.1.
func dialTLS(t testing.TB, addr string, config *tls.Config, says string) net.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, config)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(conn, says)
	must(t, err)
	return conn
}

// A server with a certificate speaks HTTP/2, whose streams outlive the limits
// by which those who send slowly are cut off.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	const limit = "300ms"
	files := pgtest.Dir(t)
	cert, key := selfSigned(t, files, 1)
	e := env{
		"DATA_DIR": pgtest.Dir(t), "DATABASE_URL": pgtest.Clone(t), "HTTP_ADDR": address(t), "LOCAL_AUTH_TOKEN": testToken,
		"TLS_CERT_FILE": cert, "TLS_KEY_FILE": key, "REQUEST_HEADER_TIMEOUT": limit, "REQUEST_BODY_TIMEOUT": limit,
		"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json",
	}
	p := launch(t, nil, e)
	transport := &http.Transport{TLSClientConfig: trusting(t, cert), ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	a := api{"https://" + e["HTTP_ADDR"], testToken, &http.Client{Transport: transport}}
	eventually(t, patience, "the server is ready", func() bool {
		if p.over() {
			t.Fatal(p.stderr.String())
		}
		resp, err := a.http.Get(a.base + "/readyz?secret-word")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK && resp.ProtoMajor == 2
	})
	if line := p.banner()[0]; !strings.Contains(line, a.base) {
		t.Errorf("announced %q, want %s", line, a.base)
	}

	board, _ := a.board(t, "secure")
	req, err := http.NewRequestWithContext(t.Context(), "GET", a.base+"/api/v1/boards/"+board+"/tasks/stream", nil)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+testToken)
	stream, err := a.http.Do(req)
	must(t, err)
	defer stream.Body.Close()
	if stream.ProtoMajor != 2 || stream.StatusCode != http.StatusOK {
		t.Fatal(stream.Proto, stream.StatusCode)
	}

	slowClients(t, a, e["HTTP_ADDR"], trusting(t, cert))
	a.task(t, board, "after all limits")
	for lines := bufio.NewScanner(stream.Body); ; {
		if !lines.Scan() {
			t.Fatal("the stream ended: ", lines.Err())
		}
		if strings.Contains(lines.Text(), "after all limits") {
			break
		}
	}

	selfSigned(t, files, 2)
	eventually(t, patience, "the new certificate is in use", func() bool {
		conn, err := tls.Dial("tcp", e["HTTP_ADDR"], trusting(t, cert))
		if err != nil {
			return false
		}
		defer conn.Close() //nolint:errcheck // nothing was sent
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64() == 2
	})
	log := p.stderr.String()
	for text, in := range map[string]bool{
		testToken: false, "secret-word": false, `"actor":"user/`: true, `"request_id":"`: true, `"message":"http.request.complete"`: true,
	} {
		if strings.Contains(log, text) != in {
			t.Errorf("that the log has %s is %v", text, !in)
		}
	}
}

// slowClients send less than they promise, over both versions of HTTP, or too
// much of what is not the body.
func slowClients(t *testing.T, a api, addr string, config *tls.Config) {
	t.Helper()
	const head = "POST /api/v1/boards HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + testToken + "\r\n"
	if got, err := io.ReadAll(dialTLS(t, addr, config, head)); err != nil || len(got) > 0 {
		t.Errorf("headers that do not end were answered %q, %v", got, err)
	}
	for name, says := range map[string]string{
		"body with a length": head + "Content-Length: 100\r\n\r\n{",
		"body in chunks":     head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
		"body for nothing":   strings.Replace(head, "/boards", "/auth/bootstrap", 1) + "Content-Length: 100\r\n\r\n{",
	} {
		got, err := io.ReadAll(dialTLS(t, addr, config, says))
		if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 408 ") || !strings.Contains(string(got), `"detail":"Request Timeout"`) {
			t.Errorf("%s was answered %q, %v", name, got, err)
		}
	}
	body, _ := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", a.base+"/api/v1/boards", body)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+testToken)
	resp, err := a.http.Do(req)
	must(t, err)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout || resp.ProtoMajor != 2 {
		t.Errorf("over HTTP/2 a body that does not come was answered %d %s", resp.StatusCode, resp.Proto)
	}

	conn := dialTLS(t, addr, config, "GET /health HTTP/1.1\r\nHost: x\r\n")
	go func() { _, _ = io.WriteString(conn, "X-A: "+strings.Repeat("a", 1<<20)+"\r\n\r\n") }()
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 431 ") {
		t.Errorf("headers of a megabyte were answered %q, %v", line, err)
	}
}

func TestBaseURLOverTLS(t *testing.T) {
	for name, c := range map[string]struct {
		listen listen
		want   string
	}{
		"with a certificate":     {listen{HTTPAddr: ":8443", TLSCert: "c", TLSKey: "k"}, "https://localhost:8443"},
		"without":                {listen{HTTPAddr: "127.0.0.1:8000"}, "http://127.0.0.1:8443"},
		"what is set goes first": {listen{HTTPAddr: ":8443", TLSCert: "c", TLSKey: "k", BaseURL: "https://mc.example/"}, "https://mc.example"},
	} {
		got, err := c.listen.baseURL(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8443})
		if err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, c.want)
		}
	}
}
