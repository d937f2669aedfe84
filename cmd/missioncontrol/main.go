// Command missioncontrol runs the Mission Control server, and looks at one.
//
//	missioncontrol serve     the server and everything that it needs
//	missioncontrol tail      follow a stream of a server in the terminal
//	missioncontrol audit     look at the audit log of a server
//	missioncontrol rebuild   derive the read models from the log again
//	missioncontrol audit     check the log, and the keys that sign it
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/joho/godotenv"
)

// cli is the command line: flags, else environment, else .env, else defaults.
type cli struct {
	Log     logging    `embed:"" group:"Logs"`
	Serve   serveCmd   `cmd:"" default:"withargs" help:"Run the server with everything that it needs (the default)."`
	Tail    tailCmd    `cmd:"" help:"Follow a stream of a server in the terminal."`
	Rebuild rebuildCmd `cmd:"" help:"Derive the read models from the log again."`
	Audit   auditCmd   `cmd:"" help:"Check, replay and verify the log, and the keys that sign it."`
}

// gcPercent trades memory for less collecting: a busy server's heap is small
// and short-lived. GOGC, if set, wins.
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	asked := ctx.Err() != nil
	stop()
	if asked && errors.Is(err, context.Canceled) { // before it served: a stop like any other
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "missioncontrol:", err)
		status := 1
		if own, ok := errors.AsType[interface {
			error
			ExitCode() int
		}](err); ok {
			status = own.ExitCode()
		}
		os.Exit(status)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if err := godotenv.Load(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf(".env cannot be read: %w", err)
	}
	var c cli
	parser, err := kong.New(&c, kong.Name("missioncontrol"), kong.Writers(stdout, stderr),
		kong.Description("Boards of tasks, approvals and memory for people and AI agents: event-sourced and live."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}))
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if err != nil {
		return fmt.Errorf("%w (see missioncontrol --help)", err)
	}
	if err := c.Log.check(); err != nil {
		return err
	}
	log := c.Log.logger(stderr)
	command.BindTo(ctx, (*context.Context)(nil))
	command.Bind(log)
	command.Bind(output{stdout})
	return command.Run()
}

// output is where commands print what they were asked for; logs go elsewhere.
type output struct{ io.Writer }

// logging says how much is logged, and in which form.
type logging struct {
	LogLevel  string `help:"Lowest level that is logged: TRACE, DEBUG, INFO, WARNING, ERROR or a number." env:"LOG_LEVEL" default:"INFO"`
	LogFormat string `help:"text or json." env:"LOG_FORMAT" default:"text"`
	LogUTC    bool   `name:"log-use-utc" help:"Times of text logs in UTC; json always is." env:"LOG_USE_UTC"`
}

func (l logging) check() error {
	if l.LogFormat != "text" && l.LogFormat != "json" {
		return fmt.Errorf("LOG_FORMAT must be text or json, not %q", l.LogFormat)
	}
	return nil
}

func (l logging) logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: level(l.LogLevel), ReplaceAttr: l.named}
	var handler slog.Handler = slog.NewTextHandler(w, options)
	if l.LogFormat == "json" {
		handler = slog.NewJSONHandler(w, options)
	}
	return slog.New(handler).With("app", "mission-control", "version", version)
}

// named gives what stands in every line the names and forms that operators of
// the original know.
func (l logging) named(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	json := l.LogFormat == "json"
	switch {
	case a.Key == slog.TimeKey && json:
		return slog.Time("timestamp", a.Value.Time().UTC())
	case a.Key == slog.TimeKey && l.LogUTC:
		return slog.Time(slog.TimeKey, a.Value.Time().UTC())
	case a.Key == slog.MessageKey && json:
		a.Key = "message"
	case a.Key == slog.LevelKey:
		switch a.Value.Any() {
		case slog.LevelDebug - 4:
			a.Value = slog.StringValue("TRACE")
		case slog.LevelWarn:
			a.Value = slog.StringValue("WARNING")
		}
	}
	return a
}

// level reads a level by name or number; an unknown name means INFO.
func level(text string) slog.Level {
	levels := map[string]slog.Level{
		"TRACE": slog.LevelDebug - 4, "DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo,
		"WARNING": slog.LevelWarn, "WARN": slog.LevelWarn, "ERROR": slog.LevelError, "CRITICAL": slog.LevelError,
		// The numbers that operators of the original know.
		"5": slog.LevelDebug - 4, "10": slog.LevelDebug, "20": slog.LevelInfo, "30": slog.LevelWarn, "40": slog.LevelError,
	}
	return levels[text]
}

// version is what logs and the API description call this program.
const version = "0.1.0"
