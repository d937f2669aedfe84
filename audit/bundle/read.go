package bundle

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// largestSmall bounds what is read into memory, longestLine what an entry may
// be: hostile bundles end with a sentence.
const (
	largestSmall = 64 << 20
	longestLine  = 64 << 20
)

// files are those of a bundle that is being read: the small ones in memory, the
// large ones line by line, each over a reading of its own of the one archive.
type files struct {
	small                   map[string][]byte
	leaves, proofs, entries *lines
}

func open(path string) (_ *files, err error) {
	f := &files{}
	if f.small, err = readSmall(path); err != nil {
		return nil, err
	}
	for _, l := range []struct {
		name  string
		lines **lines
	}{{leavesFile, &f.leaves}, {proofsFile, &f.proofs}, {entriesFile, &f.entries}} {
		if *l.lines, err = openLines(path, l.name); err != nil {
			f.close()
			return nil, err
		}
	}
	return f, nil
}

func (f *files) close() {
	for _, l := range []*lines{f.leaves, f.proofs, f.entries} {
		if l != nil {
			_ = l.Close() // it was only read
		}
	}
}

func isLarge(name string) bool {
	return name == leavesFile || name == proofsFile || name == entriesFile
}

// readSmall reads every file but the large ones, and refuses an archive that
// holds a name twice, or anything but files.
func readSmall(path string) (map[string][]byte, error) {
	a, err := openArchive(path)
	if err != nil {
		return nil, err
	}
	defer a.Close() //nolint:errcheck // it was only read
	found, names := map[string][]byte{}, map[string]bool{}
	for {
		h, err := a.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeReg || names[h.Name] {
			return nil, bad(0, "the archive holds %q twice, or not as a file", h.Name)
		}
		names[h.Name] = true
		if isLarge(h.Name) {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(a.tar, largestSmall+1))
		if err != nil {
			return nil, unreadable(err)
		}
		if len(text) > largestSmall {
			return nil, bad(0, "the file %s is larger than %d MiB", h.Name, largestSmall>>20)
		}
		found[h.Name] = text
	}
	for _, name := range []string{manifestFile, noteFile, checkpointFile, keysFile} {
		if found[name] == nil {
			return nil, bad(0, "the file %s is missing", name)
		}
	}
	return found, a.end()
}

func unreadable(err error) error { return bad(0, "the archive cannot be read: %v", err) }

// archive is an open bundle.
type archive struct {
	file *os.File
	gzip *gzip.Reader
	tar  *tar.Reader
}

func openArchive(path string) (*archive, error) {
	file, err := os.Open(path) //nolint:gosec // the reader names the file
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	z, err := gzip.NewReader(bufio.NewReaderSize(file, 1<<20))
	if err != nil {
		return nil, errors.Join(unreadable(err), file.Close())
	}
	return &archive{file, z, tar.NewReader(z)}, nil
}

func (a *archive) Close() error { return a.file.Close() }

func (a *archive) next() (*tar.Header, error) {
	h, err := a.tar.Next()
	if err != nil && !errors.Is(err, io.EOF) {
		err = unreadable(err)
	}
	return h, err
}

// end reads what stands behind the last file, so that the checksum of gzip is
// judged too.
func (a *archive) end() error {
	if _, err := io.Copy(io.Discard, a.gzip); err != nil {
		return unreadable(err)
	}
	return nil
}

// lines is a large file, read line by line.
type lines struct {
	*archive
	name string
	in   *bufio.Reader
	sum  hash.Hash
	size int64
	long []byte // of a line that does not fit in's buffer
}

func openLines(path, name string) (*lines, error) {
	a, err := openArchive(path)
	if err != nil {
		return nil, err
	}
	for {
		h, err := a.next()
		if errors.Is(err, io.EOF) {
			err = bad(0, "the file %s is missing", name)
		}
		if err != nil {
			return nil, errors.Join(err, a.Close())
		}
		if h.Name == name {
			return &lines{archive: a, name: name, in: bufio.NewReaderSize(a.tar, 64<<10), sum: sha256.New()}, nil
		}
	}
}

// next returns the next line without its end; it is good until the next call.
func (l *lines) next() ([]byte, error) {
	l.long = l.long[:0]
	for {
		text, err := l.in.ReadSlice('\n')
		l.sum.Write(text)
		l.size += int64(len(text))
		switch {
		case err == nil && len(l.long) == 0:
			return text[:len(text)-1], nil
		case err == nil:
			l.long = append(l.long, text...)
			return l.long[:len(l.long)-1], nil
		case errors.Is(err, io.EOF):
			return nil, bad(0, "the file %s ends too early", l.name)
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, unreadable(err)
		case len(l.long) > longestLine:
			return nil, bad(0, "the file %s has a line of more than %d MiB", l.name, longestLine>>20)
		}
		l.long = append(l.long, text...)
	}
}

// digest reads the rest of the file and returns what all of it is.
func (l *lines) digest() (Digest, error) {
	n, err := io.Copy(l.sum, l.in)
	if err != nil {
		return Digest{}, unreadable(err)
	}
	return Digest{l.size + n, hex.EncodeToString(l.sum.Sum(nil))}, nil
}

func (f *files) digests() (map[string]Digest, error) {
	all := map[string]Digest{}
	for name, text := range f.small {
		all[name] = digestOf(text)
	}
	for _, l := range []*lines{f.leaves, f.proofs, f.entries} {
		var err error
		if all[l.name], err = l.digest(); err != nil {
			return nil, err
		}
	}
	return all, nil
}
