package main

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// statements counts what the program asks the database, of which the append is
// no part: it goes past pgx's tracing.
type statements struct{ all atomic.Int64 }

// requestStatements is where the context of a counted request counts.
type requestStatements struct{}

func (s *statements) add(ctx context.Context, n int64) {
	s.all.Add(n)
	if request, ok := ctx.Value(requestStatements{}).(*atomic.Int64); ok {
		request.Add(n)
	}
}

// TraceQueryStart counts a statement.
func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.add(ctx, 1)
	return ctx
}

// TraceQueryEnd does nothing.
func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart counts the statements of a batch.
func (s *statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	s.add(ctx, int64(data.Batch.Len()))
	return ctx
}

// TraceBatchQuery does nothing.
func (s *statements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd does nothing.
func (s *statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// countHeader marks a request whose statements are counted.
const countHeader = "X-Bench-Count"

// counting tells each how many statements a marked request took.
func counting(next http.Handler, each func(int64)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(countHeader) == "" {
			next.ServeHTTP(w, r)
			return
		}
		var count atomic.Int64
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestStatements{}, &count)))
		each(count.Load())
	})
}
