package httpapi

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/domain"
	"missioncontrol/projections"
)

// OrganizationCreate is the body of a new organization.
type OrganizationCreate struct {
	Name string `json:"name"`
}

func (a *API) createOrganization(ctx context.Context, in OrganizationCreate) (projections.Organization, error) {
	return a.Commands.Organizations.Create(ctx, auth.CallerFrom(ctx).Actor.ID, in.Name)
}

func (a *API) listMyOrganizations(ctx context.Context, _ struct{}) ([]projections.OrganizationItem, error) {
	caller := auth.CallerFrom(ctx)
	memberships, err := a.Rules.Members.OfUser(ctx, nil, caller.Actor.ID)
	if err != nil {
		return nil, err
	}
	return projections.Organizations{Reader: a.Read}.OfMemberships(ctx, memberships, caller.ActiveOrganization)
}

// OrganizationActiveUpdate is the body of a change of organization.
type OrganizationActiveUpdate struct {
	OrganizationID uuid.UUID `json:"organization_id"`
}

func (a *API) setActiveOrg(ctx context.Context, in OrganizationActiveUpdate) (*projections.Organization, error) {
	return a.Commands.Organizations.Activate(ctx, auth.CallerFrom(ctx).Actor.ID, in.OrganizationID)
}

func (a *API) getMyOrg(ctx context.Context, _ struct{}) (*projections.Organization, error) {
	org, err := projections.Organizations{Reader: a.Read}.Read(ctx, memberOf(ctx).OrganizationID)
	if err == nil && org == nil {
		err = domain.Bare(domain.Forbidden)
	}
	return org, err
}

func (a *API) deleteMyOrg(ctx context.Context, _ struct{}) (projections.Ok, error) {
	return projections.OK(), a.Commands.Organizations.Delete(ctx, memberOf(ctx))
}
