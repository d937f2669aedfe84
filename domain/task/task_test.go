package task_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/domaintest"
	"missioncontrol/domain/task"
)

var tasks = domaintest.Aggregate[task.Task, task.Event]{Events: task.Events}

var (
	created = task.Created{BoardID: domaintest.Org, Title: "Set up CI", Status: task.Inbox, Priority: "medium"}
	now     = domaintest.Began.Add(time.Hour)
	began   = domaintest.Began.Add(time.Minute)
	agent   = uuid.MustParse("00000000-0000-4000-8000-0000000000a9")

	started = task.StatusChanged{From: task.Inbox, Status: task.InProgress, Changes: task.Changes{InProgressAt: domain.Some(began)}}
	taken   = task.Updated{Changes: task.Changes{AssignedAgentID: domain.Some(agent)}}
)

// edit is what a person asks of a task on a board without rules.
func edit(e task.Edit) task.UserEdit { return task.UserEdit{Edit: e, Facts: task.Facts{Now: now}} }

func to(s task.Status) task.UserEdit { return edit(task.Edit{Status: domain.Some(s)}) }

func TestCreate(t *testing.T) {
	t.Parallel()
	t.Run("stands on its board", func(t *testing.T) {
		h := tasks.Given(t).When(task.Create{Created: created}).Then(created)
		s := h.State()
		if !s.Exists() || s.ID != domaintest.Stream || s.BoardID != domaintest.Org || s.CreatedAt != s.UpdatedAt || s.Title != created.Title {
			t.Errorf("%+v", s)
		}
	})
	t.Run("only once", func(t *testing.T) {
		tasks.Given(t, created).When(task.Create{Created: created}).ThenRefused(domain.Conflict)
	})
	t.Run("not again after it was deleted", func(t *testing.T) {
		tasks.Given(t, created, task.Deleted{}).When(task.Create{Created: created}).ThenRefused(domain.Conflict)
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	t.Run("wants a task", func(t *testing.T) {
		tasks.Given(t).When(to(task.Done)).ThenRefused(domain.NotFound, nil)
		tasks.Given(t, created, task.Deleted{}).When(edit(task.Edit{})).ThenRefused(domain.NotFound, nil)
	})
	t.Run("an empty one is a touch", func(t *testing.T) {
		h := tasks.Given(t, created)
		s := h.When(edit(task.Edit{})).Then(task.Updated{}).State()
		if !s.UpdatedAt.After(h.State().UpdatedAt) || s.CreatedAt != h.State().CreatedAt {
			t.Errorf("%+v", s)
		}
	})
	t.Run("changes what is given and nothing else", func(t *testing.T) {
		due := now.Add(time.Hour)
		c := task.Edit{Title: domain.Some("CI and CD"), Description: domain.Some("d"), DueAt: domain.Some(due)}
		s := tasks.Given(t, created).When(edit(c)).Then(task.Updated{Changes: task.Changes{Title: c.Title, Description: c.Description, DueAt: c.DueAt}}).State()
		if s.Title != "CI and CD" || *s.Description != "d" || *s.DueAt != due || s.Priority != "medium" || s.Status != task.Inbox {
			t.Errorf("%+v", s)
		}
	})
	t.Run("null clears what can be empty and leaves what can not", func(t *testing.T) {
		text := "d"
		full := created
		full.Description, full.DueAt = &text, &now
		s := tasks.Given(t, full).When(edit(task.Edit{
			Description: domain.Null[string](), DueAt: domain.Null[time.Time](), Title: domain.Null[string](), Priority: domain.Null[string](),
		})).After().State()
		if s.Description != nil || s.DueAt != nil || s.Title != created.Title || s.Priority != created.Priority {
			t.Errorf("%+v", s)
		}
	})
	t.Run("the status it has is no move", func(t *testing.T) {
		tasks.Given(t, created).When(to(task.Inbox)).Then(task.Updated{Changes: task.Changes{
			AssignedAgentID: domain.Null[uuid.UUID](), InProgressAt: domain.Null[time.Time](),
		}})
		tasks.Given(t, created, task.StatusChanged{From: task.Inbox, Status: task.Done}).When(to(task.Done)).Then(task.Updated{})
	})
}

func TestMoves(t *testing.T) {
	t.Parallel()
	released := task.Changes{AssignedAgentID: domain.Null[uuid.UUID](), InProgressAt: domain.Null[time.Time]()}
	remembered := released
	remembered.PreviousInProgressAt = domain.Some(began)
	for name, c := range map[string]struct {
		given []task.Event
		to    task.Status
		want  task.Event
	}{
		"work that begins is stamped": {
			[]task.Event{created},
			task.InProgress,
			task.StatusChanged{From: task.Inbox, Status: task.InProgress, Changes: task.Changes{InProgressAt: domain.Some(now)}},
		},
		"work that begins again is stamped again": {
			[]task.Event{created, started},
			task.InProgress,
			task.Updated{Changes: task.Changes{InProgressAt: domain.Some(now)}},
		},
		"review releases and remembers the start": {
			[]task.Event{created, started, taken},
			task.Review,
			task.StatusChanged{From: task.InProgress, Status: task.Review, Changes: remembered},
		},
		"so does the inbox": {
			[]task.Event{created, started, taken},
			task.Inbox,
			task.StatusChanged{From: task.InProgress, Status: task.Inbox, Changes: remembered},
		},
		"review without a start keeps the older one": {
			[]task.Event{created},
			task.Review,
			task.StatusChanged{From: task.Inbox, Status: task.Review, Changes: released},
		},
		"done changes nothing else": {
			[]task.Event{created, started, taken},
			task.Done,
			task.StatusChanged{From: task.InProgress, Status: task.Done},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := tasks.Given(t, c.given...).When(to(c.to)).Then(c.want).State()
			if s.Status != c.to {
				t.Errorf("stands at %s", s.Status)
			}
			if c.to == task.Review || c.to == task.Inbox {
				if s.AssignedAgentID != nil || s.InProgressAt != nil {
					t.Errorf("is not released: %+v", s)
				}
			}
		})
	}
	s := tasks.Given(t, created, started, taken).When(to(task.Review)).After().When(to(task.Inbox)).After().State()
	if s.PreviousInProgressAt == nil || *s.PreviousInProgressAt != began {
		t.Errorf("a second stop forgets when the work began: %v", s.PreviousInProgressAt)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	tasks.Given(t).When(task.Delete{}).ThenRefused(domain.NotFound, nil)
	h := tasks.Given(t, created).When(task.Delete{}).Then(task.Deleted{})
	if h.State().Exists() {
		t.Error("it is still there")
	}
	h.When(task.Delete{}).ThenRefused(domain.NotFound, nil)
}

func commands() *rapid.Generator[domain.Command[task.Task, task.Event]] {
	statuses := rapid.SampledFrom([]task.Status{task.Inbox, task.InProgress, task.Review, task.Done})
	return rapid.Custom(func(t *rapid.T) domain.Command[task.Task, task.Event] {
		switch rapid.IntRange(0, 9).Draw(t, "command") {
		case 0, 1:
			return task.Create{Created: task.Created{
				BoardID: domaintest.IDs().Draw(t, "board"), Title: domaintest.Texts().Draw(t, "title"),
				Description: domaintest.OrNil(domaintest.Texts()).Draw(t, "description"), Status: statuses.Draw(t, "status"),
				Priority: domaintest.Texts().Draw(t, "priority"), DueAt: domaintest.OrNil(domaintest.Times()).Draw(t, "due"),
				CreatedByUserID: domaintest.OrNil(domaintest.IDs()).Draw(t, "by"),
			}}
		case 2:
			return task.Delete{}
		default:
			texts, times := domaintest.Maybe(domaintest.Texts()), domaintest.Maybe(domaintest.Times())
			return task.UserEdit{Facts: task.Facts{Now: domaintest.Times().Draw(t, "now")}, Edit: task.Edit{
				Title: texts.Draw(t, "title"), Description: texts.Draw(t, "description"),
				Priority: texts.Draw(t, "priority"), DueAt: times.Draw(t, "due"), Status: domaintest.Maybe(statuses).Draw(t, "status"),
			}}
		}
	})
}

func TestAnySequence(t *testing.T) {
	t.Parallel()
	tasks.Property(t, commands())
}
