package commands_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/tag"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/projections"
)

// happened records events of a task as they are.
type happened []task.Event

func (e happened) Decide(task.Task) ([]task.Event, error) { return e, nil }

// carrier makes a task with tags and values of fields.
func (p *process) carrier(ctx context.Context, t *testing.T, at commands.Place, values task.Values, tags ...uuid.UUID) uuid.UUID {
	t.Helper()
	id := uuid.New()
	tasks := eventstore.For[task.Task, task.Event](p.store, "task")
	err := p.store.Do(ctx, func(d *eventstore.Decision) error {
		return tasks.New(d, at.Organization, id).Decide(happened{task.Created{
			BoardID: at.Board, Title: "Carrier", Status: task.Inbox, Priority: "medium", TagIDs: tags, Values: values,
		}})
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (p *process) tagsOf(t *testing.T, id uuid.UUID) []uuid.UUID {
	t.Helper()
	now, err := eventstore.For[task.Task, task.Event](p.store, "task").Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return now.TagIDs
}

func TestTags(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Connect(t, pgtest.Clone(t)))
	person, at := p.board(t)
	ctx, read := as(t, person), projections.Tags{Reader: p.read}
	front, err := p.Tags.Create(ctx, at.Organization, tag.Create{Name: "front End", Color: "ff8800"})
	if err != nil || front.Slug != "front-end" || front.TaskCount != 0 || front.OrganizationID != at.Organization {
		t.Fatal(front, err)
	}
	back, err := p.Tags.Create(ctx, at.Organization, tag.Create{Name: "Back End", Color: "000000"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Tags.Create(ctx, at.Organization, tag.Create{Name: "FRONT-END", Color: "ff8800"}); domain.ReasonOf(err) != domain.Conflict {
		t.Error(err)
	}
	_, elsewhere := p.board(t)
	if _, err := p.Tags.Create(ctx, elsewhere.Organization, tag.Create{Name: "Front End", Color: "ff8800"}); err != nil {
		t.Errorf("another organization has slugs of its own: %v", err)
	}

	one, two := p.carrier(ctx, t, at, nil, back.ID, front.ID), p.carrier(ctx, t, at, nil, front.ID)
	p.carrier(ctx, t, at, nil)
	t.Run("count the tasks that carry them, also when written", func(t *testing.T) {
		changed, err := p.Tags.Update(ctx, at.Organization, front.ID, tag.Update{Name: domain.Some("Front"), Slug: domain.Null[string]()})
		if err != nil || changed.Slug != "front" || changed.TaskCount != 2 {
			t.Errorf("%+v, %v", changed, err)
		}
		page, err := read.OfOrganization(ctx, at.Organization, projections.Slice{Limit: 10})
		if err != nil || page.Total != 2 || page.Items[0].Name != "Back End" || page.Items[0].TaskCount != 1 || page.Items[1].TaskCount != 2 {
			t.Errorf("%+v, %v", page, err)
		}
		if seen, err := read.Read(ctx, front.ID); err != nil || seen.TaskCount != 2 || seen.Name != "Front" {
			t.Errorf("%+v, %v", seen, err)
		}
	})
	t.Run("are shown in the order asked for", func(t *testing.T) {
		none := uuid.New()
		refs, missing, err := read.Refs(ctx, nil, at.Organization, []uuid.UUID{front.ID, none, back.ID})
		want := []projections.TagRef{{ID: front.ID, Name: "Front", Slug: "front", Color: "ff8800"}, {ID: back.ID, Name: "Back End", Slug: "back-end", Color: "000000"}}
		if diff := cmp.Diff(want, refs); err != nil || diff != "" || !cmp.Equal(missing, []uuid.UUID{none}) {
			t.Errorf("%v, %v\n%s", missing, err, diff)
		}
		if refs, missing, err := read.Refs(ctx, nil, elsewhere.Organization, []uuid.UUID{front.ID}); err != nil || len(refs) > 0 || len(missing) != 1 {
			t.Errorf("another organization sees it: %v, %v, %v", refs, missing, err)
		}
	})
	t.Run("leave the tasks with their end, in one append", func(t *testing.T) {
		before := p.store.Head()
		if err := p.Tags.Delete(ctx, at.Organization, front.ID); err != nil {
			t.Fatal(err)
		}
		events, err := p.store.Range(ctx, before, p.store.Head(), 10)
		if err != nil || len(events) != 3 || events[2].Type != "tag.deleted" || !events[0].Time.Equal(events[2].Time) {
			t.Errorf("%d events, %v", len(events), err)
		}
		if got := p.tagsOf(t, one); !cmp.Equal(got, []uuid.UUID{back.ID}) {
			t.Errorf("the first has %v", got)
		}
		if got := p.tagsOf(t, two); len(got) > 0 {
			t.Errorf("the second has %v", got)
		}
		if _, err := p.Tags.Create(ctx, at.Organization, tag.Create{Name: "Front", Color: "ff8800"}); err != nil {
			t.Errorf("its slug is not free: %v", err)
		}
	})
	t.Run("of deleted boards do not count", func(t *testing.T) {
		if err := p.Boards.Delete(ctx, at); err != nil {
			t.Fatal(err)
		}
		if seen, err := read.Read(ctx, back.ID); err != nil || seen.TaskCount != 0 {
			t.Errorf("%+v, %v", seen, err)
		}
		if err := p.Tags.Delete(ctx, at.Organization, back.ID); err != nil {
			t.Error(err)
		}
	})
}

// TestTagOnManyTasks: one append cannot hold them all.
func TestTagOnManyTasks(t *testing.T) {
	t.Parallel()
	p := start(t, pgtest.Connect(t, pgtest.Clone(t)))
	person, at := p.board(t)
	made, err := p.Tags.Create(as(t, person), at.Organization, tag.Create{Name: "x", Color: "000000"})
	if err != nil {
		t.Fatal(err)
	}
	tasks := eventstore.For[task.Task, task.Event](p.store, "task")
	for range 3 {
		err := p.store.Do(as(t, person), func(d *eventstore.Decision) error {
			for range 700 {
				c := happened{task.Created{BoardID: at.Board, Title: "x", Status: task.Inbox, Priority: "medium", TagIDs: []uuid.UUID{made.ID}}}
				if err := tasks.New(d, at.Organization, uuid.New()).Decide(c); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Tags.Delete(as(t, person), at.Organization, made.ID); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := p.read.DB.QueryRow(t.Context(), `select (select count(*) from tags) + (select count(*) from tasks where tag_ids <> '{}')`).Scan(&left); err != nil || left > 0 {
		t.Errorf("%d are left, %v", left, err)
	}
}

// TestUniqueSlug: of many who want one slug at once, through two processes, by
// making a tag or changing one, exactly one gets it.
func TestUniqueSlug(t *testing.T) {
	t.Parallel()
	const callers = 8
	db := pgtest.Connect(t, pgtest.Clone(t))
	ps := []*process{start(t, db), start(t, db)}
	person, at := ps[0].board(t)
	for round := range 60 {
		slug := fmt.Sprint("round-", round)
		var rivals []uuid.UUID
		for i := range callers / 2 {
			made, err := ps[0].Tags.Create(as(t, person), at.Organization, tag.Create{Name: fmt.Sprint("rival ", round, i), Color: "000000"})
			if err != nil {
				t.Fatal(err)
			}
			rivals = append(rivals, made.ID)
		}
		var won atomic.Int64
		var g errgroup.Group
		for i := range callers {
			g.Go(func() error {
				var err error
				if i < len(rivals) {
					_, err = ps[i%2].Tags.Update(as(t, person), at.Organization, rivals[i], tag.Update{Slug: domain.Some(slug)})
				} else {
					_, err = ps[i%2].Tags.Create(as(t, person), at.Organization, tag.Create{Name: slug, Color: "000000"})
				}
				switch {
				case err == nil:
					won.Add(1)
				case domain.ReasonOf(err) == domain.Conflict:
					return nil
				}
				return err
			})
		}
		if err := g.Wait(); err != nil || won.Load() != 1 {
			t.Fatalf("round %d: %d got it, %v", round, won.Load(), err)
		}
	}
}

// TestTagGoesWhileItIsPutOn: no task keeps a tag that is gone.
func TestTagGoesWhileItIsPutOn(t *testing.T) {
	t.Parallel()
	db := pgtest.Connect(t, pgtest.Clone(t))
	ps := []*process{start(t, db), start(t, db)}
	person, at := ps[0].board(t)
	tasks := eventstore.For[task.Task, task.Event](ps[1].store, "task")
	for round := range 100 {
		made, err := ps[0].Tags.Create(as(t, person), at.Organization, tag.Create{Name: fmt.Sprint(round), Color: "000000"})
		if err != nil {
			t.Fatal(err)
		}
		id := uuid.New()
		var g errgroup.Group
		g.Go(func() error { return ps[0].Tags.Delete(as(t, person), at.Organization, made.ID) })
		g.Go(func() error {
			return ps[1].store.Do(as(t, person), func(d *eventstore.Decision) error {
				_, missing, err := projections.Tags{Reader: ps[1].read}.Refs(t.Context(), d, at.Organization, []uuid.UUID{made.ID})
				if err != nil || len(missing) > 0 {
					return err
				}
				c := happened{task.Created{BoardID: at.Board, Title: "x", Status: task.Inbox, Priority: "medium", TagIDs: []uuid.UUID{made.ID}}}
				return tasks.New(d, at.Organization, id).Decide(c)
			})
		})
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		var dangling int
		if err := db.QueryRow(t.Context(), `select count(*) from tasks where tag_ids <> '{}'`).Scan(&dangling); err != nil || dangling > 0 {
			t.Fatalf("round %d: %d tasks carry a tag that is gone, %v", round, dangling, err)
		}
	}
}
