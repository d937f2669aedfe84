package httpapi

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"missioncontrol/audit"
	"missioncontrol/audit/bundle"
	"missioncontrol/audit/export"
)

const exportsPath = v1 + "/audit/exports"

// exporting has the node sign its log and write exports; it returns the key.
func (n *node) exporting() string {
	n.t.Helper()
	signs(n.t, n.Store)
	key, err := audit.ParseKey(strings.Repeat("7a", 32))
	if err != nil {
		n.t.Fatal(err)
	}
	n.ExportDir = n.t.TempDir()
	w := export.Worker{
		Jobs: n.exports(), Trail: n.trail(), Proofs: n.proofs(), Key: key, Page: []byte("# Format\n"), Log: slog.New(slog.DiscardHandler),
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	n.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			n.t.Error(err)
		}
	})
	return key.Verifier(n.Store.Epoch())
}

// export asks for an export and fetches it when it is done.
func (x *tenant) export(query, body string) (export.Export, []byte) {
	t := x.n.t
	t.Helper()
	var e export.Export
	read := func(a answer) {
		if err := json.Unmarshal([]byte(a.body), &e); err != nil {
			t.Fatal(err)
		}
	}
	read(x.must("Ow", "POST", exportsPath+query, body))
	path := exportsPath + "/" + e.ID.String()
	eventually(t, 30*time.Second, "the export is done", func() bool {
		read(x.must("Ow", "GET", path, ""))
		if e.Status == "failed" {
			t.Fatal(*e.Problem)
		}
		return e.Status == "done"
	})
	return e, []byte(x.must("Ow", "GET", path+"/file", "").body)
}

// inBundle are the files of a bundle.
func inBundle(t testing.TB, packed []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(text)
	}
}

func (x *tenant) verifies(packed []byte, key string) bundle.Verdict {
	x.n.t.Helper()
	path := filepath.Join(x.n.t.TempDir(), "bundle.tar.gz")
	if err := os.WriteFile(path, packed, 0o600); err != nil {
		x.n.t.Fatal(err)
	}
	v, err := bundle.Verify(path, key)
	if err != nil {
		x.n.t.Fatal(err)
	}
	return v
}

// TestExportBundle: what an organization exports verifies, names people by id
// alone, and still does so after somebody was erased.
func TestExportBundle(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x, other := n.tenant("acme"), n.tenant("zebra")
	x.busy()
	other.busy()
	key := n.exporting()
	n.told()
	e, packed := x.export("", `{}`)
	v := x.verifies(packed, key)
	if v.Completeness != bundle.Complete || v.FirstOrgSeq != 1 || v.Entries != v.LastOrgSeq || v.Entries != e.Progress.Entries || !v.SignerChecked {
		t.Errorf("%+v of %+v", v, e)
	}
	files := inBundle(t, packed)
	for name, text := range files {
		if strings.Contains(text, "acme-ow") || strings.Contains(text, "zebra") {
			t.Errorf("%s names somebody: %s", name, text)
		}
	}
	for _, want := range []string{"| user " + x.userOf(t, "Ow") + " |", "| approved |", "## Access when the period ended", "| task.created |", "| " + x.userOf(t, "Ow") + " | owner | write |"} {
		if !strings.Contains(files["summary.md"], want) {
			t.Errorf("the summary lacks %q:\n%s", want, files["summary.md"])
		}
	}
	named := inBundle(t, second(x.export("?names=true", `{}`)))
	if people := named["people.csv"]; !strings.Contains(people, "acme-ow@example.org") || !strings.HasPrefix(people, "# Names as of this export.") || strings.Contains(people, "zebra") {
		t.Errorf("people.csv: %s", people)
	}
	x.tells(t, "Mw")
	x.must("Mw", "DELETE", v1+"/users/me", "")
	x.verifies(packed, key)
	later := second(x.export("?names=true", `{}`))
	x.verifies(later, key)
	if people := inBundle(t, later)["people.csv"]; strings.Contains(people, "acme-mw") {
		t.Errorf("somebody who was erased is named: %s", people)
	}
}

func second(_ export.Export, packed []byte) []byte { return packed }

// TestExportSelection: a filter makes a selection of what it lets through, from
// and to included, and each entry of it is proved.
func TestExportSelection(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	x.busy()
	key := n.exporting()
	packed := second(x.export("", `{"action":"task.","from":"3"}`))
	v := x.verifies(packed, key)
	if v.Completeness != bundle.Selection || v.Filters["action"] != "task." || v.Filters["from"] != "3" {
		t.Errorf("%+v", v)
	}
	lines := strings.Split(strings.TrimSuffix(inBundle(t, packed)["entries.ndjson"], "\n"), "\n")
	for _, line := range lines {
		if !strings.Contains(line, `"type":"task.`) {
			t.Errorf("a line of another type: %s", line)
		}
	}
	if int64(len(lines)) != v.Entries || v.Entries == 0 {
		t.Errorf("%d lines, %d entries", len(lines), v.Entries)
	}
	period := x.verifies(second(x.export("", `{"from":"5","to":"9"}`)), key)
	if period.Completeness != bundle.Complete || period.Entries == 0 || period.Entries > 5 {
		t.Errorf("%+v", period)
	}
	none := x.verifies(second(x.export("", `{"action":"nothing"}`)), key)
	if none.Entries != 0 {
		t.Errorf("%+v", none)
	}
}

// TestExportLines: CSV and OCSF hold a line for each entry, sealed values sealed.
func TestExportLines(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	x.busy()
	n.exporting()
	n.told()
	e, text := x.export("", `{"format":"csv"}`)
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || int64(len(rows)) != e.Progress.Entries+1 || rows[0][5] != "type" {
		t.Fatalf("%d rows of %+v: %v", len(rows), e, err)
	}
	e, text = x.export("", `{"format":"ocsf"}`)
	var n64 int64
	for line := range bytes.Lines(text) {
		n64++
		var event struct {
			Class int   `json:"class_uid"`
			Type  int   `json:"type_uid"`
			Time  int64 `json:"time"`
		}
		if err := json.Unmarshal(line, &event); err != nil || event.Type/100 != event.Class || event.Time == 0 {
			t.Fatalf("%v: %s", err, line)
		}
	}
	if n64 != e.Progress.Entries || bytes.Contains(text, []byte("acme-ow")) || !bytes.Contains(text, []byte("sealed:1:")) {
		t.Errorf("%d lines of %+v", n64, e)
	}
}

// TestExportIsRecorded: an export is in the log at once, with the request that
// asked for it; others cannot see or fetch it.
func TestExportIsRecorded(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x, other := n.tenant("acme"), n.tenant("zebra")
	n.exporting()
	asked := x.must("Ow", "POST", exportsPath, `{"format":"csv"}`)
	found := x.must("Ow", "GET", auditEvents+"?request_id="+asked.header.Get("X-Request-Id"), "")
	if !strings.Contains(found.body, `"audit.exported"`) {
		t.Error(found.body)
	}
	path := exportsPath + "/" + asked.text(t, "id")
	for _, p := range []string{path, path + "/file"} {
		if a := other.do("Ow", "GET", p, ""); a.status != 404 {
			t.Errorf("another organization gets %s: %d", p, a.status)
		}
	}
	for body, status := range map[string]int{`{"from":"9","to":"3"}`: 422, `{"from":"tomorrow"}`: 422, `{"format":"pdf"}`: 422, `{"from":"99999999"}`: 422} {
		if a := x.do("Ow", "POST", exportsPath, body); a.status != status {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
}
