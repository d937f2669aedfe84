package bundle

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"
)

// Subtrees gives the hash of the n-th full subtree of 2^level leaves of the log.
type Subtrees func(level int, n int64) (tlog.Hash, error)

// Writer makes a bundle. What it has been given lies in files until Close
// packs it, so that memory does not grow with the bundle.
type Writer struct {
	dir                     string
	entries, leaves, proofs *part
	subtrees                Subtrees
	count, at               int64 // entries written, and leaves of the log covered
	firstOrgSeq, lastOrgSeq int64
}

// NewWriter returns a writer that keeps its files in dir, which must exist.
func NewWriter(dir string, subtrees Subtrees) (*Writer, error) {
	w := &Writer{dir: dir, subtrees: subtrees}
	for _, p := range []struct {
		name string
		file **part
	}{{entriesFile, &w.entries}, {leavesFile, &w.leaves}, {proofsFile, &w.proofs}} {
		var err error
		if *p.file, err = newPart(filepath.Join(dir, p.name)); err != nil {
			return nil, errors.Join(err, w.Abort())
		}
	}
	return w, nil
}

// Entry adds the entry at a position of the log; positions must rise.
func (w *Writer) Entry(seq, orgSeq int64, entry []byte) error {
	if err := w.skip(seq - 1); err != nil {
		return err
	}
	leaf := tlog.RecordHash(entry)
	w.entries.line(entry)
	w.leaves.line(fmt.Appendf(nil, "%d %s", seq, base64.StdEncoding.EncodeToString(leaf[:])))
	if w.count == 0 {
		w.firstOrgSeq = orgSeq
	}
	w.at, w.lastOrgSeq, w.count = seq, orgSeq, w.count+1
	return errors.Join(w.entries.err, w.leaves.err)
}

// skip covers the leaves up to size by the hashes of what is not in the bundle.
func (w *Writer) skip(size int64) error {
	for level, n := range gap(w.at, size) {
		h, err := w.subtrees(level, n)
		if err != nil {
			return err
		}
		w.proofs.line([]byte(base64.StdEncoding.EncodeToString(h[:])))
	}
	w.at = max(w.at, size)
	return w.proofs.err
}

// Seal is what a bundle is closed with.
type Seal struct {
	Manifest   Manifest // what the writer does not know of it
	Checkpoint []byte   // a signed note about TreeSize leaves, which cover every entry
	Keys       []string // verifier keys of the log
	Summary    []byte   // Markdown
	Format     []byte   // the page that specifies the bundle
	People     []byte   // CSV; nil: nobody is named
	Sign       func(text string) (signed []byte, err error)
}

// Close packs the bundle into a file at path.
func (w *Writer) Close(path string, s Seal) error {
	if err := w.skip(s.Manifest.TreeSize); err != nil {
		return errors.Join(err, w.Abort())
	}
	small := []content{
		{checkpointFile, s.Checkpoint},
		{keysFile, []byte(strings.Join(s.Keys, "\n") + "\n")},
		{summaryFile, s.Summary},
		{formatFile, s.Format},
		{verifierFile, Verifier},
	}
	if s.People != nil {
		small = append(small, content{peopleFile, s.People})
	}
	large := []*part{w.leaves, w.proofs, w.entries}
	head, err := w.manifest(s, small, large)
	if err == nil {
		err = pack(path, func(out io.Writer) error { return packAll(out, append(head, small...), large) })
	}
	return errors.Join(err, w.Abort())
}

// Abort removes the files of the writer.
func (w *Writer) Abort() error {
	var err error
	for _, p := range []*part{w.entries, w.leaves, w.proofs} {
		if p != nil {
			err = errors.Join(err, p.remove())
		}
	}
	return err
}

// content is a file that fits into memory.
type content struct {
	name string
	text []byte
}

func (w *Writer) manifest(s Seal, small []content, large []*part) ([]content, error) {
	m := s.Manifest
	m.Format, m.Entries, m.FirstOrgSeq, m.LastOrgSeq = Format, w.count, w.firstOrgSeq, w.lastOrgSeq
	m.Files = map[string]Digest{}
	for _, c := range small {
		sum := sha256.Sum256(c.text)
		m.Files[c.name] = Digest{int64(len(c.text)), hex.EncodeToString(sum[:])}
	}
	for _, p := range large {
		d, err := p.digest()
		if err != nil {
			return nil, err
		}
		m.Files[filepath.Base(p.path)] = d
	}
	text, err := json.Marshal(m, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return nil, fmt.Errorf("bundle: write the manifest: %w", err)
	}
	text = append(text, '\n')
	signed, err := s.Sign(statement(m.Origin, text))
	if err != nil {
		return nil, fmt.Errorf("bundle: sign the manifest: %w", err)
	}
	return []content{{manifestFile, text}, {noteFile, signed}}, nil
}

func packAll(out io.Writer, small []content, large []*part) error {
	t := tar.NewWriter(out)
	for _, c := range small {
		if err := packFile(t, c.name, int64(len(c.text)), bytes.NewReader(c.text)); err != nil {
			return err
		}
	}
	for _, p := range large {
		if err := p.pack(t); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}

func packFile(t *tar.Writer, name string, size int64, text io.Reader) error {
	const readable = 0o644
	err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: readable})
	if err == nil {
		_, err = io.Copy(t, text)
	}
	if err != nil {
		return fmt.Errorf("bundle: pack %s: %w", name, err)
	}
	return nil
}

// part is a large file of a bundle that is being made.
type part struct {
	path string
	file *os.File
	out  *bufio.Writer
	sum  hash.Hash
	size int64
	err  error // the first of a line
}

func newPart(path string) (*part, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the caller names the directory
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	const buffer = 256 << 10
	p := &part{path: path, file: file, sum: sha256.New()}
	p.out = bufio.NewWriterSize(io.MultiWriter(file, p.sum), buffer)
	return p, nil
}

func (p *part) line(text []byte) {
	if p.err != nil {
		return
	}
	if _, p.err = p.out.Write(text); p.err == nil {
		p.err = p.out.WriteByte('\n')
	}
	p.size += int64(len(text)) + 1
}

func (p *part) digest() (Digest, error) {
	if err := errors.Join(p.err, p.out.Flush()); err != nil {
		return Digest{}, fmt.Errorf("bundle: write %s: %w", p.path, err)
	}
	return Digest{p.size, hex.EncodeToString(p.sum.Sum(nil))}, nil
}

func (p *part) pack(t *tar.Writer) error {
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return packFile(t, filepath.Base(p.path), p.size, p.file)
}

func (p *part) remove() error { return errors.Join(p.file.Close(), os.Remove(p.path)) }
