package httpapi

import (
	"io"
	"log/slog"
	"reflect"
	"testing"
)

const benchBody = `{"title":"Write the release notes","description":"Collect what changed since the last release and write it down for users.",` +
	`"status":"inbox","priority":"high","due_at":"2026-12-01T09:30:00Z","assigned_agent_id":"2c3563a3-d44b-47ba-8f91-619d55f32913",` +
	`"depends_on_task_ids":["45a2cedb-5632-4d34-9118-0658f22b462a","994f36d4-9cd5-4167-adf5-048d1bd70d1a"],` +
	`"tag_ids":["bc8d57ab-749f-48ff-af97-2c950b7a6f2e"],"custom_field_values":{"points":3,"ticket":"MC-17"}}`

// BenchmarkDecode reads the body of a new task, all members given.
func BenchmarkDecode(b *testing.B) {
	in := newInput(reflect.TypeFor[TaskCreate]())
	body := []byte(benchBody)
	b.ReportAllocs()
	for b.Loop() {
		var task TaskCreate
		faults, err := in.decode(body, reflect.ValueOf(&task).Elem())
		if err != nil || len(faults) > 0 {
			b.Fatal(err, faults)
		}
	}
}

// BenchmarkCreate goes the whole way of a request but for the socket.
func BenchmarkCreate(b *testing.B) {
	api, transport := &sampleAPI{}, sampleTransport(io.Discard)
	transport.Log = slog.New(slog.DiscardHandler)
	handler := transport.mount(api.routes(), vocabulary{})
	b.ReportAllocs()
	for b.Loop() {
		if w := serve(handler, "POST", "/api/v1/boards/69a1d640-7557-4e2e-a5c6-33abd18ad02c/tasks", "application/json", benchBody); w.Code != 200 {
			b.Fatal(w.Body)
		}
		api.created = api.created[:0]
	}
}
