package httpapi

import (
	"context"

	"missioncontrol/auth"
	"missioncontrol/projections"
)

type listActivity struct {
	Include *string `query:"include" enum:"all"`
	Cursor  *string `query:"cursor"`
	page
}

// listActivity lists what happened on the boards that a person may read in its
// active organization, or to an agent. Everything includes, for those who
// administer the organization, what is on no board.
func (a *API) listActivity(ctx context.Context, in listActivity) (projections.ActivityPage, error) {
	of := projections.ActivityFilter{Everything: in.Include != nil}
	if caller := auth.CallerFrom(ctx); caller.Agent != nil {
		of.Agent = &caller.Actor.ID
	} else {
		m := memberOf(ctx)
		of.Organization, of.Unplaced = m.OrganizationID, of.Everything && m.IsAdmin()
		of.Boards, of.AllBoards = m.ReadableBoards()
	}
	return projections.Activity{Reader: a.Read}.List(ctx, of, projections.ActivitySlice{Slice: in.slice(), Cursor: in.Cursor})
}
