package eventstore

import (
	"bytes"
	"encoding/hex"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// scanEntry reads an entry as encodeEntry writes it, several times as fast as
// parseEntry does. ok is false of anything that is written otherwise, and of
// text with escapes. The body is read by whoever decodes it.
func (v *Vocabulary) scanEntry(entry []byte) (r *Recorded, ok bool) {
	r = &Recorded{}
	s := scan{rest: entry}
	r.Seq = s.after(`{"seq":`).number()
	r.ID = s.after(`,"id":`).id()
	r.Org = s.after(`,"org":`).id()
	r.OrgSeq = s.after(`,"org_seq":`).number()
	s.after(`,"org_prev":`).hash(&r.OrgPrev)
	r.Stream = s.after(`,"stream":`).id()
	kind := s.after(`,"kind":`).text()
	r.Version = int(s.after(`,"version":`).number())
	name := s.after(`,"type":`).text()
	r.SV = int(s.after(`,"sv":`).number())
	r.Time = s.after(`,"time":`).time()
	r.Recorded = s.after(`,"recorded":`).time()
	r.Actor.Type = domain.ActorType(s.after(`,"actor":{"type":`).text())
	r.Actor.ID = s.after(`,"id":`).id()
	r.Actor.OnBehalfOf = s.after(`,"on_behalf_of":`).id()
	r.Actor.Auth = string(s.after(`,"auth":`).text())
	r.IP = string(s.after(`},"ip":`).text())
	r.UserAgent = string(s.after(`,"user_agent":`).text())
	r.RequestID = string(s.after(`,"request_id":`).text())
	r.CausationID = s.after(`,"causation_id":`).id()
	r.CorrelationID = string(s.after(`,"correlation_id":`).text())
	r.Outcome = string(s.after(`,"outcome":`).text())
	r.Refs = v.scanRefs(s.after(`,"refs":[`))
	s.after(`,"body":`)
	if s.failed || len(s.rest) < 2 || s.rest[len(s.rest)-1] != '}' {
		return nil, false
	}
	r.Body = s.rest[: len(s.rest)-1 : len(s.rest)-1]
	r.Kind, r.Type = v.names(kind, name)
	return r, true
}

// names returns the texts without copying those that are known.
func (v *Vocabulary) names(kind, name []byte) (string, string) {
	k := v.kinds[string(kind)]
	if k == nil {
		return string(kind), string(name)
	}
	if t := k.types[string(name)]; t != nil {
		return k.Name, t.name
	}
	return k.Name, string(name)
}

func (v *Vocabulary) scanRefs(s *scan) []domain.Ref {
	refs := make([]domain.Ref, 0, 2)
	for !s.failed && !s.has(`]`) {
		if len(refs) > 0 {
			s.after(`,`)
		}
		kind, id, _ := bytes.Cut(s.text(), []byte("/"))
		ref := domain.Ref{ID: s.parsed(id)}
		if k := v.kinds[string(kind)]; k != nil {
			ref.Kind = k.Name
		} else {
			ref.Kind = string(kind)
		}
		refs = append(refs, ref)
	}
	return refs
}

// scan goes through an entry; once it has failed, it reads nothing more.
type scan struct {
	rest   []byte
	failed bool
}

// has goes on behind text if it comes next.
func (s *scan) has(text string) bool {
	if len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		return false
	}
	s.rest = s.rest[len(text):]
	return true
}

// after goes on behind text, which must come next.
func (s *scan) after(text string) *scan {
	if !s.has(text) {
		s.failed = true
	}
	return s
}

// number reads a number without sign and fraction.
func (s *scan) number() int64 {
	const mostDigits = 18 // cannot overflow
	var n int64
	i := 0
	for ; i < len(s.rest) && s.rest[i] >= '0' && s.rest[i] <= '9'; i++ {
		n = n*10 + int64(s.rest[i]-'0')
	}
	if i == 0 || i > mostDigits || i > 1 && s.rest[0] == '0' {
		s.failed = true
		return 0
	}
	s.rest = s.rest[i:]
	return n
}

// text reads a string without escapes, nil for null.
func (s *scan) text() []byte {
	if s.failed || s.has(`null`) {
		return nil
	}
	if s.after(`"`); s.failed {
		return nil
	}
	n := bytes.IndexByte(s.rest, '"')
	if n < 0 || !plain(s.rest[:n]) {
		s.failed = true
		return nil
	}
	text := s.rest[:n]
	s.rest = s.rest[n+1:]
	return text
}

// plain reports text that stands in JSON as it is.
func plain(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c == '\\' {
			return false
		}
	}
	return utf8.Valid(text)
}

// id reads a quoted id, Nil for null.
func (s *scan) id() uuid.UUID {
	text := s.text()
	if text == nil {
		return uuid.Nil
	}
	return s.parsed(text)
}

// parsed reads an id in the one notation that encodeEntry writes.
func (s *scan) parsed(text []byte) uuid.UUID {
	const length = 36
	id, err := uuid.ParseBytes(text)
	if err != nil || len(text) != length {
		s.failed = true
	}
	return id
}

func (s *scan) hash(h *Hash) {
	text := s.text()
	if hex.DecodedLen(len(text)) != len(h) {
		s.failed = true
		return
	}
	if _, err := hex.Decode(h[:], text); err != nil {
		s.failed = true
	}
}

// time reads a time in timeLayout.
func (s *scan) time() time.Time {
	text := s.text()
	var t time.Time
	if len(text) != len(timeLayout) || text[19] != '.' || text[26] != 'Z' || t.UnmarshalText(text) != nil {
		s.failed = true
	}
	return t.UTC()
}
