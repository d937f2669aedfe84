package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// File keeps checkpoints outside of the database: signed notes, one after the
// other. It is where a log that was rewritten or restored is found out.
type File struct{ Path string }

// FileIn is the file of a data directory.
func FileIn(dir string) File { return File{filepath.Join(dir, "checkpoints")} }

const signatureMark = "— "

// append adds a signed note and returns when the disk has it.
func (f File) append(signed []byte) (err error) {
	file, err := os.OpenFile(f.Path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size == 0 {
		if err := syncDir(filepath.Dir(f.Path)); err != nil {
			return err
		}
	} else if err := dropTorn(file, size); err != nil {
		return err
	}
	if _, err := file.Write(signed); err != nil {
		return err
	}
	return file.Sync()
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// tailSize is more than any note is long.
const tailSize = 4 << 10

// dropTorn cuts off a note at the end that a crash left unfinished.
func dropTorn(file *os.File, size int64) error {
	from := max(0, size-tailSize)
	tail := make([]byte, size-from)
	if _, err := file.ReadAt(tail, from); err != nil {
		return err
	}
	whole := wholeNotes(tail)
	if whole == len(tail) || whole == 0 && from > 0 {
		return nil
	}
	return file.Truncate(from + int64(whole))
}

// wholeNotes is the length of b up to the end of its last finished note.
func wholeNotes(b []byte) int {
	for end := len(b); end > 0; {
		end = bytes.LastIndexByte(b[:end], '\n')
		if end < 0 {
			return 0
		}
		if start := bytes.LastIndexByte(b[:end], '\n') + 1; strings.HasPrefix(string(b[start:end]), signatureMark) {
			return end + 1
		}
	}
	return 0
}

// notes calls each with every note of the file and the line that it begins in.
// A note at the end that a crash left unfinished is left out.
func (f File) notes(each func(line int, signed []byte) error) error {
	file, err := os.Open(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it is only read
	return notesIn(file, each)
}

func notesIn(r io.Reader, each func(line int, signed []byte) error) error {
	lines := bufio.NewReader(r)
	var signed []byte
	for line, first := 1, 1; ; line++ {
		text, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return torn(first, append(signed, text...))
		}
		if err != nil {
			return err
		}
		if len(signed) == 0 {
			first = line
		}
		signed = append(signed, text...)
		if bytes.HasPrefix(text, []byte(signatureMark)) {
			if err := each(first, signed); err != nil {
				return err
			}
			signed = nil
		}
	}
}

// torn refuses an end of the file that is no note and that no crash has left:
// a cut one has no line for its signature, or not its end.
func torn(line int, end []byte) error {
	const before = 4 // lines that end before the signature
	if n := bytes.Count(end, []byte("\n")); n > before || n == before && bytes.HasSuffix(end, []byte("\n")) && !bytes.HasSuffix(end, []byte("\n\n")) {
		return &Difference{What: fmt.Sprintf("what begins in line %d of the file of checkpoints is none", line)}
	}
	return nil
}

// newest is the last checkpoint in the file, nil if there is none.
func (f File) newest() (last *Checkpoint, err error) {
	file, err := os.Open(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the checkpoints in %s cannot be read: %w", f.Path, err)
	}
	defer file.Close() //nolint:errcheck // it is only read
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	tail := make([]byte, min(size, tailSize))
	if _, err := file.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var signed []byte // a first one that is cut in the middle does not matter
	err = notesIn(bytes.NewReader(tail), func(_ int, note []byte) error { signed = note; return nil })
	if _, altered := errors.AsType[*Difference](err); err != nil && !altered || signed == nil { // an altered one is for the check to tell
		return nil, err
	}
	if last, err = parseCheckpoint(signed); err != nil {
		return nil, fmt.Errorf("the last checkpoint in %s cannot be read: %w", f.Path, err)
	}
	return last, nil
}
