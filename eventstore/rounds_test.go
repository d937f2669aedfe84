package eventstore_test

import (
	"context"
	"os"
	"strconv"
	"testing"
)

// rounds is how often a race is run: n, or n times what ROUNDS asks for.
func rounds(t testing.TB, n int) int {
	t.Helper()
	text := os.Getenv("ROUNDS")
	if text == "" {
		return n
	}
	factor, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("ROUNDS must be a number, not %q", text)
	}
	return n * factor
}

func (p *process) db(ctx context.Context, sql string, into any, args ...any) error {
	return p.pool.QueryRow(ctx, sql, args...).Scan(into)
}
