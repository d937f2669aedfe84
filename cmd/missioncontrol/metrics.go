package main

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
)

// serveMetrics serves /metrics until ctx ends.
func (p *process) serveMetrics(ctx context.Context, g *errgroup.Group, listener net.Listener) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	p.figures(registry)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	g.Go(func() error { return ignoreClosed(server.Serve(listener)) })
	g.Go(func() error { <-ctx.Done(); return server.Close() })
}

// figures registers what this process counts.
func (p *process) figures(r prometheus.Registerer) {
	counter := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "missioncontrol", Name: name, Help: help}, value))
	}
	gauge := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "missioncontrol", Name: name, Help: help}, value))
	}
	counter("log_events_total", "Events appended by this process.", func() float64 { return float64(p.store.Stats().Events) })
	counter("log_batches_total", "Transactions that appended them.", func() float64 { return float64(p.store.Stats().Batches) })
	counter("log_conflicts_total", "Decisions made again because a fact changed.", func() float64 { return float64(p.store.Stats().Conflicts) })
	counter("log_lost_swaps_total", "Batches overtaken by another process.", func() float64 { return float64(p.store.Stats().LostSwaps) })
	gauge("log_waiting_commands", "Commands that wait for the committer.", func() float64 { return float64(p.store.Stats().Waiting) })
	gauge("log_head", "Position up to which this process knows the log.", func() float64 { return float64(p.store.Head()) })
	gauge("audit_log_agrees", "1, or 0 when the log is not what was written and signed.", func() float64 { return zeroIf(p.evidence.watch.Fault()) })
	gauge("audit_signing", "1, or 0 when this process should sign checkpoints and cannot.", func() float64 { return zeroIf(p.evidence.signer.Fault()) })
	gauge("streams_open", "Streams that clients follow.", func() float64 { return float64(p.hub.Stats().Streams) })
	gauge("streams_lag_seconds", "How far the streams may be behind the log.", func() float64 { return p.hub.Lag().Seconds() })
	counter("streams_frames_total", "Frames sent to clients.", func() float64 { return float64(p.hub.Stats().Delivered) })
	counter("streams_cut_off_total", "Streams ended because their client was too slow.", func() float64 { return float64(p.hub.Stats().CutOff) })
	counter("streams_holes_total", "Holes in what the bus told, read from the database.", func() float64 { return float64(p.hub.Stats().Holes) })
	counter("bus_sent_total", "Batches told to other processes.", func() float64 { return float64(p.bus.Stats().Sent) })
	counter("bus_dropped_total", "Batches not told, because NATS was away or slow.", func() float64 { return float64(p.bus.Stats().Dropped) })
	gauge("database_connections_in_use", "Connections that queries hold.", func() float64 { return float64(p.db.Stat().AcquiredConns()) })
}

func zeroIf(fault error) float64 {
	if fault != nil {
		return 0
	}
	return 1
}
