package evidence_test

import (
	"testing"
	"time"

	"missioncontrol/domain"
	"missioncontrol/domain/domaintest"
	"missioncontrol/domain/evidence"
)

var entries = domaintest.Aggregate[evidence.Entry, evidence.Event]{Events: evidence.Events}

func TestRecord(t *testing.T) {
	t.Parallel()
	refused := evidence.Refused{Method: "PATCH", Route: "/api/v1/boards/{board_id}", Status: 403, Reason: "Forbidden"}
	h := entries.Given(t).When(evidence.Record{Event: refused}).Then(refused)
	h.When(evidence.Record{Event: refused}).ThenRefused(domain.Conflict)
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	for name, e := range evidence.Events {
		want := map[string]string{
			"command.refused": "denied", "command.refused_many": "denied",
			"authentication.failed": "failed", "authentication.failed_many": "failed",
		}[name]
		if want == "" {
			want = "ok"
		}
		if got := evidence.Outcome(e); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestMany(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	var early, late evidence.Many
	for i := range 15 {
		early.Add(begin.Add(time.Duration(i)*time.Second), "early")
		late.Add(begin.Add(time.Duration(20+i)*time.Second), "late")
	}
	late.Add(begin.Add(time.Minute), "")
	late.Merge(early)
	if late.Count != 31 || late.First != begin || late.Last != begin.Add(time.Minute) || len(late.RequestIDs) != evidence.MostNamed {
		t.Errorf("%+v", late)
	}
	for range 100 {
		early.Add(begin, "more")
	}
	if early.Count != 115 || len(early.RequestIDs) != evidence.MostNamed || early.RequestIDs[14] != "early" {
		t.Errorf("%+v", early)
	}
}
