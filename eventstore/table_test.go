package eventstore_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
)

type named string

// everyType has a column of each Go type that a row may have.
type everyType struct {
	ID      uuid.UUID      `db:"id"`
	Second  string         `db:"second"`
	Text    string         `db:"text_"`
	Named   named          `db:"named"`
	Bool    bool           `db:"bool_"`
	Int     int            `db:"int_"`
	Int32   int32          `db:"int32_"`
	Int64   int64          `db:"int64_"`
	Float   float64        `db:"float_"`
	Time    time.Time      `db:"time_"`
	JSON    jsontext.Value `db:"json_"`
	Bytes   []byte         `db:"bytes_"`
	IDs     []uuid.UUID    `db:"ids"`
	Texts   []string       `db:"texts"`
	PText   *string        `db:"p_text"`
	PNamed  *named         `db:"p_named"`
	PBool   *bool          `db:"p_bool"`
	PInt    *int           `db:"p_int"`
	PFloat  *float64       `db:"p_float"`
	PTime   *time.Time     `db:"p_time"`
	PID     *uuid.UUID     `db:"p_id"`
	Ignored chan int
}

const everyTypeSQL = `create table every_type (id uuid, second text, text_ text not null, named text not null, bool_ boolean not null,
	int_ bigint not null, int32_ integer not null, int64_ bigint not null, float_ double precision not null, time_ timestamptz not null,
	json_ json, bytes_ bytea, ids uuid[], texts text[], p_text text, p_named text, p_bool boolean, p_int bigint, p_float double precision,
	p_time timestamptz, p_id uuid, primary key (id, second))`

var everyTable = eventstore.TableOf[everyType]("every_type", "id", "second")

func maybe[T any](t *rapid.T, g *rapid.Generator[T], label string) *T {
	if rapid.Bool().Draw(t, label+" null") {
		return nil
	}
	v := g.Draw(t, label)
	return &v
}

func someRow(t *rapid.T) everyType {
	texts := rapid.OneOf(rapid.SampledFrom([]string{"", "NULL", "null", `"`, `\`, `\\"`, ",", "{}", "{a,b}", " a ", "a\nb\t", "😀", "\u2028", "'; drop table x"}),
		rapid.Map(rapid.String(), func(s string) string { return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "") }))
	ids := rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) uuid.UUID { return uuid.UUID(b) })
	times := rapid.Map(rapid.Int64Range(-62135596800000000, 253402300799999999), func(n int64) time.Time { return time.UnixMicro(n).UTC() })
	floats := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, math.SmallestNonzeroFloat64}))
	names := rapid.Map(texts, func(s string) named { return named(s) })
	r := everyType{
		ID: ids.Draw(t, "id"), Second: texts.Draw(t, "second"), Text: texts.Draw(t, "text"), Named: names.Draw(t, "named"),
		Bool: rapid.Bool().Draw(t, "bool"), Int: rapid.Int().Draw(t, "int"), Int32: rapid.Int32().Draw(t, "int32"), Int64: rapid.Int64().Draw(t, "int64"),
		Float: floats.Draw(t, "float"), Time: times.Draw(t, "time"),
		JSON:  jsontext.Value(rapid.SampledFrom([]string{"", "null", "0", `"\u0000"`, `{"b":1,"a":[1.50,1e400]}`, `[ 1 , {} ]`, `"😀\n"`}).Draw(t, "json")),
		PText: maybe(t, texts, "p text"), PNamed: maybe(t, names, "p named"), PBool: maybe(t, rapid.Bool(), "p bool"), PInt: maybe(t, rapid.Int(), "p int"),
		PFloat: maybe(t, floats, "p float"), PTime: maybe(t, times, "p time"), PID: maybe(t, ids, "p id"),
	}
	if len(r.JSON) == 0 {
		r.JSON = nil
	}
	if rapid.Bool().Draw(t, "lists") {
		r.Bytes = rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		r.IDs = rapid.SliceOfN(ids, 0, 3).Draw(t, "ids")
		r.Texts = rapid.SliceOfN(texts, 0, 4).Draw(t, "texts")
	}
	return r
}

// TestTableRoundTrip: rows of every supported type are written as arrays and
// read back the same, the last of each key; removed ones are gone.
func TestTableRoundTrip(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), pgtest.Clone(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), everyTypeSQL); err != nil {
		t.Fatal(err)
	}
	loader := eventstore.NewLoader(conn.PgConn())
	type key struct {
		id     uuid.UUID
		second string
	}
	rapid.Check(t, func(rt *rapid.T) {
		if _, err := conn.Exec(t.Context(), "delete from every_type"); err != nil {
			rt.Fatal(err)
		}
		want := map[key]everyType{}
		var writes []eventstore.Write
		for range rapid.IntRange(1, 6).Draw(rt, "rows") {
			r := someRow(rt)
			if len(want) > 0 && rapid.Bool().Draw(rt, "again") {
				for k := range want {
					r.ID, r.Second = k.id, k.second
					break
				}
			}
			if rapid.IntRange(0, 4).Draw(rt, "remove") == 0 {
				delete(want, key{r.ID, r.Second})
				writes = append(writes, everyTable.Remove(&r))
				continue
			}
			want[key{r.ID, r.Second}] = r
			writes = append(writes, everyTable.Put(r))
			if rapid.Bool().Draw(rt, "flush") {
				if err := loader.Load(t.Context(), writes, nil); err != nil {
					rt.Fatal(err)
				}
				writes = nil
			}
		}
		if err := loader.Load(t.Context(), writes, nil); err != nil {
			rt.Fatal(err)
		}
		rows, err := conn.Query(t.Context(), "select "+everyTable.SQLColumns()+" from every_type")
		if err != nil {
			rt.Fatal(err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByNameLax[everyType])
		if err != nil {
			rt.Fatal(err)
		}
		got := map[key]everyType{}
		for _, r := range found {
			r.Time = r.Time.UTC()
			got[key{r.ID, r.Second}] = r
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmp.AllowUnexported(key{}),
			cmpopts.IgnoreFields(everyType{}, "Ignored"), cmp.Comparer(func(a, b jsontext.Value) bool { return bytes.Equal(a, b) })); diff != "" {
			rt.Fatalf("rows read back otherwise (-written +read)\n%s", diff)
		}
	})
}
