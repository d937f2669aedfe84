package eventstore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// timeLayout is how entries write a time: UTC with exactly six decimals.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// entryParts are the bytes of an entry around the four values that only the
// committer knows: seq, org_seq, org_prev and recorded. Everything else is
// encoded by the goroutine that decided the event.
type entryParts struct {
	id     []byte // ,"id":…,"org":…,"org_seq":
	stream []byte // ","stream":…,"time":…,"recorded":"
	rest   []byte // ","actor":…,"body":…}
}

// encodeEntry writes the parts of r's entry, whose Body is already encoded.
func encodeEntry(r *Recorded) (entryParts, error) {
	b := make([]byte, 0, 512+len(r.Body))
	b = appendID(append(b, `,"id":`...), r.ID)
	b = appendID(append(b, `,"org":`...), r.Org)
	b = append(b, `,"org_seq":`...)
	idEnd := len(b)

	b = appendID(append(b, `","stream":`...), r.Stream)
	b = append(append(b, `,"kind":"`...), r.Kind...)
	b = strconv.AppendInt(append(b, `","version":`...), int64(r.Version), 10)
	b = append(append(b, `,"type":"`...), r.Type...)
	b = strconv.AppendInt(append(b, `","sv":`...), int64(r.SV), 10)
	b = r.Time.AppendFormat(append(b, `,"time":"`...), timeLayout)
	b = append(b, `","recorded":"`...)
	streamEnd := len(b)

	b, err := appendContext(b, r)
	if err != nil {
		return entryParts{}, err
	}
	b = append(append(append(b, `,"body":`...), r.Body...), '}')
	return entryParts{b[:idEnd:idEnd], b[idEnd:streamEnd:streamEnd], b[streamEnd:]}, nil
}

// appendContext writes who caused the event, from where and about what.
func appendContext(b []byte, r *Recorded) ([]byte, error) {
	b = append(append(b, `","actor":{"type":"`...), r.Actor.Type...)
	b = appendID(append(b, `","id":`...), r.Actor.ID)
	b = appendID(append(b, `,"on_behalf_of":`...), r.Actor.OnBehalfOf)
	for _, f := range [...]struct{ name, value string }{
		{`,"auth":`, r.Actor.Auth},
		{`},"ip":`, r.IP},
		{`,"user_agent":`, r.UserAgent},
		{`,"request_id":`, r.RequestID},
	} {
		var err error
		if b, err = appendText(append(b, f.name...), f.value); err != nil {
			return nil, err
		}
	}
	b = appendID(append(b, `,"causation_id":`...), r.CausationID)
	b, err := appendText(append(b, `,"correlation_id":`...), r.CorrelationID)
	if err != nil {
		return nil, err
	}
	b = append(append(b, `,"outcome":"`...), r.Outcome...)
	b = append(b, `","refs":[`...)
	for i, ref := range r.Refs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(append(b, '"'), ref.Kind...), '/'), ref.ID.String()...)
		b = append(b, '"')
	}
	return append(b, ']'), nil
}

// appendID writes a quoted id, null for Nil.
func appendID(b []byte, id uuid.UUID) []byte {
	if id == uuid.Nil {
		return append(b, "null"...)
	}
	var text [36]byte
	encodeUUID(text[:], id)
	return append(append(append(b, '"'), text[:]...), '"')
}

func encodeUUID(dst []byte, id uuid.UUID) {
	hex.Encode(dst, id[:4])
	dst[8] = '-'
	hex.Encode(dst[9:13], id[4:6])
	dst[13] = '-'
	hex.Encode(dst[14:18], id[6:8])
	dst[18] = '-'
	hex.Encode(dst[19:23], id[8:10])
	dst[23] = '-'
	hex.Encode(dst[24:], id[10:])
}

// appendText writes a JSON string, null for "".
func appendText(b []byte, text string) ([]byte, error) {
	if text == "" {
		return append(b, "null"...), nil
	}
	return jsontext.AppendQuote(b, text)
}

// assemble completes an entry with what its place in the log decides.
func (p entryParts) assemble(r *Recorded) {
	b := make([]byte, 0, len(p.id)+len(p.stream)+len(p.rest)+150)
	b = strconv.AppendInt(append(b, `{"seq":`...), r.Seq, 10)
	b = append(b, p.id...)
	b = strconv.AppendInt(b, r.OrgSeq, 10)
	b = hex.AppendEncode(append(b, `,"org_prev":"`...), r.OrgPrev[:])
	b = append(b, p.stream...)
	b = r.Recorded.AppendFormat(b, timeLayout)
	r.Entry = append(b, p.rest...)
	r.Leaf = LeafHash(r.Entry)
}

// LeafHash is the hash of an entry as a leaf of the Merkle tree of RFC 6962:
// SHA-256(0x00 ‖ entry).
func LeafHash(entry []byte) Hash {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(entry)
	var leaf Hash
	h.Sum(leaf[:0])
	return leaf
}

// storedEntry is the shape of an entry for reading.
type storedEntry struct {
	Seq           int64          `json:"seq"`
	ID            uuid.UUID      `json:"id"`
	Org           uuid.UUID      `json:"org"`
	OrgSeq        int64          `json:"org_seq"`
	OrgPrev       string         `json:"org_prev"`
	Stream        uuid.UUID      `json:"stream"`
	Kind          string         `json:"kind"`
	Version       int            `json:"version"`
	Type          string         `json:"type"`
	SV            int            `json:"sv"`
	Time          time.Time      `json:"time"`
	Recorded      time.Time      `json:"recorded"`
	Actor         domain.Actor   `json:"actor"`
	IP            string         `json:"ip"`
	UserAgent     string         `json:"user_agent"`
	RequestID     string         `json:"request_id"`
	CausationID   uuid.UUID      `json:"causation_id"`
	CorrelationID string         `json:"correlation_id"`
	Outcome       string         `json:"outcome"`
	Refs          []domain.Ref   `json:"refs"`
	Body          jsontext.Value `json:"body"`
}

// Decode reads a stored entry. A type or shape that the vocabulary does not
// know is an error: a program that skipped it would show a wrong present.
func (v *Vocabulary) Decode(entry []byte) (*Recorded, error) {
	r, err := v.event(entry)
	if err != nil {
		return nil, err
	}
	r.Entry, r.Leaf = entry, LeafHash(entry)
	return r, nil
}

// event is Decode for readers who ask for no proof.
func (v *Vocabulary) event(entry []byte) (*Recorded, error) {
	r, err := v.envelope(entry)
	if err != nil {
		return nil, err
	}
	if r.Event, err = v.decodeBody(r); err != nil {
		return nil, err
	}
	return r, nil
}

// envelope reads what stands around the body.
func (v *Vocabulary) envelope(entry []byte) (*Recorded, error) {
	if r, ok := v.scanEntry(entry); ok {
		return r, nil
	}
	return parseEntry(entry)
}

// ReadEnvelope reads what an entry says beside its body, of whatever type it
// is. Entry and Leaf are those of the bytes given.
func ReadEnvelope(entry []byte) (*Recorded, error) {
	r, err := new(Vocabulary).envelope(entry)
	if err != nil {
		return nil, err
	}
	r.Entry, r.Leaf = entry, LeafHash(entry)
	return r, nil
}

// parseEntry reads an entry in whatever order and notation it is written.
func parseEntry(entry []byte) (*Recorded, error) {
	var e storedEntry
	if err := json.Unmarshal(entry, &e); err != nil {
		return nil, fmt.Errorf("eventstore: decode entry: %w", err)
	}
	r := &Recorded{
		Seq: e.Seq, ID: e.ID, Org: e.Org, OrgSeq: e.OrgSeq, Stream: e.Stream, Kind: e.Kind,
		Version: e.Version, Type: e.Type, SV: e.SV, Time: e.Time.UTC(), Recorded: e.Recorded.UTC(),
		Actor: e.Actor, IP: e.IP, UserAgent: e.UserAgent, RequestID: e.RequestID,
		CausationID: e.CausationID, CorrelationID: e.CorrelationID, Outcome: e.Outcome,
		Refs: e.Refs, Body: e.Body,
	}
	prev, err := hex.DecodeString(e.OrgPrev)
	if err != nil || len(prev) != len(r.OrgPrev) {
		return nil, fmt.Errorf("eventstore: decode entry %d: org_prev %q is not a hash", e.Seq, e.OrgPrev)
	}
	r.OrgPrev = Hash(prev)
	return r, nil
}
