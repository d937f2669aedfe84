package postgres

import (
	"context"
	"os"
	"testing"
	"time"
)

func TestSaysReady(t *testing.T) {
	dir, err := os.MkdirTemp("", "missioncontrol-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	server, err := Start(t.Context(), Config{DataDir: dir, BinDir: os.Getenv("PG_BIN"), Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	// postgres writes the line a moment after it has begun to answer.
	for deadline := time.Now().Add(5 * time.Second); !server.cluster.saysReady(); {
		if time.Now().After(deadline) {
			t.Fatal("a server that answers does not say so")
		}
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Run(done); err != nil || server.cluster.saysReady() {
		t.Errorf("after the end: %v", err)
	}
}
