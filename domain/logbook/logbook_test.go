package logbook_test

import (
	"testing"

	"github.com/google/uuid"

	"missioncontrol/domain/domaintest"
	"missioncontrol/domain/logbook"
)

func TestRestore(t *testing.T) {
	t.Parallel()
	logs := domaintest.Aggregate[logbook.Log, logbook.Event]{Events: logbook.Events}
	was, now := logbook.Head{Epoch: uuid.New(), Seq: 7}, logbook.Head{Epoch: uuid.New(), Seq: 5}
	restored := logbook.Restored{Was: was, Now: now}
	logs.Given(t).When(logbook.Restore{Was: was, Now: now}).Then(restored)
	logs.Given(t, restored).When(logbook.Restore{Was: was, Now: now}).Then()
}
