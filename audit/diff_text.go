package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/projections"
)

// diffTeller says in English what differs.
type diffTeller struct{ names names }

// newDiffTeller calls things as they were called last.
func newDiffTeller(before, after *projections.BoardSnapshot) diffTeller {
	t := diffTeller{names{}}
	for _, s := range []*projections.BoardSnapshot{before, after} {
		for _, v := range s.Tasks {
			t.names[v.ID] = v.Title
		}
		for _, v := range s.Agents {
			t.names[v.ID] = v.Name
		}
		t.names[s.Board.ID] = s.Board.Name
	}
	return t
}

func (t diffTeller) lines(d *BoardDiff) []string {
	var lines []string
	board := thing("board", t.names[d.BoardID])
	switch {
	case !d.From.Exists && d.To.Exists:
		lines = append(lines, board+" was created.")
	case d.From.Exists && !d.To.Exists:
		lines = append(lines, board+" was deleted.")
	case len(d.Board) > 0:
		lines = append(lines, t.changed(board, d.Board))
	}
	lines = append(lines, t.of("task", d.Tasks)...)
	lines = append(lines, t.of("request for approval of", d.Approvals)...)
	lines = append(lines, t.of("agent", d.Agents)...)
	lines = append(lines, counted(d.Memory.Added, "added to")...)
	lines = append(lines, counted(d.Memory.Removed, "removed from")...)
	if len(lines) == 0 {
		lines = append(lines, "Nothing differs.")
	}
	for i, line := range lines {
		lines[i] = capital(oneLine(line))
	}
	return lines
}

// of tells of things of one kind.
func (t diffTeller) of(noun string, d Differences) (lines []string) {
	for _, n := range d.Added {
		lines = append(lines, thing(noun, n.Title)+" was added.")
	}
	for _, n := range d.Removed {
		lines = append(lines, thing(noun, n.Title)+" was removed.")
	}
	for _, c := range d.Changed {
		lines = append(lines, t.changed(thing(noun, c.Title), c.Changes))
	}
	return lines
}

func counted(n int, how string) []string {
	switch n {
	case 0:
		return nil
	case 1:
		return []string{"1 entry was " + how + " memory."}
	}
	return []string{fmt.Sprintf("%d entries were %s memory.", n, how)}
}

// changed tells of one thing's fields, but for those that another tells better:
// the names of tags tell their ids, and so on.
func (t diffTeller) changed(name string, changes []Change) string {
	told := slices.DeleteFunc(slices.Clone(changes), func(c Change) bool {
		return slices.Contains([]string{"tag_ids", "assignee", "task_id", "task_titles"}, c.Field)
	})
	if len(told) == 0 {
		told = changes
	}
	parts := make([]string, len(told))
	for i, c := range told {
		parts[i] = words(strings.TrimSuffix(strings.TrimSuffix(c.Field, "_ids"), "_id")) + " from " + t.value(c.Before) + " to " + t.value(c.After)
	}
	return name + ": " + strings.Join(parts, "; ") + "."
}

// value is a value in words, ids as what they are called.
func (t diffTeller) value(v jsontext.Value) string {
	var parsed any
	if err := json.Unmarshal(v, &parsed, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)); err != nil {
		return short(string(v))
	}
	return t.said(parsed, v)
}

func (t diffTeller) said(parsed any, v jsontext.Value) string {
	switch p := parsed.(type) {
	case nil:
		return "nothing"
	case string:
		if id, err := uuid.Parse(p); err == nil && t.names[id] != "" {
			p = t.names[id]
		}
		return quoted(p, "nothing")
	case []any:
		items := make([]string, len(p))
		for i, item := range p {
			items[i] = t.said(item, nil)
		}
		return orNothing(strings.Join(items, ", "))
	case map[string]any:
		if name, ok := p["name"].(string); ok && v == nil {
			return quoted(name, "nothing")
		}
	}
	if v == nil {
		return fmt.Sprint(parsed)
	}
	return short(string(v))
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

// oneLine leaves no line break in what people have written.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
