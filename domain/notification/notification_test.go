package notification_test

import (
	"testing"

	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/domaintest"
	"missioncontrol/domain/notification"
)

var notifications = domaintest.Aggregate[notification.Notification, notification.Event]{Events: notification.Events}

func TestTell(t *testing.T) {
	t.Parallel()
	said := notification.Created{AgentID: worker.ID, Kind: notification.Nudge, BoardID: on.ID, Text: "wake up"}
	h := notifications.Given(t).When(notification.Tell{Created: said}).Then(said)
	if n := h.State(); !n.Exists() || n.ID != domaintest.Stream || n.Said.Text != "wake up" || n.CreatedAt != domaintest.Began {
		t.Errorf("%+v", n)
	}
	h.When(notification.Tell{Created: said}).Then()
	said.Text = "other words"
	h.When(notification.Tell{Created: said}).Then()
}

func TestID(t *testing.T) {
	t.Parallel()
	first := notification.ID(id(1), id(2), notification.Nudge)
	if first != notification.ID(id(1), id(2), notification.Nudge) {
		t.Error("the same notification has another id")
	}
	if first == notification.ID(id(2), id(2), notification.Nudge) || first == notification.ID(id(1), id(1), notification.Nudge) ||
		first == notification.ID(id(1), id(2), notification.Mentioned) {
		t.Error("other notifications have the same id")
	}
}

func TestAnySequence(t *testing.T) {
	t.Parallel()
	notifications.Property(t, rapid.Custom(func(t *rapid.T) domain.Command[notification.Notification, notification.Event] {
		ids := domaintest.OrNil(domaintest.IDs())
		c := notification.Created{
			AgentID: domaintest.IDs().Draw(t, "agent"), Kind: notification.BoardChat, BoardID: domaintest.IDs().Draw(t, "board"),
			BoardGroupID: ids.Draw(t, "group"), TaskID: ids.Draw(t, "task"), ApprovalID: ids.Draw(t, "approval"), MemoryID: ids.Draw(t, "memory"),
			From: domaintest.OrNil(domaintest.Texts()).Draw(t, "from"), Text: domaintest.Texts().Draw(t, "text"), Deliver: rapid.Bool().Draw(t, "deliver"),
		}
		if rapid.Bool().Draw(t, "caused") {
			c.Cause = &notification.Cause{EventID: domaintest.IDs().Draw(t, "event"), Position: rapid.Int64Range(1, 1<<50).Draw(t, "position")}
		}
		return notification.Tell{Created: c}
	}))
}
