package export

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"missioncontrol/audit/bundle"
	"missioncontrol/domain/approval"
	"missioncontrol/domain/member"
	"missioncontrol/eventstore"
)

// summary is what a reviewer reads first: who did what how often, who had
// which access, and who decided. It names people by id.
type summary struct {
	actors, actions, outcomes map[string]int64
	decisions                 []decision
}

// decision is one answer to a request for approval.
type decision struct {
	seq      int64
	at       time.Time
	approval uuid.UUID
	what     string
	by       string
	reason   string
}

func newSummary() *summary {
	return &summary{actors: map[string]int64{}, actions: map[string]int64{}, outcomes: map[string]int64{}}
}

// mostDecisions bounds what is kept in memory; the entries have them all.
const mostDecisions = 10_000

func (s *summary) entry(r *eventstore.Recorded) {
	by := string(r.Actor.Type)
	if r.Actor.ID != uuid.Nil {
		by += " " + r.Actor.ID.String()
	}
	s.actors[by]++
	s.actions[r.Type]++
	s.outcomes[r.Outcome]++
	d := decision{seq: r.Seq, at: r.Time, approval: r.Stream, by: by}
	switch e := r.Event.(type) {
	case approval.Granted:
		d.what, d.reason = "approved", e.Reason
	case approval.Denied:
		d.what, d.reason = "rejected", e.Reason
	case approval.Reopened:
		d.what, d.reason = "reopened", e.Reason
	}
	if d.what != "" && len(s.decisions) < mostDecisions {
		s.decisions = append(s.decisions, d)
	}
}

// markdown writes the summary; first and last are who had access when the
// period began and ended.
func (s *summary) markdown(m bundle.Manifest, entries int64, first, last []member.Member) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Evidence of organization %s\n\n", cmp.Or(m.Organization, "of the system"))
	fmt.Fprintf(&b, "%d entries (%s), made %s, proved against a log of %d entries (%s).\n", entries, m.Completeness, m.Made, m.TreeSize, m.Origin)
	for _, name := range slices.Sorted(maps.Keys(m.Filters)) {
		fmt.Fprintf(&b, "- %s: %s\n", name, cell(m.Filters[name]))
	}
	b.WriteString("\nPeople stand here by id.\n")
	counted(&b, "Actors", "actor", s.actors)
	counted(&b, "Actions", "action", s.actions)
	counted(&b, "Outcomes", "outcome", s.outcomes)
	access(&b, "Access when the period began", first)
	access(&b, "Access when the period ended", last)
	b.WriteString("\n## Decisions\n\n| position | time | approval | decision | by | reason |\n|---|---|---|---|---|---|\n")
	for _, d := range s.decisions {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s |\n", d.seq, d.at.Format(timeLayout), d.approval, d.what, d.by, cell(d.reason))
	}
	if len(s.decisions) == mostDecisions {
		fmt.Fprintf(&b, "\nThese are the first %d; the entries have all of them.\n", mostDecisions)
	}
	return []byte(b.String())
}

func counted(b *strings.Builder, title, column string, counts map[string]int64) {
	fmt.Fprintf(b, "\n## %s\n\n| %s | entries |\n|---|---|\n", title, column)
	names := slices.SortedFunc(maps.Keys(counts), func(x, y string) int {
		return cmp.Or(cmp.Compare(counts[y], counts[x]), strings.Compare(x, y))
	})
	for _, name := range names {
		fmt.Fprintf(b, "| %s | %d |\n", cell(name), counts[name])
	}
}

func access(b *strings.Builder, title string, members []member.Member) {
	fmt.Fprintf(b, "\n## %s\n\n| person | role | all boards | boards |\n|---|---|---|---|\n", title)
	for _, m := range members {
		boards := make([]string, len(m.Access))
		for i, g := range m.Access {
			boards[i] = g.BoardID.String() + " " + reach(g.CanRead, g.CanWrite)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", m.UserID, m.Role, reach(m.AllBoardsRead, m.AllBoardsWrite), strings.Join(boards, ", "))
	}
}

func reach(read, write bool) string {
	switch {
	case write:
		return "write"
	case read:
		return "read"
	}
	return "no"
}

// cell keeps text of others within its cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "<", "&lt;").Replace(text)
}
