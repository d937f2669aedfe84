package audit_test

import (
	"testing"
	"time"

	"missioncontrol/domain"
	"missioncontrol/domain/audit"
	"missioncontrol/domain/domaintest"
)

var entries = domaintest.Aggregate[audit.Entry, audit.Event]{Events: audit.Events}

func TestRecord(t *testing.T) {
	t.Parallel()
	refused := audit.Refused{Method: "PATCH", Route: "/api/v1/boards/{board_id}", Status: 403, Reason: "Forbidden"}
	h := entries.Given(t).When(audit.Record{Event: refused}).Then(refused)
	h.When(audit.Record{Event: refused}).ThenRefused(domain.Conflict)
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	for name, e := range audit.Events {
		want := map[string]string{
			"command.refused": "denied", "command.refused_many": "denied",
			"authentication.failed": "failed", "authentication.failed_many": "failed",
		}[name]
		if want == "" {
			want = "ok"
		}
		if got := audit.Outcome(e); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestMany(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	var early, late audit.Many
	for i := range 15 {
		early.Add(begin.Add(time.Duration(i)*time.Second), "early")
		late.Add(begin.Add(time.Duration(20+i)*time.Second), "late")
	}
	late.Add(begin.Add(time.Minute), "")
	late.Merge(early)
	if late.Count != 31 || late.First != begin || late.Last != begin.Add(time.Minute) || len(late.RequestIDs) != audit.MostNamed {
		t.Errorf("%+v", late)
	}
	for range 100 {
		early.Add(begin, "more")
	}
	if early.Count != 115 || len(early.RequestIDs) != audit.MostNamed || early.RequestIDs[14] != "early" {
		t.Errorf("%+v", early)
	}
}
