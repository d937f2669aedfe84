package processes

import (
	"context"
	"log/slog"
	"time"

	"missioncontrol/commands"
	"missioncontrol/domain/agent"
	"missioncontrol/projections"
)

const (
	watchEvery = 15 * time.Second
	watchRun   = 100 // silent agents handled at once
)

// Watch notices agents that have been silent for too long, and tells the log,
// until ctx ends. Any number of program instances may watch: only the first
// tells.
func Watch(ctx context.Context, agents commands.Agents, read projections.Reader, log *slog.Logger) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := watch(ctx, agents, read); err != nil && ctx.Err() == nil {
				log.Warn("presence.waits", "error", err)
			}
		}
	}
}

func watch(ctx context.Context, agents commands.Agents, read projections.Reader) error {
	now := read.Store.Now()
	silent, err := projections.Presences{Reader: read}.SilentSince(ctx, now.Add(-agent.Silence), watchRun)
	if err != nil {
		return err
	}
	for _, s := range silent {
		if err := agents.Miss(ctx, s, now); err != nil {
			return err
		}
	}
	return nil
}
