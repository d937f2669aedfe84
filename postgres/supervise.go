package postgres

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// Run watches postgres until ctx is done, and starts it again when it ends. It
// returns when postgres has stopped and the directory is free.
func (s *Server) Run(ctx context.Context) error {
	defer s.release()
	pause := firstPause
	for {
		p := s.running()
		select {
		case <-ctx.Done():
			p.stop()
			s.log.Info("PostgreSQL has stopped")
			return nil
		case <-p.done:
		}
		if time.Since(p.began) > steady {
			pause = firstPause
		}
		s.log.Error("PostgreSQL has ended and is started again", "pid", p.pid(), "reason", p.err)
		if pause = s.restart(ctx, pause); ctx.Err() != nil {
			return nil
		}
	}
}

const (
	firstPause  = 50 * time.Millisecond
	longestWait = 2 * time.Second
	// A postgres that ran this long does not die at every start.
	steady = 10 * time.Second
)

// restart tries until postgres answers or ctx is done, and returns the pause
// that the next restart should begin with.
func (s *Server) restart(ctx context.Context, pause time.Duration) time.Duration {
	for {
		select {
		case <-ctx.Done():
			return pause
		case <-time.After(pause):
		}
		pause = min(2*pause, longestWait)
		err := s.launch(ctx)
		if err == nil || ctx.Err() != nil {
			return pause
		}
		s.log.Error("PostgreSQL cannot be started again yet", "reason", err)
	}
}

func (s *Server) release() {
	if filepath.Dir(s.cluster.socket) != s.cluster.dataDir {
		_ = os.Remove(s.cluster.socket) // if postgres has left it empty
	}
	if err := s.lock.Close(); err != nil {
		s.log.Warn("the lock of DATA_DIR could not be released", "reason", err)
	}
}
