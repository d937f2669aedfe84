package task

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// DependencyDone tells a task that one it depends on is done now, or not any
// more.
type DependencyDone struct {
	By   Dependency
	Done bool // false: it was reopened
}

// Decide records it on a task that is not done. One that had gone on because
// its dependency was done goes back to the inbox.
func (c DependencyDone) Decide(t Task) ([]Event, error) {
	if !t.Exists() || t.Status == Done || !slices.Contains(t.DependsOn, c.By.TaskID) {
		return nil, nil
	}
	changes := Changes{Because: &c.By}
	if c.Done || (t.Status == Inbox && t.AssignedAgentID == nil && t.InProgressAt == nil) {
		return []Event{Updated{changes}}, nil
	}
	changes.AssignedAgentID, changes.InProgressAt = domain.Null[uuid.UUID](), domain.Null[time.Time]()
	changes.remember(t)
	if t.Status == Inbox {
		return []Event{Updated{changes}}, nil
	}
	return []Event{StatusChanged{From: t.Status, Status: Inbox, Changes: changes}}, nil
}

// DependencyGone takes an edge off, because the task at its end is gone.
type DependencyGone struct{ By Dependency }

// Decide leaves tasks without the edge alone.
func (c DependencyGone) Decide(t Task) ([]Event, error) {
	if !t.Exists() || !slices.Contains(t.DependsOn, c.By.TaskID) {
		return nil, nil
	}
	return []Event{Updated{Changes{DependsOn: domain.Some(without(t.DependsOn, c.By.TaskID)), Because: &c.By}}}, nil
}

// Cycle reports whether new edges of a task would lead back to it. edges are
// those of the board, task by task.
func Cycle(edges map[uuid.UUID][]uuid.UUID, id uuid.UUID, dependsOn []uuid.UUID) bool {
	seen := map[uuid.UUID]bool{}
	open := slices.Clone(dependsOn)
	for len(open) > 0 {
		next := open[len(open)-1]
		open = open[:len(open)-1]
		if next == id {
			return true
		}
		if seen[next] {
			continue
		}
		seen[next] = true
		open = append(open, edges[next]...)
	}
	return false
}
