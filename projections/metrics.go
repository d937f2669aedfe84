package projections

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Dashboard is how work goes on some boards: now, over a span, and over the
// span before it.
type Dashboard struct {
	Range            string           `json:"range" enum:"24h,3d,7d,14d,1m,3m,6m,1y"`
	GeneratedAt      Time             `json:"generated_at"`
	KPIs             DashboardKPIs    `json:"kpis"`
	Throughput       DashboardCurves  `json:"throughput"`
	CycleTime        DashboardCurves  `json:"cycle_time"`
	ErrorRate        DashboardCurves  `json:"error_rate"`
	WIP              DashboardStocks  `json:"wip"`
	PendingApprovals DashboardWaiting `json:"pending_approvals"`
}

// DashboardKPIs are single figures.
type DashboardKPIs struct {
	ActiveAgents     int    `json:"active_agents"`
	TasksInProgress  int64  `json:"tasks_in_progress"`
	InboxTasks       int64  `json:"inbox_tasks"`
	InProgressTasks  int64  `json:"in_progress_tasks"`
	ReviewTasks      int64  `json:"review_tasks"`
	DoneTasks        int64  `json:"done_tasks"`
	ErrorRatePct     Float  `json:"error_rate_pct"`
	MedianCycleHours *Float `json:"median_cycle_time_hours_7d" required:"true"`
}

// DashboardCurves show a figure over a span and over the one before it.
type DashboardCurves struct {
	Primary    DashboardCurve `json:"primary"`
	Comparison DashboardCurve `json:"comparison"`
}

// DashboardCurve is a figure, step by step.
type DashboardCurve struct {
	Range  string           `json:"range" enum:"24h,3d,7d,14d,1m,3m,6m,1y"`
	Bucket string           `json:"bucket" enum:"hour,day,week,month"`
	Points []DashboardPoint `json:"points"`
}

// DashboardPoint is the figure of one step.
type DashboardPoint struct {
	Period Time  `json:"period"`
	Value  Float `json:"value"`
}

// DashboardStocks show how many tasks stood where, at the end of each step.
type DashboardStocks struct {
	Primary    DashboardStock `json:"primary"`
	Comparison DashboardStock `json:"comparison"`
}

// DashboardStock is how many tasks stood where, step by step.
type DashboardStock struct {
	Range  string                `json:"range" enum:"24h,3d,7d,14d,1m,3m,6m,1y"`
	Bucket string                `json:"bucket" enum:"hour,day,week,month"`
	Points []DashboardStockPoint `json:"points"`
}

// DashboardStockPoint is how many tasks stood where at the end of one step.
type DashboardStockPoint struct {
	Period     Time  `json:"period"`
	Inbox      int64 `json:"inbox"`
	InProgress int64 `json:"in_progress"`
	Review     int64 `json:"review"`
	Done       int64 `json:"done"`
}

// DashboardWaiting are the requests for approval that wait: all counted, the
// newest shown.
type DashboardWaiting struct {
	Total int                 `json:"total"`
	Items []DashboardApproval `json:"items"`
}

// DashboardApproval is a request for approval that waits.
type DashboardApproval struct {
	ApprovalID uuid.UUID `json:"approval_id"`
	BoardID    uuid.UUID `json:"board_id"`
	BoardName  string    `json:"board_name"`
	ActionType string    `json:"action_type"`
	Confidence Float     `json:"confidence"`
	CreatedAt  Time      `json:"created_at"`
	TaskTitle  *string   `json:"task_title"`
}

// Metrics tells how work goes, from what the log says of it.
type Metrics struct{ Reader }

// dashboardApprovals is how many requests a dashboard shows.
const dashboardApprovals = 10

// medianWindow is how far back the median of cycle times looks.
const medianWindow = 7 * 24 * time.Hour

// MetricsOf says which boards are shown.
type MetricsOf struct {
	Boards       []uuid.UUID
	Organization *uuid.UUID // that these boards are all of; nil: of part of one
}

// scopes are those whose counts add up to the boards'.
func (o MetricsOf) scopes() []uuid.UUID {
	if o.Organization != nil {
		return []uuid.UUID{*o.Organization}
	}
	return o.Boards
}

// Dashboard shows boards over a range that Dashboard.Range names, as far as this
// process knows the log. What it costs grows with the steps, and with the boards
// unless they are all of an organization.
func (m Metrics) Dashboard(ctx context.Context, of MetricsOf, rangeKey string) (Dashboard, error) {
	now := m.Store.Now()
	span := metricsSpanOf(rangeKey)
	q := dashboardQuery{now: now, since: now.Add(-span.window)}
	q.primary, q.comparison = span.windows(now)
	q.totals = make([]metricsTotals, len(q.primary.edges)+len(q.comparison.edges))
	q.waiting.Items = []DashboardApproval{}
	if len(of.Boards) > 0 {
		if err := m.Indexed.Reach(ctx, m.Store.Head()); err != nil {
			return Dashboard{}, err
		}
		if err := q.run(ctx, m.Reader, of); err != nil {
			return Dashboard{}, fmt.Errorf("projections: read metrics: %w", err)
		}
	}
	return q.view(rangeKey, span.bucket), nil
}

// dashboardQuery is what a dashboard asks, and what it is told.
type dashboardQuery struct {
	now, since          time.Time
	primary, comparison metricsWindow

	totals  []metricsTotals // at the edges of the one, then of the other
	cycles  []int64         // microseconds, of the last week
	agents  int             // seen since
	waiting DashboardWaiting
}

// run asks everything in one round trip.
func (q *dashboardQuery) run(ctx context.Context, r Reader, of MetricsOf) error {
	var batch pgx.Batch
	boards := of.Boards
	batch.Queue(`select t.n, coalesce(sum(h.completions), 0)::bigint, coalesce(sum(h.cycles), 0)::bigint, coalesce(sum(h.cycle_micros), 0)::bigint,
			coalesce(sum(h.events), 0)::bigint, coalesce(sum(h.failures), 0)::bigint, coalesce(sum(h.inbox), 0)::bigint,
			coalesce(sum(h.in_progress), 0)::bigint, coalesce(sum(h.review), 0)::bigint, coalesce(sum(h.done), 0)::bigint
		from unnest($2::timestamptz[]) with ordinality as t(edge, n) cross join unnest($1::uuid[]) as s(id)
			cross join lateral (select * from metrics_hours where scope = s.id and hour < t.edge order by hour desc limit 1) h
		group by t.n`, of.scopes(), slices.Concat(q.primary.edges, q.comparison.edges)).Query(q.readTotals)
	batch.Queue(`select micros from metrics_cycles where board_id = any($1) and hour >= $2`,
		boards, q.now.Add(-medianWindow).Truncate(time.Hour)).Query(q.readCycles)
	batch.Queue(`select count(*) from agents a left join agent_presence p on p.agent_id = a.id
		where a.board_id = any($1) and greatest(a.last_seen_at, p.last_seen_at) >= $2`, boards, q.since).
		QueryRow(func(row pgx.Row) error { return row.Scan(&q.agents) })
	batch.Queue(`select w.total, w.id, w.board_id, b.name, w.action_type, w.confidence, w.created_at, t.title
		from (select *, count(*) over () as total from approvals where status = 'pending' and board_id = any($1)
			order by created_at desc, id desc limit $2) w
		join boards b on b.id = w.board_id left join tasks t on t.id = w.task_ids[1]
		order by w.created_at desc, w.id desc`, boards, dashboardApprovals).Query(q.readWaiting)
	return r.DB.SendBatch(ctx, &batch).Close()
}

func (q *dashboardQuery) readTotals(rows pgx.Rows) error {
	var n int
	var t metricsTotals
	_, err := pgx.ForEachRow(rows, []any{
		&n, &t.completions, &t.cycles, &t.micros, &t.events, &t.failures, &t.inbox, &t.inProgress, &t.review, &t.done,
	}, func() error { q.totals[n-1] = t; return nil })
	return err
}

func (q *dashboardQuery) readCycles(rows pgx.Rows) error {
	var micros []byte
	_, err := pgx.ForEachRow(rows, []any{&micros}, func() error {
		for ; len(micros) >= 8; micros = micros[8:] {
			q.cycles = append(q.cycles, int64(binary.BigEndian.Uint64(micros)))
		}
		return nil
	})
	return err
}

func (q *dashboardQuery) readWaiting(rows pgx.Rows) error {
	var a DashboardApproval
	var confidence float64
	var created time.Time
	_, err := pgx.ForEachRow(rows, []any{
		&q.waiting.Total, &a.ApprovalID, &a.BoardID, &a.BoardName, &a.ActionType, &confidence, &created, &a.TaskTitle,
	}, func() error {
		shown := a
		shown.Confidence, shown.CreatedAt = Float(confidence), Time(created)
		q.waiting.Items = append(q.waiting.Items, shown)
		return nil
	})
	return err
}

func (q *dashboardQuery) view(rangeKey, bucket string) Dashboard {
	ofPrimary, ofComparison := q.totals[:len(q.primary.edges)], q.totals[len(q.primary.edges):]
	curves := func(value func(metricsTotals) float64) DashboardCurves {
		curve := func(w metricsWindow, at []metricsTotals) DashboardCurve {
			c := DashboardCurve{Range: rangeKey, Bucket: bucket}
			for i, p := range w.periods {
				c.Points = append(c.Points, DashboardPoint{Time(p), Float(value(at[i+1].since(at[i])))})
			}
			return c
		}
		return DashboardCurves{curve(q.primary, ofPrimary), curve(q.comparison, ofComparison)}
	}
	stock := func(w metricsWindow, at []metricsTotals) DashboardStock {
		s := DashboardStock{Range: rangeKey, Bucket: bucket}
		for i, p := range w.periods {
			n := at[i+1]
			s.Points = append(s.Points, DashboardStockPoint{Time(p), n.inbox, n.inProgress, n.review, n.done})
		}
		return s
	}
	first, last := ofPrimary[0], ofPrimary[len(ofPrimary)-1]
	return Dashboard{
		Range: rangeKey, GeneratedAt: Time(q.now),
		KPIs: DashboardKPIs{
			ActiveAgents: q.agents, TasksInProgress: last.inProgress, InboxTasks: last.inbox, InProgressTasks: last.inProgress,
			ReviewTasks: last.review, DoneTasks: last.done,
			ErrorRatePct: Float(last.since(first).errorRate()), MedianCycleHours: medianHours(q.cycles),
		},
		Throughput:       curves(func(n metricsTotals) float64 { return float64(n.completions) }),
		CycleTime:        curves(metricsTotals.meanHours),
		ErrorRate:        curves(metricsTotals.errorRate),
		WIP:              DashboardStocks{stock(q.primary, ofPrimary), stock(q.comparison, ofComparison)},
		PendingApprovals: q.waiting,
	}
}

// since is what was counted after an earlier moment.
func (n metricsTotals) since(earlier metricsTotals) metricsTotals {
	return metricsTotals{
		completions: n.completions - earlier.completions, cycles: n.cycles - earlier.cycles, micros: n.micros - earlier.micros,
		events: n.events - earlier.events, failures: n.failures - earlier.failures,
	}
}

func (n metricsTotals) errorRate() float64 {
	if n.events == 0 {
		return 0
	}
	return 100 * float64(n.failures) / float64(n.events)
}

const microsPerHour = 3600e6

func (n metricsTotals) meanHours() float64 {
	if n.cycles == 0 {
		return 0
	}
	return float64(n.micros) / float64(n.cycles) / microsPerHour
}

// medianHours is the middle of some lengths, or between the two in the middle;
// nil of none. It puts them into another order.
func medianHours(micros []int64) *Float {
	if len(micros) == 0 {
		return nil
	}
	half := len(micros) / 2
	middle := float64(selected(micros, half))
	if len(micros)%2 == 0 {
		middle = (middle + float64(slices.Max(micros[:half]))) / 2
	}
	hours := Float(middle / microsPerHour)
	return &hours
}

// selected is the value that sorting would put at k. Smaller ones stand before
// it then: a dashboard has no time to sort all work of a week.
func selected(values []int64, k int) int64 {
	low, high := 0, len(values)-1
	for low < high {
		pivot := values[low+(high-low)/2]
		i, j := low, high
		for i <= j {
			for values[i] < pivot {
				i++
			}
			for values[j] > pivot {
				j--
			}
			if i <= j {
				values[i], values[j] = values[j], values[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k <= j:
			high = j
		case k >= i:
			low = i
		default:
			return values[k]
		}
	}
	return values[k]
}
