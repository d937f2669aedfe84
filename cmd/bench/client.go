package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"strings"
	"syscall"
)

// client is a keep-alive connection that costs the machine little: what is
// measured shares the cores with it.
type client struct {
	conn  net.Conn
	in    *bufio.Reader
	out   []byte
	token string
}

func dial(ctx context.Context, addr string) (*client, error) { return dialBuffer(ctx, addr, 0) }

// dialBuffer asks for a receive buffer of so many bytes, 0 for the usual.
func dialBuffer(ctx context.Context, addr string, receive int) (*client, error) {
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		if receive == 0 {
			return nil
		}
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, receive)
		})
		return errors.Join(err, failed)
	}}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 8<<10), token: token}, nil
}

func (c *client) close() { _ = c.conn.Close() }

// request writes the head of a request with more header lines, and its body.
func (c *client) request(method, path, headers, body string) error {
	c.out = fmt.Appendf(c.out[:0], "%s %s HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nAuthorization: Bearer %s\r\n%s", method, path, c.token, headers)
	if method == "POST" {
		c.out = fmt.Appendf(c.out, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	c.out = append(append(c.out, "\r\n"...), body...)
	_, err := c.conn.Write(c.out)
	return err
}

// post returns the answer's body; any status but 200 is an error.
func (c *client) post(path, body, headers string) ([]byte, error) {
	return c.exchange("POST", path, headers, body)
}

// get is post for what is read.
func (c *client) get(path, headers string) ([]byte, error) {
	return c.exchange("GET", path, headers, "")
}

func (c *client) exchange(method, path, headers, body string) ([]byte, error) {
	if err := c.request(method, path, headers, body); err != nil {
		return nil, err
	}
	status, length, _, err := c.head()
	if err != nil {
		return nil, err
	}
	answer := make([]byte, length)
	if _, err := io.ReadFull(c.in, answer); err != nil {
		return nil, err
	}
	if status != "200" {
		return nil, fmt.Errorf("%s was answered %s: %s", path, status, answer)
	}
	return answer, nil
}

// head reads status and headers of an answer.
func (c *client) head() (status string, length int, chunked bool, err error) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return "", 0, false, err
	}
	if fields := strings.Fields(line); len(fields) > 1 {
		status = fields[1]
	}
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return "", 0, false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return status, length, chunked, nil
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return "", 0, false, err
			}
		case "Transfer-Encoding":
			chunked = true
		}
	}
}

// follow opens a stream of events and returns when it is open: at the end of
// its first message.
func (c *client) follow(path, headers string) error {
	if err := c.request("GET", path, headers, ""); err != nil {
		return err
	}
	status, _, chunked, err := c.head()
	if err != nil {
		return err
	}
	if status != "200" {
		return fmt.Errorf("%s was answered %s", path, status)
	}
	if chunked {
		c.in = bufio.NewReaderSize(httputil.NewChunkedReader(c.in), 4<<10)
	}
	_, err = c.message()
	return err
}

// message reads up to the next blank line and returns the id of an event, ""
// of what is none.
func (c *client) message() (id string, err error) {
	data, begins := false, true
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
		switch {
		case !begins:
		case len(line) == 1:
			if !data {
				id = ""
			}
			return id, nil
		case bytes.HasPrefix(line, []byte("id: ")):
			id = string(line[4 : len(line)-1])
		case bytes.HasPrefix(line, []byte("data: ")):
			data = true
		}
		begins = err == nil
	}
}

// position is the number at the end of an id.
func position(id string) int64 {
	seq, err := strconv.ParseInt(id[strings.LastIndexByte(id, '-')+1:], 10, 64)
	if err != nil {
		return -1
	}
	return seq
}
