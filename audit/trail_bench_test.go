package audit

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"missioncontrol/commands"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/projections"
)

// longLog are EVENTS entries (a million): tasks of four events each on 100
// boards, by 200 people and 50 agents; one in a thousand a memory, one in five
// thousand denied; nine of ten in one organization.
const longLog = `
	insert into events
	select seq, org, seq, stream, version, type, recorded, sha256('\x00'::bytea || entry), entry
	from (select *, convert_to(format('{"seq":%s,"id":"%s","org":"%s","org_seq":%s,"org_prev":"%s","stream":"%s","kind":"%s","version":%s,"type":"%s","sv":1,'
			'"time":"%s","recorded":"%s","actor":{"type":"%s","id":"%s","on_behalf_of":null,"auth":"local"},"ip":null,"user_agent":null,'
			'"request_id":"req-%s","causation_id":null,"correlation_id":null,"outcome":"%s","refs":["%s/%s","board/%s"],"body":%s}',
			seq, md5('event' || seq)::uuid, org, seq, repeat('0', 64), stream, kind, version, type, told, told, case when who < 200 then 'user' else 'agent' end,
			md5('actor' || who)::uuid, seq, case when seq % 5000 = 0 then 'denied' else 'ok' end, kind, stream, board, body), 'utf8') as entry
		from (select *, case when seq % 1000 = 0 then 'memory' else 'task' end as kind,
				case when seq % 1000 = 0 then 1 else 1 + (seq - 1) % 4 - ((seq - 1) / 4 * 4 + 1 <= seq / 1000 * 1000 and seq / 1000 * 1000 < seq and seq % 1000 < 4)::int end as version,
				md5(case when seq % 1000 = 0 then 'memory' || seq else 'task' || (seq - 1) / 4 end)::uuid as stream,
				case when seq % 1000 = 0 then 'memory.created' when (seq - 1) % 4 = 0 then 'task.created' else 'task.updated' end as type,
				case when (seq - 1) / 4 % 10 = 0 then md5('small')::uuid else md5('big')::uuid end as org,
				md5('board' || (seq - 1) / 4 % 100)::uuid as board, (seq * 7919) % 250 as who,
				timestamptz '2026-01-01' + seq * interval '1 second' as recorded,
				to_char(timestamp '2026-01-01' + seq * interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as told,
				case when seq % 1000 = 0 then '{"board_id":"' || md5('board' || (seq - 1) / 4 % 100)::uuid || '","content":"c","tags":null,"source":null,"is_chat":false}'
					when (seq - 1) % 4 = 0 then '{"board_id":"' || md5('board' || (seq - 1) / 4 % 100)::uuid || '","title":"Task ' || seq || '","description":null,'
						'"status":"inbox","priority":"high","due_at":null,"assigned_agent_id":null,"created_by_user_id":null}'
					else '{"title":"Title ' || seq || '"}' end as body
			from generate_series(1::bigint, $1) seq) e) e`

func longTrail(b *testing.B) (Trail, int64) {
	b.Helper()
	size := int64(1_000_000)
	if text := os.Getenv("EVENTS"); text != "" {
		var err error
		if size, err = strconv.ParseInt(text, 10, 64); err != nil {
			b.Fatal(err)
		}
	}
	db, err := pgxpool.New(b.Context(), pgtest.Clone(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(db.Close)
	began := time.Now()
	for _, sql := range []string{longLog, `insert into log_head (seq, epoch) values ($1, gen_random_uuid()) on conflict (one) do update set seq = excluded.seq`} {
		if _, err := db.Exec(b.Context(), sql, size); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d events made in %v", size, time.Since(began).Round(time.Millisecond))
	vault, err := eventstore.NewVault(db, make([]byte, eventstore.InstallationKeySize))
	if err != nil {
		b.Fatal(err)
	}
	store, err := eventstore.Open(b.Context(), eventstore.Config{
		DB: db, Vocabulary: commands.Vocabulary(), Vault: vault, Projector: projections.Projector{}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	t := Trail{projections.Reader{DB: db, Store: store, Indexed: eventstore.NewIndexer(store, eventstore.Refs(), Index())}}
	ctx, cancel := context.WithCancel(context.Background())
	var background errgroup.Group
	background.Go(func() error { return store.Run(ctx) })
	background.Go(func() error { return t.Indexed.Run(ctx) })
	b.Cleanup(func() {
		cancel()
		if err := background.Wait(); err != nil {
			b.Error(err)
		}
	})
	began = time.Now()
	for moved := t.Indexed.Moved(); t.Indexed.At() < size; moved = t.Indexed.Moved() {
		select {
		case <-moved:
		case <-time.After(time.Second):
		}
	}
	took := time.Since(began)
	var bytes int64
	if err := db.QueryRow(b.Context(), `select pg_total_relation_size('audit_events')`).Scan(&bytes); err != nil {
		b.Fatal(err)
	}
	b.Logf("indexed in %v, %.0f events/s; %d bytes an event", took.Round(time.Millisecond), float64(size)/took.Seconds(), bytes/size)
	return t, size
}

// BenchmarkTrail is what a page of 50 costs with each filter, at the beginning
// and deep in the log: its median must stay under 30 ms.
func BenchmarkTrail(b *testing.B) {
	t, size := longTrail(b)
	of := func(name string) *uuid.UUID {
		var id uuid.UUID
		if err := t.DB.QueryRow(b.Context(), `select md5($1)::uuid`, name).Scan(&id); err != nil {
			b.Fatal(err)
		}
		return &id
	}
	org := []uuid.UUID{*of("big")}
	for name, f := range map[string]Filter{
		"none": {}, "actor": {Actor: of("actor3")}, "agent": {ActorType: "agent"}, "board": {Board: of("board7")}, "type": {Types: []string{"memory.created"}},
		"prefix": {Types: []string{"task.created", "task.deleted", "task.status_changed", "task.updated", "task.comment"}},
		"denied": {Outcome: "denied"}, "ok": {Outcome: "ok"}, "ref": {Ref: of("board7")}, "request": {RequestID: fmt.Sprint("req-", size-38)},
		"actor+type": {Actor: of("actor3"), Types: []string{"memory.created"}}, "board+actor": {Board: of("board7"), Actor: of("actor3")},
		"ref+type": {Ref: of("board7"), Types: []string{"memory.created"}}, "agent+denied": {ActorType: "agent", Outcome: "denied"},
		"nothing in common": {Actor: of("actor249"), ActorType: "user"}, "a narrow time": {First: size / 2, Last: size/2 + 300, ActorType: "agent"},
		"also the system's": {Orgs: []uuid.UUID{org[0], uuid.Nil}},
	} {
		if f.Orgs == nil {
			f.Orgs = org
		}
		for where, after := range map[string]int64{"newest": 0, "deep": size / 10} {
			b.Run(name+"/"+where, func(b *testing.B) {
				var took []time.Duration
				var shown int
				for b.Loop() {
					began := time.Now()
					found, err := t.Find(b.Context(), f, Descending, after, 50)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := t.Show(b.Context(), found.Events); err != nil {
						b.Fatal(err)
					}
					took, shown = append(took, time.Since(began)), len(found.Events)
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(shown), "shown")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
