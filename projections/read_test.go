package projections_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"missioncontrol/commands"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/projections"
)

// TestTime: an instant goes out in UTC without a zone, with six digits of a
// second or none, and reads back the same.
func TestTime(t *testing.T) {
	t.Parallel()
	for want, at := range map[string]time.Time{
		"2026-11-21T17:41:02":        time.Date(2026, 11, 21, 17, 41, 2, 0, time.UTC),
		"2026-11-21T17:41:02.100000": time.Date(2026, 11, 21, 17, 41, 2, 100_000_000, time.UTC),
		"2026-11-21T17:41:02.000001": time.Date(2026, 11, 21, 17, 41, 2, 1_999, time.UTC),
		"2026-11-21T17:41:03":        time.Date(2026, 11, 21, 17, 41, 3, 999, time.UTC),
		"2026-11-21T16:41:02":        time.Date(2026, 11, 21, 17, 41, 2, 0, time.FixedZone("", 3600)),
		"0001-01-01T00:00:00":        {},
		"9999-12-31T23:59:59.999999": time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
	} {
		b, err := json.Marshal(projections.Time(at))
		if err != nil || string(b) != `"`+want+`"` {
			t.Errorf("%v is written %s, %v; want %s", at, b, err, want)
		}
		var back projections.Time
		if err := json.Unmarshal(b, &back); err != nil || !time.Time(back).Equal(at.Truncate(time.Microsecond)) {
			t.Errorf("%s reads as %v, %v", b, time.Time(back), err)
		}
	}
	var wrong projections.Time
	if err := json.Unmarshal([]byte(`"yesterday"`), &wrong); err == nil {
		t.Error("yesterday reads as a time")
	}
}

// making makes tasks on a board and returns their ids, the oldest first.
func (p *process) making(t testing.TB, c *crowd, at commands.Place, n int) (ids []uuid.UUID) {
	t.Helper()
	for i := range n {
		made, err := p.Tasks.Create(c.ctx, at, commands.NewTask{Created: task.Created{Title: fmt.Sprint(i), Status: []task.Status{task.Inbox, task.Review}[i%2], Priority: "low"}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, made.ID)
	}
	return ids
}

func TestFeed(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Connect(t, pgtest.Clone(t)))
	c := p.crowd(t, 1)
	at, other := c.places[0], c.places[1]
	ids := p.making(t, c, at, 10)
	p.making(t, c, other, 3)
	if _, err := p.Memories.Create(c.ctx, at, commands.Note{Content: "x", Tags: []string{"chat"}}); err != nil {
		t.Fatal(err)
	}
	feed, topic := projections.Feed{Reader: p.Reader}, projections.TasksTopic(at.Board)
	head := p.Store.Head()
	all, err := feed.After(t.Context(), topic, 0, head, 1000)
	if err != nil || len(all) != 10 {
		t.Fatalf("%d frames, %v", len(all), err)
	}
	for i, f := range all {
		if f.Topic != topic || f.About != ids[i] || i > 0 && f.Seq <= all[i-1].Seq || !strings.Contains(string(f.Payload), ids[i].String()) {
			t.Errorf("frame %d is %+v", i, f)
		}
	}
	seqs := func(frames []eventstore.Frame) (seqs []int64) {
		for _, f := range frames {
			seqs = append(seqs, f.Seq)
		}
		return seqs
	}
	want := seqs(all)
	for name, c := range map[string]struct {
		after, upTo int64
		limit       int
		want        []int64
	}{
		"from the middle":          {want[3], head, 100, want[4:]},
		"up to the middle":         {0, want[3], 100, want[:4]},
		"a page":                   {want[1], head, 3, want[2:5]},
		"nothing behind the last":  {want[9], head, 100, nil},
		"nothing before the first": {0, want[0] - 1, 100, nil},
	} {
		got, err := feed.After(t.Context(), topic, c.after, c.upTo, c.limit)
		if diff := cmp.Diff(c.want, seqs(got)); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	memory, err := feed.After(t.Context(), projections.MemoryTopic(at.Board), 0, head, 100)
	if err != nil || len(memory) != 1 || memory[0].Attrs[projections.IsChat] != "true" {
		t.Errorf("memory %+v, %v", memory, err)
	}

	for i, f := range all {
		if got, err := feed.Since(t.Context(), topic, f.Recorded); err != nil || got >= f.Seq || i > 0 && got < all[i-1].Seq && all[i-1].Recorded.Before(f.Recorded) {
			t.Errorf("since frame %d stands %d, %v", f.Seq, got, err)
		}
	}

	for _, gone := range []int{2, 5} {
		if err := p.Tasks.Delete(c.ctx, at, ids[gone]); err != nil {
			t.Fatal(err)
		}
	}
	all, err = feed.After(t.Context(), topic, 0, p.Store.Head(), 1000)
	if err != nil || len(all) != 12 {
		t.Fatalf("%d frames, %v", len(all), err)
	}
	alive, err := feed.Alive(t.Context(), topic, all)
	if err != nil {
		t.Fatal(err)
	}
	var about []uuid.UUID
	for _, f := range alive {
		about = append(about, f.About)
	}
	if diff := cmp.Diff(slices.Delete(slices.Delete(slices.Clone(ids), 5, 6), 2, 3), about); diff != "" {
		t.Errorf("what is left (-want +got)\n%s", diff)
	}
	if same, err := feed.Alive(t.Context(), "a/topic/of/tomorrow", all); err != nil || len(same) != len(all) {
		t.Errorf("frames of a topic that nothing is known of: %d, %v", len(same), err)
	}
	if none, err := feed.Alive(t.Context(), topic, nil); err != nil || len(none) != 0 {
		t.Errorf("no frames: %d, %v", len(none), err)
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Pool(t))
	c := p.crowd(t, 1)
	at := c.places[0]
	ids := p.making(t, c, at, 7)
	newest := slices.Clone(ids)
	slices.Reverse(newest)
	tasks := projections.Tasks{Reader: p.Reader}
	nobody := uuid.New()
	for name, c := range map[string]struct {
		filter projections.TaskFilter
		slice  projections.Slice
		want   []uuid.UUID
		total  int
	}{
		"all, the newest first": {projections.TaskFilter{}, projections.Slice{Limit: 50}, newest, 7},
		"a page":                {projections.TaskFilter{}, projections.Slice{Limit: 3, Offset: 2}, newest[2:5], 7},
		"past the end":          {projections.TaskFilter{}, projections.Slice{Limit: 3, Offset: 9}, nil, 7},
		"of a status":           {projections.TaskFilter{Statuses: []task.Status{task.Review}}, projections.Slice{Limit: 9}, []uuid.UUID{ids[5], ids[3], ids[1]}, 3},
		"of two":                {projections.TaskFilter{Statuses: []task.Status{task.Review, task.Inbox}}, projections.Slice{Limit: 1}, newest[:1], 7},
		"of nobody":             {projections.TaskFilter{Unassigned: true}, projections.Slice{Limit: 9}, newest, 7},
		"of somebody":           {projections.TaskFilter{AssignedAgentID: &nobody}, projections.Slice{Limit: 9}, nil, 0},
	} {
		page, err := tasks.OnBoard(t.Context(), at.Board, c.filter, c.slice)
		if err != nil {
			t.Fatal(err)
		}
		var got []uuid.UUID
		for _, v := range page.Items {
			got = append(got, v.ID)
		}
		if diff := cmp.Diff(c.want, got); diff != "" || page.Total != c.total || page.Limit != c.slice.Limit || page.Offset != c.slice.Offset || page.Items == nil {
			t.Errorf("%s: %d in all\n%s", name, page.Total, diff)
		}
	}
	for _, content := range []string{"first", " \n\t ", "second"} {
		if _, err := p.Memories.Create(c.ctx, at, commands.Note{Content: content}); err != nil {
			t.Fatal(err)
		}
	}
	if page, err := (projections.Memories{Reader: p.Reader}).OnBoard(t.Context(), at.Board, nil, projections.Slice{Limit: 9}); err != nil || page.Total != 2 || page.Items[0].Content != "second" {
		t.Errorf("memory: %+v, %v", page, err)
	}
}
