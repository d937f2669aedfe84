package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"missioncontrol/streams"
)

// auditReplayCmd shows a replay, one line an entry.
type auditReplayCmd struct {
	access
	From   string            `help:"Where to begin: a position or a time (2026-11-21T17:00:00Z). Default: the beginning."`
	To     string            `help:"Where to end. Default: never."`
	Speed  string            `help:"How many times as fast as it happened: 1x to 1000x, or max." default:"max"`
	Filter map[string]string `help:"What to show: actor_id, actor_type, action, ref, board_id, outcome, request_id." placeholder:"NAME=VALUE"`
	JSON   bool              `name:"json" help:"One JSON object a line: id, event, data."`
}

// errShown ends a replay that has an end.
var errShown = errors.New("everything was shown")

// Run prints entries until the replay or ctx ends.
func (c *auditReplayCmd) Run(ctx context.Context, _ *slog.Logger, out output) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	printer := printer{out: out, color: c.colored(out)}
	show := printer.entry
	if c.JSON {
		show = printer.json
	}
	err = streams.Follow(ctx, config, func(e streams.Event) error {
		if e.Name == "end" {
			return errShown
		}
		return show(e)
	})
	if errors.Is(err, context.Canceled) || errors.Is(err, errShown) {
		return nil
	}
	return err
}

func (c *auditReplayCmd) config() (streams.ClientConfig, error) {
	config := streams.ClientConfig{Header: http.Header{}, Retrying: func(cause error, wait time.Duration) {
		fmt.Fprintf(os.Stderr, "%v; again in %.1f s\n", cause, wait.Seconds())
	}}
	u, err := absolute(c.Server)
	if err != nil {
		return config, err
	}
	query := url.Values{"speed": {c.Speed}}
	for name, value := range map[string]string{"from": c.From, "to": c.To} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, value := range c.Filter {
		if !slices.Contains(replayFilters(), name) {
			return config, fmt.Errorf("--filter %s is none of %s", name, strings.Join(replayFilters(), ", "))
		}
		query.Set(name, value)
	}
	u = u.JoinPath("api/v1/audit/replay")
	u.RawQuery = query.Encode()
	config.URL = u.String()
	token, err := c.token()
	config.Header.Set("Authorization", "Bearer "+token)
	return config, err
}

// replayFilters are what a replay can be filtered by.
func replayFilters() []string {
	return []string{"actor_id", "actor_type", "action", "ref", "board_id", "outcome", "request_id"}
}

// entry prints when, who and what.
func (p printer) entry(e streams.Event) error {
	var shown struct {
		Recorded time.Time `json:"recorded"`
		Type     string    `json:"type"`
		Outcome  string    `json:"outcome"`
		Sentence string    `json:"sentence"`
		Actor    struct {
			Type string  `json:"type"`
			Name *string `json:"name"`
		} `json:"actor"`
	}
	if err := json.Unmarshal(e.Data, &shown); err != nil || shown.Type == "" {
		return p.line(e) // a reset
	}
	who := shown.Actor.Type
	if shown.Actor.Name != nil {
		who = *shown.Actor.Name
	}
	color := "0"
	if shown.Outcome != "ok" {
		color = "31"
	}
	_, err := fmt.Fprintf(p.out, "%s  %s  %s\n", p.paint("2", shown.Recorded.Local().Format(time.DateTime)), p.paint("36", printable(who)),
		p.paint(color, printable(shown.Sentence)))
	return err
}
