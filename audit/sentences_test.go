package audit

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"missioncontrol/commands"
	"missioncontrol/domain"
)

// TestSentences asks for a sentence of every event that the log may hold, for
// its stored sample.
func TestSentences(t *testing.T) {
	t.Parallel()
	vocabulary := commands.Vocabulary()
	for _, shape := range vocabulary.Shapes() {
		sample, err := os.ReadFile(fmt.Sprintf("../commands/testdata/events/%s.%d.json", shape.Type, shape.SV))
		if err != nil {
			t.Fatal(err)
		}
		r, err := vocabulary.Decode([]byte(strings.TrimSpace(string(sample))))
		if err != nil {
			t.Fatal(err)
		}
		told := teller{r: r, self: "This", names: names{}, changes: []Change{{Field: "due_at"}, {Field: "title"}}}
		if err := json.Unmarshal(r.Body, &told.body); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"", "Ann"} {
			for _, id := range append([]uuid.UUID{r.Actor.ID}, idsOf(r.Refs)...) {
				told.names[id] = name
			}
			text := told.sentence()
			t.Logf("%-28s %s", r.Type, text)
			if strings.Contains(text, "recorded "+r.Type) {
				t.Errorf("%s has no sentence: add one to sentences.go", r.Type)
			}
			if !strings.HasSuffix(text, ".") || strings.Contains(text, "  ") || strings.Contains(text, " .") || strings.ToUpper(text[:1]) != text[:1] {
				t.Errorf("%s: %q is no sentence", r.Type, text)
			}
		}
	}
}

func idsOf(refs []domain.Ref) (ids []uuid.UUID) {
	for _, r := range refs {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestFieldNames(t *testing.T) {
	t.Parallel()
	type sample struct {
		DueAt, TagIDs, ID, AssignedAgentID, IsBoardLead, DependsOn, AllBoardsRead, Title string
		Other                                                                            string `json:"named,omitzero"`
	}
	want := "due_at tag_ids id assigned_agent_id is_board_lead depends_on all_boards_read title named"
	var got []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[sample]()) {
		got = append(got, fieldName(f))
	}
	if strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}
