package commands

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/member"
	"missioncontrol/domain/organization"
	"missioncontrol/domain/user"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Organizations are the use cases of organizations.
type Organizations struct {
	store         *eventstore.Store
	organizations eventstore.Aggregate[organization.Organization, organization.Event]
	members       eventstore.Aggregate[member.Member, member.Event]
	users         eventstore.Aggregate[user.User, user.Event]
	read          projections.Organizations
	memberships   projections.Members
	boards        projections.Boards
}

// Create founds an organization for a person, who becomes its owner and works
// in it from now on.
func (o Organizations) Create(ctx context.Context, founder uuid.UUID, name string) (projections.Organization, error) {
	org, membership := uuid.New(), uuid.New()
	var view projections.Organization
	err := o.store.Do(ctx, func(d *eventstore.Decision) error {
		taken, err := o.read.NameTaken(ctx, d, name)
		if err != nil {
			return err
		}
		x := o.organizations.New(d, org, org)
		if err := carryOut(d, x, organization.Create{Name: name, Taken: taken}, &view, projections.ViewOrganization); err != nil {
			return err
		}
		if err := o.members.New(d, org, membership).Decide(ownership(founder)); err != nil {
			return err
		}
		return o.users.In(d, uuid.Nil, founder).Decide(user.ActivateOrganization{ID: org})
	})
	return view, err
}

// ownership is what the founder of an organization gets.
func ownership(founder uuid.UUID) member.Join {
	return member.Join{UserID: founder, Role: member.Owner, AllBoardsRead: true, AllBoardsWrite: true}
}

// Activate chooses the organization that a person works in.
func (o Organizations) Activate(ctx context.Context, person, org uuid.UUID) (*projections.Organization, error) {
	err := o.store.Do(ctx, func(d *eventstore.Decision) error {
		m, err := o.memberships.Of(ctx, d, org, person)
		if err != nil {
			return err
		}
		if m == nil {
			return domain.Refuse(domain.Forbidden, "No org access")
		}
		view, err := o.read.Read(ctx, org)
		if err != nil {
			return err
		}
		d.Answer(view)
		return o.users.In(d, uuid.Nil, person).Decide(user.ActivateOrganization{ID: org})
	})
	if err != nil {
		return nil, err
	}
	return o.read.Read(ctx, org)
}

// Delete ends an organization with everything in it, on behalf of an owner.
func (o Organizations) Delete(ctx context.Context, by *projections.MemberRow) error {
	return o.store.Do(ctx, func(d *eventstore.Decision) error {
		now, err := acting(ctx, d, o.memberships, by)
		if err != nil {
			return err
		}
		if !now.IsAdmin() {
			return domain.Bare(domain.Forbidden)
		}
		if now.Role != member.Owner {
			return domain.Refuse(domain.Forbidden, "Only organization owners can delete organizations")
		}
		d.Answer(projections.OK())
		return deleteOrganization(ctx, d, o, by.OrganizationID)
	})
}

// deleteOrganization records the end of an organization, and what went with it.
func deleteOrganization(ctx context.Context, d *eventstore.Decision, o Organizations, org uuid.UUID) error {
	counts, err := o.memberships.Count(ctx, d, org)
	if err != nil {
		return err
	}
	boards, err := o.boards.CountIn(ctx, org)
	if err != nil {
		return err
	}
	return o.organizations.In(d, org, org).Decide(organization.Delete{Boards: boards, Members: counts.Members})
}
