package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// unpacked is a bundle in memory.
type unpacked struct {
	names []string
	files map[string][]byte
}

func unpack(t testing.TB, path string) unpacked {
	t.Helper()
	raw, err := os.ReadFile(path)
	must(t, err)
	z, err := gzip.NewReader(bytes.NewReader(raw))
	must(t, err)
	u := unpacked{files: map[string][]byte{}}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return u
		}
		must(t, err)
		text, err := io.ReadAll(r)
		must(t, err)
		u.names, u.files[h.Name] = append(u.names, h.Name), text
	}
}

func (u unpacked) pack(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "again.tar.gz")
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, name := range u.names {
		must(t, packFile(w, name, int64(len(u.files[name])), bytes.NewReader(u.files[name])))
	}
	must(t, w.Close())
	must(t, z.Close())
	must(t, os.WriteFile(path, out.Bytes(), 0o600))
	return path
}

// mutations change a bundle that was unpacked, and return a word on what.
func mutations() map[string]func(u *unpacked) bool {
	entries := func(u *unpacked) []string { return strings.SplitAfter(string(u.files[entriesFile]), "\n") }
	join := func(u *unpacked, lines []string) bool {
		text := []byte(strings.Join(lines, ""))
		changed := !bytes.Equal(text, u.files[entriesFile])
		u.files[entriesFile] = text
		return changed
	}
	return map[string]func(u *unpacked) bool{
		"flip": func(u *unpacked) bool {
			name := u.names[rand.IntN(len(u.names))]
			text := bytes.Clone(u.files[name])
			if len(text) == 0 {
				return false
			}
			text[rand.IntN(len(text))] ^= 1 << rand.IntN(8)
			u.files[name] = text
			return true
		},
		"drop": func(u *unpacked) bool {
			lines := entries(u)
			i := rand.IntN(len(lines))
			return join(u, slices.Delete(lines, i, i+1))
		},
		"duplicate": func(u *unpacked) bool {
			lines := entries(u)
			i := rand.IntN(len(lines))
			return join(u, slices.Insert(lines, i, lines[i]))
		},
		"swap": func(u *unpacked) bool {
			lines := entries(u)
			i, j := rand.IntN(len(lines)), rand.IntN(len(lines))
			lines[i], lines[j] = lines[j], lines[i]
			return join(u, lines)
		},
		"truncate": func(u *unpacked) bool {
			name := u.names[rand.IntN(len(u.names))]
			text := u.files[name]
			u.files[name] = text[:rand.IntN(max(1, len(text)))]
			return len(text) > 0
		},
		"lose a file": func(u *unpacked) bool {
			i := rand.IntN(len(u.names))
			u.names = slices.Delete(slices.Clone(u.names), i, i+1)
			return true
		},
		"add a file": func(u *unpacked) bool {
			u.names = append(slices.Clone(u.names), "more")
			u.files["more"] = []byte("x")
			return true
		},
		"a file twice": func(u *unpacked) bool {
			u.names = append(slices.Clone(u.names), u.names[rand.IntN(len(u.names))])
			return true
		},
		"one entry less, with its leaf": func(u *unpacked) bool {
			lines, leaves := entries(u), strings.SplitAfter(string(u.files[leavesFile]), "\n")
			i := rand.IntN(len(lines) - 1)
			u.files[leavesFile] = []byte(strings.Join(slices.Delete(leaves, i, i+1), ""))
			return join(u, slices.Delete(lines, i, i+1))
		},
		"another entry, with its leaf": func(u *unpacked) bool {
			lines, leaves := entries(u), strings.SplitAfter(string(u.files[leavesFile]), "\n")
			i := rand.IntN(len(lines) - 1)
			lines[i] = strings.Replace(lines[i], "title", "tutle", 1)
			leaf := tlog.RecordHash([]byte(strings.TrimSuffix(lines[i], "\n")))
			seq, _, _ := strings.Cut(leaves[i], " ")
			leaves[i] = seq + " " + base64.StdEncoding.EncodeToString(leaf[:]) + "\n"
			u.files[leavesFile] = []byte(strings.Join(leaves, ""))
			return join(u, lines)
		},
	}
}

// TestMutations: whatever is changed in a bundle, both verifiers find it; an
// entry that was changed, dropped or moved is named.
func TestMutations(t *testing.T) {
	t.Parallel()
	s := newSigner(t, 1)
	l := randomLedger(300)
	chosen := l.indexes(40, 290)
	whole := unpack(t, l.write(t, chosen, Complete, s))
	must(t, errorOf(Verify(whole.pack(t), s.verifier))) // packing anew alone is no change
	var paths, what []string
	for name, mutate := range mutations() {
		for range 20 {
			u := unpacked{slices.Clone(whole.names), maps.Clone(whole.files)}
			if !mutate(&u) {
				continue
			}
			path := u.pack(t)
			paths, what = append(paths, path), append(what, name)
			err := errorOf(Verify(path, s.verifier))
			found, ok := errors.AsType[*Bad](err)
			if !ok {
				t.Errorf("%s: %v", name, err)
			} else if slices.Contains([]string{"drop", "duplicate", "swap"}, name) && found.Seq != firstOther(whole, u, chosen) {
				t.Errorf("%s: entry %d is the first that is not as it was, and it says: %v", name, firstOther(whole, u, chosen), err)
			}
		}
	}
	for i, verdict := range python(t, s.verifier, paths) {
		if !strings.HasPrefix(verdict, "bad: ") {
			t.Errorf("%s: verify.py says %s", what[i], verdict)
		}
	}
}

func errorOf(_ Verdict, err error) error { return err }

// firstOther is the position of the first entry of a that is another in b.
func firstOther(a, b unpacked, chosen []int) int64 {
	x, y := strings.SplitAfter(string(a.files[entriesFile]), "\n"), strings.SplitAfter(string(b.files[entriesFile]), "\n")
	for i := range chosen {
		if i >= len(y) || x[i] != y[i] {
			return int64(chosen[i]) + 1
		}
	}
	return 0 // more than there were
}
