package bundle

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// The comment of the gzip header (RFC 1952) holds the SHA-256 of the whole
// file, with zeros in its own place: gzip and tar leave bytes that nothing
// reads, and a change of those shall be found too. Whoever packs a bundle anew
// leaves the comment out.
const (
	gzipHead     = 10 // bytes of the fixed header
	flagsAt      = 3
	hasComment   = 0x10
	commentBegin = "sha256:"
	sumAt        = gzipHead + len(commentBegin)
	sumLen       = 2 * sha256.Size
	headLen      = sumAt + sumLen + 1 // with the zero that ends the comment
)

// pack compresses what write writes into a file.
func pack(path string, write func(io.Writer) error) (err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	z, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	z.Comment = commentBegin + string(bytes.Repeat([]byte{'0'}, sumLen))
	if err := write(z); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	_, sum, err := container(file)
	if err != nil {
		return err
	}
	if _, err := file.WriteAt([]byte(sum), int64(sumAt)); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return file.Sync()
}

// container reads the sum that a file claims, "" if it claims none, and the one
// that it has.
func container(file io.ReadSeeker) (claimed, sum string, err error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", "", fmt.Errorf("bundle: %w", err)
	}
	head := make([]byte, headLen)
	if _, err := io.ReadFull(file, head); err != nil {
		return "", "", bad(0, "the file is too short to be a bundle")
	}
	if head[flagsAt]&hasComment == 0 {
		return "", "", nil
	}
	if string(head[gzipHead:sumAt]) != commentBegin || head[headLen-1] != 0 {
		return "", "", bad(0, "the comment in the header of the file is not what bundles have")
	}
	claimed = string(head[sumAt : sumAt+sumLen])
	copy(head[sumAt:], bytes.Repeat([]byte{'0'}, sumLen))
	h := sha256.New()
	h.Write(head)
	if _, err := io.Copy(h, file); err != nil {
		return "", "", fmt.Errorf("bundle: %w", err)
	}
	return claimed, hex.EncodeToString(h.Sum(nil)), nil
}

// checkContainer refuses a file that is not the one that was packed.
func checkContainer(path string) error {
	file, err := os.Open(path) //nolint:gosec // the reader names the file
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	claimed, sum, err := container(file)
	if err == nil && claimed != sum {
		err = bad(0, "the file is not the one that was packed: its SHA-256 is not the one in its header")
	}
	return err
}
