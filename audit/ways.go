package audit

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// search finds the positions of one part, low < seq ≤ high. It goes along the
// index of one filter, in order, and looks at each row whether the others let
// it through.
type search struct {
	db        *pgxpool.Pool
	order     Order
	low, high int64
	args      pgx.NamedArgs
	orgs      []string // their arguments
	ways      []way    // one a filter, those first that mostly have few rows
}

// way is one filter: what it asks of a row, and how its own rows are found.
type way struct {
	condition string
	branches  []string // conditions, each of which finds rows in order; nil: it has no index
	kind      wayKind
}

type wayKind int

const (
	inOrg      wayKind = iota // its index begins with the organization
	acrossOrgs                // its index does not
	byRef                     // its index is event_refs
)

func newSearch(db *pgxpool.Pool, f Filter, order Order, low, high int64) *search {
	s := &search{db: db, order: order, low: low, high: high, args: pgx.NamedArgs{"low": low, "high": high, "orgs": f.Orgs}}
	for i, org := range f.Orgs {
		s.orgs = append(s.orgs, s.arg("org"+strconv.Itoa(i), org))
	}
	if f.RequestID != "" {
		condition := "request = " + s.arg("request", *requestKey(f.RequestID))
		s.ways = append(s.ways, way{condition, []string{condition}, acrossOrgs})
	}
	if f.Ref != nil {
		condition := "ref = " + s.arg("ref", *f.Ref)
		s.ways = append(s.ways, way{"exists (select from event_refs r where r.seq = s.seq and r." + condition + ")", []string{condition}, byRef})
	}
	switch f.Outcome {
	case "":
	case "ok": // nearly everything: it has no index
		s.ways = append(s.ways, way{condition: "outcome = 'ok'"})
	default:
		s.add("outcome <> 'ok' and outcome = " + s.arg("outcome", f.Outcome)) // as the index is declared
	}
	if f.Actor != nil {
		s.add("actor = " + s.arg("actor", *f.Actor))
	}
	if f.Board != nil {
		s.add("board = " + s.arg("board", *f.Board))
	}
	if f.Types != nil {
		s.ways = append(s.ways, s.types(f.Types))
	}
	if f.ActorType != "" {
		s.add("actor_type = " + s.arg("actor_type", string(f.ActorType)))
	}
	return s
}

func (s *search) arg(name string, v any) string {
	s.args[name] = v
	return "@" + name
}

func (s *search) add(condition string) {
	s.ways = append(s.ways, way{condition, s.inEach(condition), inOrg})
}

func (s *search) types(names []string) way {
	w := way{condition: "type = any(" + s.arg("types", names) + ")"}
	for i, name := range names {
		w.branches = append(w.branches, s.inEach("type = "+s.arg("type"+strconv.Itoa(i), name))...)
	}
	return w
}

// inEach repeats a condition for each organization: rows are in order only
// within one.
func (s *search) inEach(condition string) (branches []string) {
	for _, org := range s.orgs {
		branches = append(branches, "org = "+org+" and "+condition)
	}
	return branches
}

// run finds at most limit positions.
func (s *search) run(ctx context.Context, limit int) (seqs []int64, found Found, err error) {
	end := s.high
	if s.order == Descending {
		end = s.low + 1
	}
	along, hits, err := s.choose(ctx)
	if err != nil {
		return nil, Found{}, err
	}
	cost := limit + 1
	if hits != "" {
		cost = max(mostScanned, cost)
	}
	scan := s.scan(along, cost)
	rows, err := s.db.Query(ctx, fmt.Sprintf("select seq from (%s) s%s order by seq %s limit %d", scan, hits, s.order, limit+1), s.args)
	if err == nil {
		seqs, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	}
	switch {
	case err != nil:
		return nil, Found{}, fmt.Errorf("audit: search the trail: %w", err)
	case len(seqs) > limit:
		return seqs[:limit], Found{Through: seqs[limit-1], More: true}, nil
	case hits == "":
		return seqs, Found{Through: end}, nil
	}
	// Was that all, or only all that one part may cost?
	var n int
	var low, high *int64
	if err := s.db.QueryRow(ctx, "select count(*), min(seq), max(seq) from ("+scan+") s", s.args).Scan(&n, &low, &high); err != nil {
		return nil, Found{}, fmt.Errorf("audit: search the trail: %w", err)
	}
	switch {
	case n < cost:
		return seqs, Found{Through: end}, nil
	case s.order == Descending:
		return seqs, Found{Through: *low, More: true}, nil
	default:
		return seqs, Found{Through: *high, More: true}, nil
	}
}

// choose takes the way along the filter that has the fewest rows, and returns
// what the others ask of them.
func (s *search) choose(ctx context.Context) (along way, hits string, err error) {
	indexed := slices.DeleteFunc(slices.Clone(s.ways), func(w way) bool { return w.branches == nil })
	if len(s.ways) != 1 || len(indexed) == 0 {
		indexed = append(indexed, way{branches: s.inEach("true")})
	}
	at := 0
	if len(indexed) > 1 {
		if at, err = s.fewest(ctx, indexed); err != nil {
			return way{}, "", err
		}
	}
	along = indexed[at]
	var asked []string
	if along.kind != inOrg {
		asked = append(asked, "org = any(@orgs)")
	}
	for _, w := range s.ways {
		if w.condition != along.condition {
			asked = append(asked, w.condition)
		}
	}
	if len(asked) > 0 {
		hits = " where " + strings.Join(asked, " and ")
	}
	return along, hits, nil
}

// fewest asks which way has the fewest rows; of those with many, the first.
func (s *search) fewest(ctx context.Context, ways []way) (int, error) {
	counts := make([]string, len(ways))
	for i, w := range ways {
		counts[i] = "(select count(*) from (" + s.scan(w, probed) + ") c)"
	}
	var found []int64
	if err := s.db.QueryRow(ctx, "select array["+strings.Join(counts, ", ")+"]", s.args).Scan(&found); err != nil {
		return 0, fmt.Errorf("audit: compare filters: %w", err)
	}
	return slices.Index(found, slices.Min(found)), nil
}

// scan is the statement that reads at most limit rows along a way, in order.
func (s *search) scan(w way, limit int) string {
	const columns = "org, seq, actor, board, request, actor_type, type, outcome"
	within := fmt.Sprintf(" and seq > @low and seq <= @high order by seq %s limit %d", s.order, limit)
	if w.kind == byRef { // one by one, so that it stops when the page is full
		return "select a.org, r.seq, actor, board, request, actor_type, type, outcome from (select seq from event_refs where " +
			w.branches[0] + within + ") r left join lateral (select * from audit_events e where e.org = any(@orgs) and e.seq = r.seq limit 1) a" +
			" on true order by r.seq " + string(s.order)
	}
	parts := make([]string, len(w.branches))
	for i, branch := range w.branches {
		parts[i] = "(select " + columns + " from audit_events where " + branch + within + ")"
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return fmt.Sprintf("select %s from (%s) b order by seq %s limit %d", columns, strings.Join(parts, " union all "), s.order, limit)
}
