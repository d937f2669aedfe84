package auth

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Group returns a group that a member of its organization may read or write:
// one who may do that to every board, or to one of the group's; a group without
// boards is for those who administer the organization. That it exists is judged
// before the right to it.
func (r Rules) Group(ctx context.Context, d *eventstore.Decision, c Caller, id uuid.UUID, a Access) (*projections.GroupRow, error) {
	m, err := r.Member(ctx, d, c)
	if err != nil {
		return nil, err
	}
	g, err := r.group(ctx, d, id)
	if err != nil {
		return nil, err
	}
	if g.OrganizationID != m.OrganizationID {
		return nil, domain.Bare(domain.Forbidden)
	}
	return g, r.memberOf(ctx, d, m, id, a)
}

// AdminGroup is Group for those who administer the organization, too. Who does
// not learns nothing of the group.
func (r Rules) AdminGroup(ctx context.Context, d *eventstore.Decision, c Caller, id uuid.UUID, a Access) (*projections.GroupRow, error) {
	if _, err := r.Admin(ctx, d, c); err != nil {
		return nil, err
	}
	return r.Group(ctx, d, c, id, a)
}

// PacedGroup returns a group whose agents' heartbeat the caller may set: as one
// who administers the organization and may write the group, or as the lead of
// one of its boards.
func (r Rules) PacedGroup(ctx context.Context, d *eventstore.Decision, c Caller, id uuid.UUID) (*projections.GroupRow, error) {
	if c.Agent == nil {
		g, err := r.Group(ctx, d, c, id, Write)
		if err == nil {
			_, err = r.Admin(ctx, d, c)
		}
		return g, err
	}
	g, err := r.group(ctx, d, id)
	if err != nil {
		return nil, err
	}
	lead, err := r.Agent(ctx, d, c)
	if err != nil {
		return nil, err
	}
	if !lead.IsBoardLead || lead.BoardID == nil {
		return nil, domain.Bare(domain.Forbidden)
	}
	b, err := r.Boards.Find(ctx, d, *lead.BoardID)
	if err == nil && (b == nil || b.BoardGroupID == nil || *b.BoardGroupID != id) {
		err = domain.Bare(domain.Forbidden)
	}
	return g, err
}

func (r Rules) group(ctx context.Context, d *eventstore.Decision, id uuid.UUID) (*projections.GroupRow, error) {
	g, err := r.Groups.Find(ctx, d, id)
	if err == nil && g == nil {
		err = domain.Bare(domain.NotFound)
	}
	return g, err
}

// memberOf asks what a member may do with the boards of a group.
func (r Rules) memberOf(ctx context.Context, d *eventstore.Decision, m *projections.MemberRow, id uuid.UUID, a Access) error {
	if m.AllBoardsWrite || a == Read && m.AllBoardsRead {
		return nil
	}
	boards, err := r.Groups.Boards(ctx, d, id)
	if err != nil {
		return err
	}
	for _, b := range boards {
		if a == Read && m.Reads(b) || a == Write && m.Writes(b) {
			return nil
		}
	}
	if len(boards) == 0 && m.IsAdmin() {
		return nil
	}
	return domain.Bare(domain.Forbidden)
}
