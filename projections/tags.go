package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/domain"
	"missioncontrol/domain/tag"
	"missioncontrol/eventstore"
)

// TagRow maps a tag's state.
type TagRow struct {
	ID             uuid.UUID `db:"id"`
	OrganizationID uuid.UUID `db:"organization_id"`
	Name           string    `db:"name"`
	Slug           string    `db:"slug"`
	Color          string    `db:"color"`
	Description    *string   `db:"description"`
	CreatedAt      time.Time `db:"created_at"`
	UpdatedAt      time.Time `db:"updated_at"`
}

var tagsTable = eventstore.TableOf[TagRow]("tags", "id")

func tagRow(t tag.Tag) TagRow {
	return TagRow{
		ID: t.ID, OrganizationID: t.OrganizationID, Name: t.Name, Slug: t.Slug, Color: t.Color, Description: t.Description,
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
	}
}

// Tag is a tag as callers see it.
type Tag struct {
	Name           string    `json:"name"`
	Slug           string    `json:"slug"`
	Color          string    `json:"color" default:"9e9e9e"`
	Description    *string   `json:"description"`
	ID             uuid.UUID `json:"id"`
	OrganizationID uuid.UUID `json:"organization_id"`
	TaskCount      int       `json:"task_count" default:"0"` // tasks that carry it
	CreatedAt      Time      `json:"created_at"`
	UpdatedAt      Time      `json:"updated_at"`
}

// ViewTag shows a tag that some tasks carry.
func ViewTag(t tag.Tag, tasks int) Tag { return viewTag(tagRow(t), tasks) }

func viewTag(r TagRow, tasks int) Tag {
	return Tag{
		Name: r.Name, Slug: r.Slug, Color: r.Color, Description: r.Description, ID: r.ID, OrganizationID: r.OrganizationID,
		TaskCount: tasks, CreatedAt: Time(r.CreatedAt), UpdatedAt: Time(r.UpdatedAt),
	}
}

// RefTag shows a tag as tasks do.
func RefTag(t tag.Tag) TagRef { return refTag(tagRow(t)) }

func refTag(r TagRow) TagRef { return TagRef{ID: r.ID, Name: r.Name, Slug: r.Slug, Color: r.Color} }

// CatalogTopic is the stream of what tasks of an organization can carry: its
// tags and the definitions of its custom fields.
func CatalogTopic(org uuid.UUID) string { return "organization/" + org.String() + "/catalog" }

// frameTag renders what streams show of an event, under types that today's
// clients ignore.
func frameTag(e *eventstore.Staged, t tag.Tag) ([]eventstore.PendingFrame, error) {
	type edited struct {
		Type string `json:"type"`
		Tag  TagRef `json:"tag"`
	}
	type deleted struct {
		Type  string    `json:"type"`
		TagID uuid.UUID `json:"tag_id"`
	}
	var payload any = edited{e.Type, RefTag(t)}
	if t.Deleted {
		payload = deleted{e.Type, t.ID}
	}
	return frameOf(e, CatalogTopic(t.OrganizationID), t.ID, nil, payload)
}

// SlugKey names the fact whether an organization has a tag of a slug.
func SlugKey(org uuid.UUID, slug string) domain.Key {
	return eventstore.Key(org, "org/slug/"+slug)
}

// TagTasksKey names the fact which tasks carry a tag. Events of tasks that put
// it on touch it.
func TagTasksKey(tag uuid.UUID) domain.Key { return eventstore.Key(tag, "tag/tasks") }

// Tags finds and lists tags.
type Tags struct{ Reader }

// Find returns a tag, nil if there is none. It rests on the tag's own key.
func (t Tags) Find(ctx context.Context, d *eventstore.Decision, id uuid.UUID) (*TagRow, error) {
	rows, err := t.FindAll(ctx, d, []uuid.UUID{id})
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// FindAll returns tags in the order of their ids, nil where there is none, with
// at most one statement.
func (t Tags) FindAll(ctx context.Context, d *eventstore.Decision, ids []uuid.UUID) ([]*TagRow, error) {
	keys := make([]domain.Key, len(ids))
	for i, id := range ids {
		keys[i] = eventstore.Key(id, "tag")
	}
	return eventstore.LookAtAll(ctx, t.Store, d, keys, "row", func(ctx context.Context, places []int) ([]*TagRow, error) {
		asked := make([]uuid.UUID, len(places))
		for n, i := range places {
			asked[n] = ids[i]
		}
		found, err := findAll[TagRow](ctx, t.DB, tagsTable, "id = any($1)", asked)
		if err != nil {
			return nil, err
		}
		rows := make([]*TagRow, len(asked))
		for n, id := range asked {
			for i := range found {
				if found[i].ID == id {
					rows[n] = &found[i]
				}
			}
		}
		return rows, nil
	})
}

// Refs shows tags of an organization in the order of their ids; missing are
// those that it does not have.
func (t Tags) Refs(ctx context.Context, d *eventstore.Decision, org uuid.UUID, ids []uuid.UUID) (refs []TagRef, missing []uuid.UUID, err error) {
	rows, err := t.FindAll(ctx, d, ids)
	if err != nil {
		return nil, nil, err
	}
	refs = []TagRef{}
	for i, row := range rows {
		if row == nil || row.OrganizationID != org {
			missing = append(missing, ids[i])
			continue
		}
		refs = append(refs, refTag(*row))
	}
	return refs, missing, nil
}

// SlugTaken reports whether an organization has another tag of a slug.
func (t Tags) SlugTaken(ctx context.Context, d *eventstore.Decision, org uuid.UUID, slug string, but uuid.UUID) (bool, error) {
	d.Look(SlugKey(org, slug))
	row, err := find[TagRow](ctx, t.DB, tagsTable, "organization_id = $1 and slug = $2 and id <> $3 limit 1", org, slug, but)
	return row != nil, err
}

// carrying are the tasks that carry any of the tags $1. A board that was
// deleted takes its tasks along, though their rows go later.
const carrying = `tasks t where t.tag_ids <> '{}' and t.tag_ids && $1::uuid[] and exists (select from boards b where b.id = t.board_id)`

// Carriers lists at most limit tasks that carry a tag.
func (t Tags) Carriers(ctx context.Context, d *eventstore.Decision, id uuid.UUID, limit int) ([]uuid.UUID, error) {
	d.Look(TagTasksKey(id))
	rows, err := t.DB.Query(ctx, "select t.id, t.board_id from "+carrying+" order by t.id limit $2", []uuid.UUID{id}, limit)
	if err != nil {
		return nil, fmt.Errorf("projections: list tasks that carry a tag: %w", err)
	}
	var tasks []uuid.UUID
	var task, board uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&task, &board}, func() error {
		d.Look(eventstore.Key(board, "board"))
		tasks = append(tasks, task)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("projections: list tasks that carry a tag: %w", err)
	}
	return tasks, nil
}

// Counts tells how many tasks carry each of some tags.
func (t Tags) Counts(ctx context.Context, ids ...uuid.UUID) (map[uuid.UUID]int, error) {
	counts := map[uuid.UUID]int{}
	rows, err := t.DB.Query(ctx, `select u.id, count(*) from (select t.tag_ids from `+carrying+`) c, unnest(c.tag_ids) as u(id)
		where u.id = any($1) group by u.id`, ids)
	if err != nil {
		return nil, fmt.Errorf("projections: count tasks by tag: %w", err)
	}
	var id uuid.UUID
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&id, &n}, func() error { counts[id] = n; return nil }); err != nil {
		return nil, fmt.Errorf("projections: count tasks by tag: %w", err)
	}
	return counts, nil
}

const tagOrder = "lower(name), created_at, id"

// OfOrganization lists the tags of an organization, by name.
func (t Tags) OfOrganization(ctx context.Context, org uuid.UUID, s Slice) (Page[Tag], error) {
	return listViews(ctx, t.DB, tagsTable, "organization_id = $1", tagOrder, []any{org}, s, t.views)
}

func (t Tags) views(ctx context.Context, rows []TagRow) ([]Tag, error) {
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	counts, err := t.Counts(ctx, ids...)
	views := make([]Tag, len(rows))
	for i, r := range rows {
		views[i] = viewTag(r, counts[r.ID])
	}
	return views, err
}

// RefsOf lists all tags of an organization as tasks show them, by name.
func (t Tags) RefsOf(ctx context.Context, org uuid.UUID) ([]TagRef, error) {
	rows, err := findAll[TagRow](ctx, t.DB, tagsTable, "organization_id = $1 order by "+tagOrder, org)
	refs := make([]TagRef, len(rows))
	for i, r := range rows {
		refs[i] = refTag(r)
	}
	return refs, err
}

// Read shows a tag as the database has it now, nil if there is none.
func (t Tags) Read(ctx context.Context, id uuid.UUID) (*Tag, error) {
	row, err := find[TagRow](ctx, t.DB, tagsTable, "id = $1", id)
	if row == nil {
		return nil, err
	}
	counts, err := t.Counts(ctx, id)
	v := viewTag(*row, counts[id])
	return &v, err
}
