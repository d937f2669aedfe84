package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"missioncontrol/eventstore"
)

// csvWriter writes one line an entry, for spreadsheets.
type csvWriter struct{ out *csv.Writer }

var csvColumns = []string{
	"seq", "org_seq", "id", "time", "recorded", "type", "outcome", "actor_type", "actor_id", "on_behalf_of", "auth",
	"ip", "user_agent", "request_id", "correlation_id", "causation_id", "stream_kind", "stream_id", "version", "refs", "body",
}

func newCSV(out io.Writer) (*csvWriter, error) {
	w := &csvWriter{csv.NewWriter(out)}
	return w, w.out.Write(csvColumns)
}

func (w *csvWriter) entry(r *eventstore.Recorded) error {
	refs := make([]string, len(r.Refs))
	for i, ref := range r.Refs {
		refs[i] = ref.Kind + "/" + ref.ID.String()
	}
	err := w.out.Write([]string{
		strconv.FormatInt(r.Seq, 10), strconv.FormatInt(r.OrgSeq, 10), r.ID.String(), r.Time.Format(timeLayout), r.Recorded.Format(timeLayout),
		r.Type, r.Outcome, string(r.Actor.Type), text(r.Actor.ID), text(r.Actor.OnBehalfOf), r.Actor.Auth,
		r.IP, r.UserAgent, inert(r.RequestID), inert(r.CorrelationID), text(r.CausationID),
		r.Kind, r.Stream.String(), strconv.Itoa(r.Version), strings.Join(refs, " "), string(r.Body),
	})
	if err != nil {
		return fmt.Errorf("export: write CSV: %w", err)
	}
	return nil
}

func (w *csvWriter) close() error {
	w.out.Flush()
	return w.out.Error()
}

// timeLayout is how the log writes times: UTC, microseconds.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func text(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

// inert keeps a spreadsheet from computing what a client has chosen.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
