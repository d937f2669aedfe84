package notification

import (
	"strings"

	"github.com/google/uuid"
)

// Limits of what a message quotes, in characters.
const (
	mostOfTask = 500
	mostOfChat = 800
	mostOfLine = 500
)

// cut shortens a text that is longer than most characters.
func cut(text string, most int) string {
	text = strings.TrimSpace(text)
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-3]) + "..."
}

// lines writes one line each.
func lines(all ...string) string { return strings.Join(all, "\n") }

// paragraphs are parted by a blank line.
func paragraphs(all ...string) string { return strings.Join(all, "\n\n") }

// label is one line, whatever the value holds: a title with line breaks writes
// no line of its own into a heading.
func label(name, value string) string { return name + ": " + oneLine(value) }

func oneLine(text string) string {
	return cut(strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\u2028", " ", "\u2029", " ").Replace(text), mostOfLine)
}

// details are the lines by which every message about a task begins.
func (t Task) details(heading string, on Board) string {
	text := lines(heading, label("Board", on.Name), label("Task", t.Title), "Task ID: "+t.ID.String(), "Status: "+t.Status)
	if t.Description != nil && strings.TrimSpace(*t.Description) != "" {
		text += "\nDescription: " + cut(*t.Description, mostOfTask)
	}
	return text
}

// reply tells how to answer a message.
func reply(path string) string {
	return lines("Reply:", "POST "+path, `Body: {"content":"...","tags":["chat"]}`)
}

func boardMemory(board uuid.UUID) string { return "/api/v1/agent/boards/" + board.String() + "/memory" }

func groupMemory(board uuid.UUID) string {
	return "/api/v1/boards/" + board.String() + "/group-memory"
}
