package audit

import (
	"context"
	"fmt"
	"reflect"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/domain"
	"missioncontrol/eventstore"
)

// names are what people and things are called, by their ids.
type names map[uuid.UUID]string

// of returns a name, nil if there is none.
func (n names) of(id uuid.UUID) *string { return known(n[id]) }

// names reads what the actors of events are called and what the events are
// about: as it is called now or, if it is gone, as it was called first. A thing
// whose past is folded is called as it was then.
func (t Trail) names(ctx context.Context, events []*eventstore.Recorded, pasts map[int64]past) (names, error) {
	found := names{}
	wanted := map[uuid.UUID]bool{}
	for _, r := range events {
		wanted[r.Actor.ID] = true
		for _, ref := range r.Refs {
			if ref.ID != r.Stream || !pasts[r.Seq].folded {
				wanted[ref.ID] = true
			}
		}
	}
	delete(wanted, uuid.Nil)
	if err := t.namesNow(ctx, wanted, found); err != nil {
		return nil, err
	}
	return found, t.namesThen(ctx, wanted, found)
}

// namesNow moves those that have a name now from wanted to found.
func (t Trail) namesNow(ctx context.Context, wanted map[uuid.UUID]bool, found names) error {
	rows, err := t.DB.Query(ctx, `select id, coalesce(name, preferred_name, email), true from users where id = any($1)
		union all select id, name, false from agents where id = any($1)
		union all select id, title, false from tasks where id = any($1)
		union all select id, name, false from boards where id = any($1)
		union all select id, name, false from board_groups where id = any($1)
		union all select id, name, false from tags where id = any($1)
		union all select id, label, false from custom_fields where id = any($1)
		union all select id, name, false from organizations where id = any($1)`, ids(wanted))
	if err != nil {
		return fmt.Errorf("audit: read names: %w", err)
	}
	var id uuid.UUID
	var name *string
	var personal bool
	sealed := names{}
	if _, err := pgx.ForEachRow(rows, []any{&id, &name, &personal}, func() error {
		delete(wanted, id)
		switch {
		case name == nil:
		case personal:
			sealed[id] = *name
		default:
			found[id] = *name
		}
		return nil
	}); err != nil {
		return fmt.Errorf("audit: read names: %w", err)
	}
	for id, text := range sealed {
		if found[id], err = t.Store.Vault().Open(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// namesThen finds the names that the log gave to what is gone.
func (t Trail) namesThen(ctx context.Context, wanted map[uuid.UUID]bool, found names) error {
	if len(wanted) == 0 {
		return nil
	}
	first, err := t.collect(ctx, `select entry from events where stream = any($1) and version = 1`, ids(wanted))
	if err != nil {
		return err
	}
	for _, r := range first {
		if found[r.Stream], err = t.nameOf(ctx, t.Store.Vocabulary().Evolve(nil, r)); err != nil {
			return err
		}
	}
	return nil
}

func ids(set map[uuid.UUID]bool) []uuid.UUID {
	list := make([]uuid.UUID, 0, len(set))
	for id := range set {
		list = append(list, id)
	}
	return list
}

// nameOf is what a thing is called in a state, "" if it has no name.
func (t Trail) nameOf(ctx context.Context, state any) (string, error) {
	fields := map[string]any{}
	for _, f := range fieldsOf(reflect.ValueOf(state)) {
		fields[f.name] = f.value.Interface()
	}
	for _, name := range []string{"title", "name", "label", "action_type", "email"} {
		switch v := fields[name].(type) {
		case string:
			return v, nil
		case domain.Personal:
			if !v.IsZero() {
				return t.Store.Vault().OpenValue(ctx, v)
			}
		}
	}
	return "", nil
}
