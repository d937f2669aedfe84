package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"missioncontrol/streams"
)

// tailCmd follows a stream of a server.
type tailCmd struct {
	Stream string `arg:"" help:"What to follow: boards/ID/tasks, boards/ID/memory, or the path of any stream."`
	access
	AgentToken string `help:"Token of an agent, instead of a user's." env:"AGENT_TOKEN"`
	From       string `help:"Where to begin: a position (EPOCH-SEQ) or a time (2026-11-21T17:00:00Z). Default: now."`
	JSON       bool   `name:"json" help:"One JSON object a line: id, event, data."`
}

// access is how a command reaches a server, and shows what it says.
type access struct {
	Server  string `help:"The server." env:"BASE_URL" default:"http://127.0.0.1:8000"`
	Token   string `help:"Token of a user. Default: the one kept in DATA_DIR." env:"LOCAL_AUTH_TOKEN"`
	DataDir string `help:"Directory where the server keeps its token." env:"DATA_DIR" placeholder:"DIR"`
	NoColor bool   `help:"No colours, not even on a terminal; the same as setting NO_COLOR."`
}

// colored tells whether to write colours.
func (a access) colored(out output) bool {
	return !a.NoColor && os.Getenv("NO_COLOR") == "" && isTerminal(out.Writer)
}

// Run prints events until ctx ends. It connects again by itself, and goes on
// exactly where it was.
func (t *tailCmd) Run(ctx context.Context, _ *slog.Logger, out output) error {
	config, err := t.config()
	if err != nil {
		return err
	}
	config.Retrying = func(cause error, wait time.Duration) {
		fmt.Fprintf(os.Stderr, "%v; again in %.1f s\n", cause, wait.Seconds())
	}
	printer := printer{out: out, color: t.colored(out)}
	show := printer.line
	if t.JSON {
		show = printer.json
	}
	err = streams.Follow(ctx, config, show)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (t *tailCmd) config() (streams.ClientConfig, error) {
	c := streams.ClientConfig{Header: http.Header{}}
	path := strings.TrimSuffix(strings.TrimPrefix(strings.Trim(t.Stream, "/"), "api/v1/"), "/stream")
	u, err := absolute(t.Server)
	if err != nil {
		return c, err
	}
	u = u.JoinPath("api/v1", path, "stream")
	if _, err := streams.ParsePosition(t.From); err == nil {
		c.LastEventID = t.From
	} else if t.From != "" {
		if _, given, ok := streams.ParseSince(t.From); !given || !ok {
			return c, fmt.Errorf("--from %q is neither a position (EPOCH-SEQ) nor a time (2026-11-21T17:00:00Z)", t.From)
		}
		u.RawQuery = url.Values{"since": {t.From}}.Encode()
	}
	c.URL = u.String()
	if t.AgentToken != "" {
		c.Header.Set("X-Agent-Token", t.AgentToken)
		return c, nil
	}
	token, err := t.token()
	c.Header.Set("Authorization", "Bearer "+token)
	return c, err
}

func (a access) token() (string, error) {
	if a.Token != "" {
		return a.Token, nil
	}
	dir, err := state{DataDir: a.DataDir}.dataDir()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(dir, localTokenFile))
	if err != nil {
		return "", fmt.Errorf("no token: set LOCAL_AUTH_TOKEN, or DATA_DIR to the server's (%w)", err)
	}
	return strings.TrimSpace(string(text)), nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// printer writes events for people or programs.
type printer struct {
	out   io.Writer
	color bool
}

// shown is what a line for people is made of; every stream carries some of it.
type shown struct {
	Type     string `json:"type"`
	Activity struct {
		Message   string  `json:"message"`
		AgentID   *string `json:"agent_id"`
		CreatedAt string  `json:"created_at"`
	} `json:"activity"`
	Memory struct {
		Content   string  `json:"content"`
		Source    *string `json:"source"`
		CreatedAt string  `json:"created_at"`
	} `json:"memory"`
}

// line prints time, who and what.
func (p printer) line(e streams.Event) error {
	var s shown
	at, who, what := "", "", string(e.Data)
	if err := json.Unmarshal(e.Data, &s); err == nil {
		switch {
		case s.Activity.CreatedAt != "":
			at, who, what = s.Activity.CreatedAt, "user", s.Activity.Message
			if s.Activity.AgentID != nil {
				who = "agent " + *s.Activity.AgentID
			}
		case s.Memory.CreatedAt != "":
			at, who, what = s.Memory.CreatedAt, "note", s.Memory.Content
			if s.Memory.Source != nil {
				who = *s.Memory.Source
			}
		}
	}
	_, err := fmt.Fprintf(p.out, "%s  %s  %s\n", p.paint("2", local(at)), p.paint("36", printable(who)), printable(what))
	return err
}

// printable keeps what people wrote from driving the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return ' '
		}
		return r
	}, text)
}

// local turns a time of the API, UTC without a zone, into the terminal's.
func local(at string) string {
	t, err := time.Parse("2006-01-02T15:04:05.999999", at)
	if err != nil {
		return time.Now().Format("15:04:05.000")
	}
	return t.Local().Format("15:04:05.000")
}

func (p printer) paint(code, text string) string {
	if !p.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p printer) json(e streams.Event) error {
	data := jsontext.Value(e.Data)
	if !data.IsValid() {
		data, _ = jsontext.AppendQuote(nil, string(e.Data))
	}
	line, err := json.Marshal(struct {
		ID    string         `json:"id"`
		Event string         `json:"event"`
		Data  jsontext.Value `json:"data"`
	}{e.ID, e.Name, data})
	if err != nil {
		return err
	}
	_, err = p.out.Write(append(line, '\n'))
	return err
}
