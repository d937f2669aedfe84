package projections

import (
	"time"

	"github.com/google/uuid"

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
