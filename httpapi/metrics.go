package httpapi

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/projections"
)

type dashboardMetrics struct {
	RangeKey string     `query:"range_key" default:"24h" enum:"24h,3d,7d,14d,1m,3m,6m,1y"`
	BoardID  *uuid.UUID `query:"board_id"`
	GroupID  *uuid.UUID `query:"group_id"`
}

// dashboardMetrics shows work on the boards that the caller may read.
func (a *API) dashboardMetrics(ctx context.Context, in dashboardMetrics) (projections.Dashboard, error) {
	boards, err := a.dashboardBoards(ctx, in)
	if err != nil {
		return projections.Dashboard{}, err
	}
	of, m := projections.MetricsOf{Boards: boards}, memberOf(ctx)
	if _, all := m.ReadableBoards(); all && in.BoardID == nil && in.GroupID == nil {
		of.Organization = &m.OrganizationID
	}
	return projections.Metrics{Reader: a.Read}.Dashboard(ctx, of, in.RangeKey)
}

// dashboardBoards are those of the boards that the caller may read which it
// asks for. To who may read none, no board is refused: there is nothing to see.
func (a *API) dashboardBoards(ctx context.Context, in dashboardMetrics) ([]uuid.UUID, error) {
	readable, err := projections.Boards{Reader: a.Read}.GroupsOfReadable(ctx, memberOf(ctx))
	if err != nil {
		return nil, err
	}
	if in.BoardID != nil && len(readable) > 0 {
		if _, open := readable[*in.BoardID]; !open {
			return nil, domain.Bare(domain.Forbidden)
		}
	}
	var boards []uuid.UUID
	for id, group := range readable {
		if (in.BoardID == nil || *in.BoardID == id) && (in.GroupID == nil || group != nil && *group == *in.GroupID) {
			boards = append(boards, id)
		}
	}
	return boards, nil
}
