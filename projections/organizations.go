package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/organization"
	"missioncontrol/eventstore"
)

// OrganizationRow maps an organization's state.
type OrganizationRow struct {
	ID        uuid.UUID `db:"id"`
	Name      string    `db:"name"`
	CreatedAt time.Time `db:"created_at"`
	UpdatedAt time.Time `db:"updated_at"`
}

var organizationsTable = eventstore.TableOf[OrganizationRow]("organizations", "id")

func organizationRow(o organization.Organization) OrganizationRow {
	return OrganizationRow{ID: o.ID, Name: o.Name, CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt}
}

// Organization is an organization as callers see it.
type Organization struct {
	ID        uuid.UUID `json:"id"`
	Name      string    `json:"name"`
	CreatedAt Time      `json:"created_at"`
	UpdatedAt Time      `json:"updated_at"`
}

// ViewOrganization shows an organization.
func ViewOrganization(o organization.Organization) Organization {
	return viewOrganization(organizationRow(o))
}

func viewOrganization(r OrganizationRow) Organization {
	return Organization{r.ID, r.Name, Time(r.CreatedAt), Time(r.UpdatedAt)}
}

// OrganizationItem is one of a person's organizations.
type OrganizationItem struct {
	ID       uuid.UUID `json:"id"`
	Name     string    `json:"name"`
	Role     string    `json:"role"`
	IsActive bool      `json:"is_active"`
}

// Organizations finds organizations.
type Organizations struct{ Reader }

// Exist reports whether an organization exists.
func (o Organizations) Exist(ctx context.Context, d *eventstore.Decision, id uuid.UUID) (bool, error) {
	return eventstore.LookAt(ctx, o.Store, d, eventstore.Key(id, "organization"), "exists", func(ctx context.Context) (bool, error) {
		row, err := find[OrganizationRow](ctx, o.DB, organizationsTable, "id = $1", id)
		return row != nil, err
	})
}

// Read returns an organization as the database has it now, nil if there is none.
func (o Organizations) Read(ctx context.Context, id uuid.UUID) (*Organization, error) {
	row, err := find[OrganizationRow](ctx, o.DB, organizationsTable, "id = $1", id)
	if row == nil {
		return nil, err
	}
	view := viewOrganization(*row)
	return &view, nil
}

// NameKey names the fact whether an organization has a name, whatever its case.
func NameKey(name string) domain.Key {
	return eventstore.Key(uuid.Nil, "organization-name/"+strings.ToLower(strings.TrimSpace(name)))
}

// NameTaken reports whether an organization has this name, whatever its case.
func (o Organizations) NameTaken(ctx context.Context, d *eventstore.Decision, name string) (bool, error) {
	d.Look(NameKey(name))
	var taken bool
	err := o.DB.QueryRow(ctx, `select exists (select 1 from organizations where lower(name) = $1)`,
		strings.ToLower(strings.TrimSpace(name))).Scan(&taken)
	if err != nil {
		return false, fmt.Errorf("projections: find an organization by name: %w", err)
	}
	return taken, nil
}

// OfMemberships lists the organizations of memberships by name.
func (o Organizations) OfMemberships(ctx context.Context, memberships []MemberRow, active uuid.UUID) ([]OrganizationItem, error) {
	ids := make([]uuid.UUID, len(memberships))
	roles := map[uuid.UUID]string{}
	for i, m := range memberships {
		ids[i], roles[m.OrganizationID] = m.OrganizationID, string(m.Role)
	}
	rows, err := findAll[OrganizationRow](ctx, o.DB, organizationsTable, "id = any($1)", ids)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b OrganizationRow) int {
		if c := strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)); c != 0 {
			return c
		}
		return strings.Compare(a.ID.String(), b.ID.String())
	})
	items := make([]OrganizationItem, len(rows))
	for i, r := range rows {
		items[i] = OrganizationItem{r.ID, r.Name, roles[r.ID], r.ID == active}
	}
	return items, nil
}
