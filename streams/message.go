package streams

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"missioncontrol/eventstore"
)

// Batch is one committed batch as other processes are told of it.
type Batch struct {
	Process     uuid.UUID // who committed it; set by Bus.Publish
	Epoch       uuid.UUID
	First, Last int64
	// NumbersOnly says that entries and frames were too big to carry: the
	// receiver reads them from Postgres.
	NumbersOnly bool
	Entries     [][]byte // the exact bytes of the events First..Last
	Frames      []eventstore.Frame
}

// MaxBatchBytes of entries and frames go over the bus; a bigger batch travels
// as its numbers only.
const MaxBatchBytes = 512 << 10

// batchVersion is the first byte of the encoding. A process that does not know
// it ignores the message and repairs from Postgres, as for a lost one.
const batchVersion = 1

var errBatch = errors.New("streams: not an encoded batch")

// size is what entries and frames take, nearly.
func (b *Batch) size() (n int) {
	for _, entry := range b.Entries {
		n += len(entry) + binary.MaxVarintLen32
	}
	for i := range b.Frames {
		f := &b.Frames[i]
		n += len(f.Topic) + len(f.Payload) + 64
		for key, value := range f.Attrs {
			n += len(key) + len(value) + 2*binary.MaxVarintLen16
		}
	}
	return n
}

// EncodeBatch writes a batch as: version, process, epoch, first, last, flags,
// entries, frames; numbers are varints, strings have their length before them.
func EncodeBatch(b Batch) []byte {
	size := 0
	if !b.NumbersOnly {
		size = b.size()
	}
	dst := make([]byte, 0, size+64)
	dst = append(dst, batchVersion)
	dst = append(dst, b.Process[:]...)
	dst = append(dst, b.Epoch[:]...)
	dst = binary.AppendUvarint(dst, uint64(b.First))
	dst = binary.AppendUvarint(dst, uint64(b.Last))
	if b.NumbersOnly {
		return append(dst, 1)
	}
	dst = append(dst, 0)
	dst = binary.AppendUvarint(dst, uint64(len(b.Entries)))
	for _, entry := range b.Entries {
		dst = appendText(dst, entry)
	}
	dst = binary.AppendUvarint(dst, uint64(len(b.Frames)))
	for i := range b.Frames {
		dst = appendFrame(dst, &b.Frames[i])
	}
	return dst
}

func appendFrame(dst []byte, f *eventstore.Frame) []byte {
	dst = appendText(dst, f.Topic)
	dst = binary.AppendUvarint(dst, uint64(f.Seq))
	dst = binary.AppendVarint(dst, f.Recorded.UnixMicro())
	dst = append(dst, f.About[:]...)
	dst = binary.AppendUvarint(dst, uint64(len(f.Attrs)))
	for _, key := range slices.Sorted(maps.Keys(f.Attrs)) {
		dst = appendText(appendText(dst, key), f.Attrs[key])
	}
	return appendText(dst, f.Payload)
}

func appendText[T ~string | ~[]byte](dst []byte, text T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// DecodeBatch reads what EncodeBatch wrote. The batch's slices point into
// data. Any other bytes give an error, never more memory than their size
// deserves.
func DecodeBatch(data []byte) (Batch, error) {
	d := decoder{rest: data}
	if version := d.take(1); len(version) == 0 || version[0] != batchVersion {
		return Batch{}, errBatch
	}
	var b Batch
	copy(b.Process[:], d.take(len(b.Process)))
	copy(b.Epoch[:], d.take(len(b.Epoch)))
	b.First, b.Last = d.position(), d.position()
	flags := d.take(1)
	if d.bad || b.First < 1 || b.Last < b.First || flags[0] > 1 {
		return Batch{}, errBatch
	}
	b.NumbersOnly = flags[0] == 1
	if !b.NumbersOnly {
		d.entries(&b)
		d.frames(&b)
	}
	if d.bad || len(d.rest) > 0 {
		return Batch{}, errBatch
	}
	return b, nil
}

// decoder takes a message apart; after the first thing that does not fit it is
// bad and gives zero values.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) take(n int) []byte {
	if d.bad || n < 0 || n > len(d.rest) {
		d.bad, d.rest = true, nil
		return nil
	}
	part := d.rest[:n:n]
	d.rest = d.rest[n:]
	return part
}

func (d *decoder) number() uint64 {
	value, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return value
}

func (d *decoder) position() int64 {
	value := d.number()
	if value > math.MaxInt64 {
		d.bad = true
		return 0
	}
	return int64(value)
}

func (d *decoder) text() []byte {
	n := d.number()
	if n > uint64(len(d.rest)) {
		d.bad, d.rest = true, nil
		return nil
	}
	return d.take(int(n))
}

// list reads how many things follow; each takes at least least bytes.
func (d *decoder) list(least int) int {
	n := d.number()
	if n > uint64(len(d.rest)/least) {
		d.bad, d.rest = true, nil
		return 0
	}
	return int(n)
}

func (d *decoder) entries(b *Batch) {
	n := d.list(1)
	if n > 0 && int64(n) != b.Last-b.First+1 {
		d.bad = true // an event is missing
		return
	}
	for range n {
		b.Entries = append(b.Entries, d.text())
	}
}

func (d *decoder) frames(b *Batch) {
	const least = 1 + 1 + 1 + 16 + 1 + 1
	for range d.list(least) {
		f := eventstore.Frame{Topic: string(d.text()), Seq: d.position()}
		recorded, n := binary.Varint(d.rest)
		if n <= 0 {
			d.bad = true
			return
		}
		d.rest = d.rest[n:]
		f.Recorded = time.UnixMicro(recorded).UTC()
		copy(f.About[:], d.take(len(f.About)))
		for range d.list(2) {
			if f.Attrs == nil {
				f.Attrs = make(map[string]string)
			}
			key := string(d.text())
			f.Attrs[key] = string(d.text())
		}
		f.Payload = d.text()
		if d.bad || f.Seq < b.First || f.Seq > b.Last {
			d.bad = true
			return
		}
		b.Frames = append(b.Frames, f)
	}
}

func (b Batch) String() string {
	return fmt.Sprintf("batch %d..%d of %s", b.First, b.Last, b.Process)
}
