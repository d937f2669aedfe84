package projections

import (
	"context"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain/memory"
	"missioncontrol/eventstore"
)

// GroupMemoryRow maps an item of a group's memory.
type GroupMemoryRow struct {
	ID           uuid.UUID `db:"id"`
	BoardGroupID uuid.UUID `db:"board_group_id"`
	Content      string    `db:"content"`
	Tags         []string  `db:"tags"`
	Source       *string   `db:"source"`
	SourceName   *string   `db:"source_name"`
	IsChat       bool      `db:"is_chat"`
	CreatedAt    time.Time `db:"created_at"`
}

var groupMemoryTable = eventstore.TableOf[GroupMemoryRow]("board_group_memory", "id")

func groupMemoryRow(m memory.Memory) GroupMemoryRow {
	return GroupMemoryRow{
		ID: m.ID, BoardGroupID: m.BoardGroupID, Content: m.Content, Tags: m.Tags, Source: m.Source,
		SourceName: located(m.SourceName), IsChat: m.IsChat, CreatedAt: m.CreatedAt,
	}
}

// GroupMemory is an item of a group's memory as callers see it.
type GroupMemory struct {
	ID           uuid.UUID `json:"id"`
	BoardGroupID uuid.UUID `json:"board_group_id"`
	Content      string    `json:"content"`
	Tags         *[]string `json:"tags"`
	Source       *Source   `json:"source"`
	IsChat       bool      `json:"is_chat" default:"false"`
	CreatedAt    Time      `json:"created_at"`
}

// ViewGroupMemory shows an item of a group's memory.
func ViewGroupMemory(m memory.Memory) GroupMemory { return viewGroupMemory(groupMemoryRow(m)) }

func viewGroupMemory(r GroupMemoryRow) GroupMemory {
	v := GroupMemory{
		ID: r.ID, BoardGroupID: r.BoardGroupID, Content: r.Content, Source: sourceOf(r.Source, r.SourceName),
		IsChat: r.IsChat, CreatedAt: Time(r.CreatedAt),
	}
	if r.Tags != nil {
		v.Tags = &r.Tags
	}
	return v
}

// GroupMemoryTopic is the stream of a group's memory.
func GroupMemoryTopic(group uuid.UUID) string { return "group/" + group.String() + "/memory" }

// NoGroupTopic is what a board without a group follows: nothing is ever shown
// there.
func NoGroupTopic(board uuid.UUID) string { return "board/" + board.String() + "/no-group" }

func frameGroupMemory(e *eventstore.Staged, m memory.Memory) ([]eventstore.PendingFrame, error) {
	return frameOf(e, GroupMemoryTopic(m.BoardGroupID), m.ID, memoryAttrs(m), struct {
		Memory GroupMemory `json:"memory"`
	}{ViewGroupMemory(m)})
}

// Memory lists a group's memory, the newest first; isChat nil lists both kinds.
func (g Groups) Memory(ctx context.Context, group uuid.UUID, isChat *bool, s Slice) (Page[GroupMemory], error) {
	return list(ctx, g.DB, groupMemoryTable,
		`board_group_id = $1 and ($2::boolean is null or is_chat = $2) and content ~ '\S'`, `created_at desc, id desc`,
		[]any{group, isChat}, s, viewGroupMemory)
}
