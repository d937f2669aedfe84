package eventstore

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// Table maps a row type to a table of the read model. Its rows are written by
// the append as arrays, one statement a table, whatever the number of rows; a
// row is encoded by the goroutine that decided it.
type Table struct {
	Name    string
	goType  reflect.Type
	columns []column
	keys    []int // columns that make up the key
	upsert  string
	insert  string // of keys that are not there
	remove  string
}

type column struct {
	name   string
	index  []int
	oid    uint32 // of the array element on the wire
	sql    string // element type on the wire
	cast   string // type of the column, when it differs from sql
	encode func(b []byte, v reflect.Value) []byte
}

// TableOf maps row type R, whose fields carry `db:"column"` tags, to a table
// with the given key columns.
func TableOf[R any](name string, keys ...string) *Table {
	t := &Table{Name: name, goType: reflect.TypeFor[R]()}
	for _, f := range reflect.VisibleFields(t.goType) {
		if tag := f.Tag.Get("db"); tag != "" && tag != "-" && !f.Anonymous {
			c := columnFor(f.Type)
			c.name, c.index = tag, f.Index
			t.columns = append(t.columns, c)
		}
	}
	for _, key := range keys {
		i := slices.IndexFunc(t.columns, func(c column) bool { return c.name == key })
		if i < 0 {
			panic(fmt.Sprintf("eventstore: table %s has no column %s", name, key))
		}
		t.keys = append(t.keys, i)
	}
	t.insert, t.remove = t.insertSQL(), t.removeSQL()
	t.upsert = t.insert + t.conflictSQL()
	return t
}

func (t *Table) insertSQL() string {
	var names, arrays, values []string
	for i, c := range t.columns {
		names = append(names, c.name)
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+1, c.sql))
		values = append(values, "u."+c.name+c.cast)
	}
	list := strings.Join(names, ", ")
	return fmt.Sprintf("insert into %s (%s) select %s from unnest(%s) as u(%s)",
		t.Name, list, strings.Join(values, ", "), strings.Join(arrays, ", "), list)
}

func (t *Table) conflictSQL() string {
	var sets []string
	for i, c := range t.columns {
		if !slices.Contains(t.keys, i) {
			sets = append(sets, c.name+" = excluded."+c.name)
		}
	}
	conflict := "nothing"
	if len(sets) > 0 {
		conflict = "update set " + strings.Join(sets, ", ")
	}
	return fmt.Sprintf(" on conflict (%s) do %s", strings.Join(t.keyNames(), ", "), conflict)
}

func (t *Table) removeSQL() string {
	var arrays, match []string
	for i, k := range t.keys {
		c := t.columns[k]
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+1, c.sql))
		match = append(match, fmt.Sprintf("r.%s = u.%s", c.name, c.name))
	}
	return fmt.Sprintf("delete from %s r using unnest(%s) as u(%s) where %s",
		t.Name, strings.Join(arrays, ", "), strings.Join(t.keyNames(), ", "), strings.Join(match, " and "))
}

func (t *Table) keyNames() []string {
	var names []string
	for _, k := range t.keys {
		names = append(names, t.columns[k].name)
	}
	return names
}

// SQLColumns lists the columns for a select.
func (t *Table) SQLColumns() string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

// Write is one row of a table, put or removed, encoded for the wire.
type Write struct {
	table   *Table
	key     string
	cells   [][]byte // one a column; of a removal, one a key column
	removed bool
}

// Put writes row (an R or *R of TableOf[R]), replacing the one of its key.
func (t *Table) Put(row any) Write {
	v := reflect.Indirect(reflect.ValueOf(row))
	if !v.CanAddr() { // encoders take addresses, which costs less than boxing each field
		copied := reflect.New(t.goType).Elem()
		copied.Set(v)
		v = copied
	}
	w := Write{table: t, cells: make([][]byte, len(t.columns))}
	buf := make([]byte, 0, 32*len(t.columns))
	for i, c := range t.columns {
		start := len(buf)
		buf = c.encode(buf, v.FieldByIndex(c.index))
		w.cells[i] = buf[start:len(buf):len(buf)]
	}
	for _, k := range t.keys {
		w.key += string(w.cells[k])
	}
	return w
}

// Remove removes the row with the key values of row.
func (t *Table) Remove(row any) Write {
	put := t.Put(row)
	w := Write{table: t, key: put.key, removed: true}
	for _, k := range t.keys {
		w.cells = append(w.cells, put.cells[k])
	}
	return w
}

// Type ids of Postgres for elements of arrays in binary form.
const (
	oidBool, oidBytea, oidInt8, oidInt4, oidText, oidFloat8 = 16, 17, 20, 23, 25, 701
	oidJSON, oidTimestamptz, oidUUID, oidJSONB              = 114, 1184, 2950, 3802
)

// columnFor chooses wire type and encoder for a Go type; pointers are nullable.
func columnFor(t reflect.Type) column {
	if t.Kind() == reflect.Pointer {
		c := columnFor(t.Elem())
		value := c.encode
		c.encode = func(b []byte, v reflect.Value) []byte {
			if v.IsNil() {
				return appendNull(b)
			}
			return value(b, v.Elem())
		}
		return c
	}
	switch t {
	case reflect.TypeFor[uuid.UUID]():
		return column{oid: oidUUID, sql: "uuid", encode: func(b []byte, v reflect.Value) []byte {
			return uuidCell(b, *v.Addr().Interface().(*uuid.UUID))
		}}
	case reflect.TypeFor[time.Time]():
		return column{oid: oidTimestamptz, sql: "timestamptz", encode: func(b []byte, v reflect.Value) []byte {
			return appendTime(b, *v.Addr().Interface().(*time.Time))
		}}
	case reflect.TypeFor[jsontext.Value]():
		// json, not jsonb: what people wrote keeps its order and its numbers.
		return column{oid: oidJSON, sql: "json", encode: func(b []byte, v reflect.Value) []byte {
			if v.IsNil() {
				return appendNull(b)
			}
			return append(binary.BigEndian.AppendUint32(b, uint32(v.Len())), v.Bytes()...)
		}}
	case reflect.TypeFor[[]byte]():
		return column{oid: oidBytea, sql: "bytea", encode: func(b []byte, v reflect.Value) []byte {
			if v.IsNil() {
				return appendNull(b)
			}
			return append(binary.BigEndian.AppendUint32(b, uint32(v.Len())), v.Bytes()...)
		}}
	case reflect.TypeFor[[]uuid.UUID]():
		return listColumn("::uuid[]", func(v reflect.Value) string { return v.Addr().Interface().(*uuid.UUID).String() })
	case reflect.TypeFor[[]string]():
		return listColumn("::text[]", func(v reflect.Value) string { return quoteElement(v.String()) })
	}
	return plainColumn(t)
}

func plainColumn(t reflect.Type) column {
	switch t.Kind() {
	case reflect.String:
		return column{oid: oidText, sql: "text", encode: func(b []byte, v reflect.Value) []byte {
			return append(binary.BigEndian.AppendUint32(b, uint32(v.Len())), v.String()...)
		}}
	case reflect.Bool:
		return column{oid: oidBool, sql: "boolean", encode: func(b []byte, v reflect.Value) []byte {
			b = binary.BigEndian.AppendUint32(b, 1)
			if v.Bool() {
				return append(b, 1)
			}
			return append(b, 0)
		}}
	case reflect.Int32:
		return column{oid: oidInt4, sql: "integer", encode: func(b []byte, v reflect.Value) []byte {
			return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, 4), uint32(v.Int()))
		}}
	case reflect.Int, reflect.Int64:
		return column{oid: oidInt8, sql: "bigint", encode: func(b []byte, v reflect.Value) []byte {
			return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(v.Int()))
		}}
	case reflect.Float64:
		return column{oid: oidFloat8, sql: "double precision", encode: func(b []byte, v reflect.Value) []byte {
			return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), math.Float64bits(v.Float()))
		}}
	default:
		panic(fmt.Sprintf("eventstore: no column type for %v", t))
	}
}

// listColumn sends a list as the text of an array: unnest would flatten an
// array of arrays.
func listColumn(cast string, element func(reflect.Value) string) column {
	return column{oid: oidText, sql: "text", cast: cast, encode: func(b []byte, v reflect.Value) []byte {
		if v.IsNil() {
			return appendNull(b)
		}
		var elements []string
		for i := range v.Len() {
			elements = append(elements, element(v.Index(i)))
		}
		text := "{" + strings.Join(elements, ",") + "}"
		return append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
	}}
}

func quoteElement(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func appendNull(b []byte) []byte { return binary.BigEndian.AppendUint32(b, math.MaxUint32) }

// postgresEpoch is the zero of Postgres' timestamps, which count microseconds.
const postgresEpoch = 946684800

func appendTime(b []byte, t time.Time) []byte {
	micros := (t.Unix()-postgresEpoch)*1e6 + int64(t.Nanosecond()/1e3)
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(micros))
}

// array frames encoded elements as a one-dimensional binary array.
func array(buf []byte, oid uint32, n int, cell func(b []byte, i int) []byte) []byte {
	for _, word := range [...]uint32{1, 1, oid, uint32(n), 1} { // dimensions, may hold nulls, element, length, lower bound
		buf = binary.BigEndian.AppendUint32(buf, word)
	}
	for i := range n {
		buf = cell(buf, i)
	}
	return buf
}
