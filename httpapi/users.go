package httpapi

import (
	"context"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/projections"
)

func (a *API) bootstrapUser(ctx context.Context, in struct{}) (*projections.User, error) {
	return a.getMe(ctx, in)
}

func (a *API) getMe(ctx context.Context, _ struct{}) (*projections.User, error) {
	return found(projections.Users{Reader: a.Read}.Read(ctx, auth.CallerFrom(ctx).Actor.ID))
}

// UserUpdate is the body of a change of one's profile.
type UserUpdate struct {
	Name          domain.Optional[string] `json:"name"`
	PreferredName domain.Optional[string] `json:"preferred_name"`
	Pronouns      domain.Optional[string] `json:"pronouns"`
	Timezone      domain.Optional[string] `json:"timezone"`
	Notes         domain.Optional[string] `json:"notes"`
	Context       domain.Optional[string] `json:"context"`
}

func (a *API) updateMe(ctx context.Context, in UserUpdate) (projections.User, error) {
	return a.Commands.Users.ChangeProfile(ctx, auth.CallerFrom(ctx).Actor.ID, commands.Profile(in))
}

func (a *API) deleteMe(ctx context.Context, _ struct{}) (projections.Ok, error) {
	return projections.OK(), a.Commands.Users.Delete(ctx, auth.CallerFrom(ctx).Actor.ID)
}
