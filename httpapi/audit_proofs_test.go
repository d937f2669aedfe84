package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	signednote "golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"missioncontrol/audit"
	"missioncontrol/auth"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
)

// signs runs a signer on a store until the test ends.
func signs(t testing.TB, store *eventstore.Store) {
	t.Helper()
	key, err := audit.ParseKey(strings.Repeat("7a", 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Enrol(t.Context(), store.DB(), key, store.Epoch()); err != nil {
		t.Fatal(err)
	}
	signer := audit.Signer{Store: store, Key: key, File: audit.FileIn(filepath.Clean(t.TempDir())), Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- signer.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// checkpointIn reads a signed note as a stranger does: with the listed keys and
// nothing of ours.
func checkpointIn(t *testing.T, signed, keys string) tlog.Tree {
	t.Helper()
	var known []signednote.Verifier
	for key := range strings.Lines(keys) {
		v, err := signednote.NewVerifier(strings.TrimSuffix(key, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		known = append(known, v)
	}
	n, err := signednote.Open([]byte(signed), signednote.VerifierList(known...))
	if err != nil {
		t.Fatal(err)
	}
	var origin, root string
	var tree tlog.Tree
	if _, err := fmt.Sscanf(n.Text, "%s\n%d\n%s\n", &origin, &tree.N, &root); err != nil {
		t.Fatal(err)
	}
	tree.Hash = hashIn(t, root)
	if origin != n.Sigs[0].Name {
		t.Errorf("log %s is signed by %s", origin, n.Sigs[0].Name)
	}
	return tree
}

func hashIn(t *testing.T, text string) tlog.Hash {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) != tlog.HashSize {
		t.Fatalf("%q is no hash: %v", text, err)
	}
	return tlog.Hash(b)
}

// A stranger checks an entry with what the routes answer, tlog and note.
func TestAuditProofs(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	none := s.do("GET", v1+"/audit/checkpoint", "")
	if none.status != 404 || none.header.Get("Retry-After") != "1" {
		t.Errorf("without a checkpoint: %d %v", none.status, none.header)
	}
	signs(t, s.Store)
	s.must("POST", v1+"/auth/bootstrap", "")
	board := s.board()
	for i := range 20 {
		s.task(board, fmt.Sprint("task ", i))
	}
	keys := s.must("GET", v1+"/audit/keys", "").body
	first := checkpointIn(t, s.checkpointAfter(t, s.Store.Head()), keys)
	s.task(board, "one more")
	second := checkpointIn(t, s.checkpointAfter(t, s.Store.Head()), keys)
	var path tlog.TreeProof
	for line := range strings.Lines(s.must("GET", fmt.Sprintf("%s/audit/consistency?from=%d&to=%d", v1, first.N, second.N), "").body) {
		path = append(path, hashIn(t, strings.TrimSuffix(line, "\n")))
	}
	if err := tlog.CheckTree(path, second.N, second.Hash, first.N, first.Hash); err != nil {
		t.Error(err)
	}
	checked := 0
	for seq := int64(1); seq <= second.N; seq++ {
		entry := s.do("GET", fmt.Sprintf("%s/audit/events/%d/entry", v1, seq), "")
		proof := s.do("GET", fmt.Sprintf("%s/audit/proof/%d", v1, seq), "")
		if entry.status != 200 || proof.status != 200 {
			t.Fatalf("entry %d: %d, proof: %d %s", seq, entry.status, proof.status, proof.body)
		}
		if media := entry.header.Get("Content-Type"); media != "application/octet-stream" {
			t.Errorf("an entry is %s", media)
		}
		checked++
		checkProof(t, seq, entry.body, proof.body, keys)
	}
	t.Logf("%d of %d entries proved", checked, second.N)
}

func checkProof(t *testing.T, seq int64, entry, proof, keys string) {
	t.Helper()
	head, signed, _ := strings.Cut(proof, "\n\n")
	lines := strings.Split(head, "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" || lines[1] != fmt.Sprint("index ", seq-1) {
		t.Fatalf("the proof of %d is\n%s", seq, proof)
	}
	var path tlog.RecordProof
	for _, line := range lines[2:] {
		path = append(path, hashIn(t, line))
	}
	tree := checkpointIn(t, signed, keys)
	leaf := sha256.Sum256(append([]byte{0}, entry...))
	if err := tlog.CheckRecord(path, tree.N, tree.Hash, seq-1, leaf); err != nil {
		t.Errorf("entry %d: %v", seq, err)
	}
}

// checkpointAfter waits for a checkpoint that covers seq, by asking for a proof.
func (s *server) checkpointAfter(t *testing.T, seq int64) string {
	t.Helper()
	for range 10 {
		if s.do("GET", fmt.Sprintf("%s/audit/proof/%d", v1, seq), "").status == 200 {
			return s.must("GET", v1+"/audit/checkpoint", "").body
		}
	}
	t.Fatalf("nothing covers %d", seq)
	return ""
}

// What cannot be proved is refused, and so is what is the system's to all but
// operators.
func TestAuditRefusals(t *testing.T) {
	t.Parallel()
	url := pgtest.Clone(t)
	s := startServerOn(t, url)
	signs(t, s.Store)
	s.must("POST", v1+"/auth/bootstrap", "")
	s.checkpointAfter(t, 1)
	for path, want := range map[string]int{
		"/audit/consistency?from=2&to=1":             422,
		"/audit/consistency?from=1&to=1000000":       422,
		"/audit/consistency?from=0&to=1":             422,
		"/audit/consistency":                         422,
		"/audit/proof/0":                             422,
		"/audit/events/x/entry":                      422,
		"/audit/events/9223372036854775808/entry":    422,
		"/audit/events/9223372036854775807/entry":    404,
		"/audit/consistency?from=1&to=1":             200,
		"/audit/events/1/entry":                      200,
		"/audit/consistency?from=1&to=9999999999999": 422,
	} {
		if got := s.do("GET", v1+path, ""); got.status != want {
			t.Errorf("%s answers %d %s, want %d", path, got.status, got.body, want)
		}
	}
	late := s.do("GET", v1+"/audit/proof/1000000", "")
	if late.status != 404 || late.header.Get("Retry-After") != "1" {
		t.Errorf("a proof of what is not there yet: %d %v", late.status, late.header)
	}
	var system int64 // such as the registration of a person
	if err := s.db.QueryRow(t.Context(), `select min(seq) from events where org = '00000000-0000-0000-0000-000000000000'`).Scan(&system); err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("%s/audit/events/%d/entry", v1, system)
	me := s.must("POST", v1+"/auth/bootstrap", "", as("ann")).text(t, "id")
	if got := s.do("GET", path, "", as("ann")); got.status != 404 {
		t.Errorf("an admin reads an entry of the system: %d", got.status)
	}
	operators, err := auth.ParseOperators([]string{me})
	if err != nil {
		t.Fatal(err)
	}
	s = startServerOn(t, url, func(a *API) { a.Operators = operators })
	if got := s.do("GET", path, "", as("ann")); got.status != 200 {
		t.Errorf("an operator reads an entry of the system: %d %s", got.status, got.body)
	}
}
