package httpapi

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/projections"
)

func (a *API) listOrgInvites(ctx context.Context, in page) (projections.Page[projections.Invite], error) {
	return projections.Invites{Reader: a.Read}.PendingOf(ctx, memberOf(ctx).OrganizationID, in.slice())
}

// OrganizationInviteCreate is the body of a new invite.
type OrganizationInviteCreate struct {
	InvitedEmail   string                        `json:"invited_email"`
	Role           string                        `json:"role" default:"member"`
	AllBoardsRead  bool                          `json:"all_boards_read" default:"false"`
	AllBoardsWrite bool                          `json:"all_boards_write" default:"false"`
	BoardAccess    []OrganizationBoardAccessSpec `json:"board_access" default:"[]"`
}

// Validate knows the roles.
func (c *OrganizationInviteCreate) Validate() string { return roleFault(c.Role) }

func (a *API) createOrgInvite(ctx context.Context, in OrganizationInviteCreate) (projections.Invite, error) {
	return a.Commands.Invites.Create(ctx, memberOf(ctx), commands.NewInvite{
		Email: in.InvitedEmail, Role: normalRole(in.Role),
		Access: commands.Access{AllBoardsRead: in.AllBoardsRead, AllBoardsWrite: in.AllBoardsWrite, Boards: boardAccess(in.BoardAccess)},
	})
}

type ofInvite struct {
	InviteID uuid.UUID `path:"invite_id"`
}

func (a *API) revokeOrgInvite(ctx context.Context, in ofInvite) (projections.Invite, error) {
	return a.Commands.Invites.Revoke(ctx, memberOf(ctx).OrganizationID, in.InviteID)
}

// OrganizationInviteAccept is the body of an acceptance.
type OrganizationInviteAccept struct {
	Token string `json:"token"`
}

func (a *API) acceptOrgInvite(ctx context.Context, in OrganizationInviteAccept) (projections.Member, error) {
	return a.Commands.Invites.Accept(ctx, auth.CallerFrom(ctx).Actor.ID, in.Token)
}
