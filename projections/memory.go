package projections

import (
	"context"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain/memory"
	"missioncontrol/eventstore"
)

// MemoryRow maps an item of a board's memory.
type MemoryRow struct {
	ID         uuid.UUID `db:"id"`
	BoardID    uuid.UUID `db:"board_id"`
	Content    string    `db:"content"`
	Tags       []string  `db:"tags"`
	Source     *string   `db:"source"`
	SourceName *string   `db:"source_name"`
	IsChat     bool      `db:"is_chat"`
	CreatedAt  time.Time `db:"created_at"`
}

var memoryTable = eventstore.TableOf[MemoryRow]("board_memory", "id")

func memoryRow(m memory.Memory) MemoryRow {
	return MemoryRow{
		ID: m.ID, BoardID: m.BoardID, Content: m.Content, Tags: m.Tags, Source: m.Source,
		SourceName: located(m.SourceName), IsChat: m.IsChat, CreatedAt: m.CreatedAt,
	}
}

// Memory is an item of a board's memory as callers see it.
type Memory struct {
	ID        uuid.UUID `json:"id"`
	BoardID   uuid.UUID `json:"board_id"`
	Content   string    `json:"content"`
	Tags      *[]string `json:"tags"`
	Source    *Source   `json:"source"`
	IsChat    bool      `json:"is_chat" default:"false"`
	CreatedAt Time      `json:"created_at"`
}

// Source is who wrote an item: a text, or the sealed name of a person.
type Source struct {
	Text string
	Name Personal
}

// MarshalJSONTo writes whichever there is.
func (s Source) MarshalJSONTo(enc *jsontext.Encoder) error {
	if s.Name != "" {
		return s.Name.MarshalJSONTo(enc)
	}
	return enc.WriteToken(jsontext.String(s.Text))
}

// ViewMemory shows an item of memory.
func ViewMemory(m memory.Memory) Memory { return viewMemory(memoryRow(m)) }

func viewMemory(r MemoryRow) Memory {
	v := Memory{
		ID: r.ID, BoardID: r.BoardID, Content: r.Content, Source: sourceOf(r.Source, r.SourceName),
		IsChat: r.IsChat, CreatedAt: Time(r.CreatedAt),
	}
	if r.Tags != nil {
		v.Tags = &r.Tags
	}
	return v
}

// sourceOf is whichever of the two columns of a source there is.
func sourceOf(text, name *string) *Source {
	switch {
	case text != nil:
		return &Source{Text: *text}
	case name != nil:
		return &Source{Name: Personal(*name)}
	}
	return nil
}

// MemoryTopic is the stream of a board's memory.
func MemoryTopic(board uuid.UUID) string { return "board/" + board.String() + "/memory" }

// IsChat is the attribute that memory streams filter by.
const IsChat = "is_chat"

func memoryAttrs(m memory.Memory) map[string]string {
	return map[string]string{IsChat: strconv.FormatBool(m.IsChat)}
}

func frameMemory(e *eventstore.Staged, m memory.Memory) ([]eventstore.PendingFrame, error) {
	return frameOf(e, MemoryTopic(m.BoardID), m.ID, memoryAttrs(m), struct {
		Memory Memory `json:"memory"`
	}{ViewMemory(m)})
}

// Memories lists memory.
type Memories struct{ Reader }

// OnBoard lists a board's memory, the newest first; isChat nil lists both kinds.
func (m Memories) OnBoard(ctx context.Context, board uuid.UUID, isChat *bool, s Slice) (Page[Memory], error) {
	return list(ctx, m.DB, memoryTable,
		`board_id = $1 and ($2::boolean is null or is_chat = $2) and content ~ '\S'`, `created_at desc, id desc`,
		[]any{board, isChat}, s, viewMemory)
}
