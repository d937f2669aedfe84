package projections

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/eventstore"
)

// AgentRow maps an agent's state. How it was seen is telemetry, kept elsewhere
// (AgentPresence); status and last_seen_at here are those that events tell.
type AgentRow struct {
	ID               uuid.UUID      `db:"id"`
	OrganizationID   uuid.UUID      `db:"organization_id"`
	BoardID          *uuid.UUID     `db:"board_id"`
	GatewayID        *uuid.UUID     `db:"gateway_id"`
	Name             string         `db:"name"`
	SessionID        *string        `db:"openclaw_session_id"`
	IsBoardLead      bool           `db:"is_board_lead"`
	HeartbeatConfig  jsontext.Value `db:"heartbeat_config"`
	IdentityProfile  jsontext.Value `db:"identity_profile"`
	IdentityTemplate *string        `db:"identity_template"`
	SoulTemplate     *string        `db:"soul_template"`
	Status           string         `db:"status"`
	LastSeenAt       *time.Time     `db:"last_seen_at"`
	CreatedAt        time.Time      `db:"created_at"`
	UpdatedAt        time.Time      `db:"updated_at"`
}

var agentsTable = eventstore.TableOf[AgentRow]("agents", "id")

func agentRow(a agent.Agent) AgentRow {
	return AgentRow{
		ID: a.ID, OrganizationID: a.OrganizationID, BoardID: a.BoardID, GatewayID: a.GatewayID, Name: a.Profile.Name,
		SessionID: a.SessionID, IsBoardLead: a.IsBoardLead, HeartbeatConfig: a.Profile.HeartbeatConfig,
		IdentityProfile: a.Profile.IdentityProfile, IdentityTemplate: a.Profile.IdentityTemplate, SoulTemplate: a.Profile.SoulTemplate,
		Status: a.Status, LastSeenAt: a.LastSeenAt, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}
}

// Agent is an agent as callers see it.
type Agent struct {
	BoardID          *uuid.UUID     `json:"board_id"`
	Name             string         `json:"name" nonempty:"true"`
	Status           string         `json:"status" default:"provisioning"`
	HeartbeatConfig  jsontext.Value `json:"heartbeat_config" null:"yes" object:"true"`
	IdentityProfile  jsontext.Value `json:"identity_profile" null:"yes" object:"true"`
	IdentityTemplate *string        `json:"identity_template"`
	SoulTemplate     *string        `json:"soul_template"`
	ID               uuid.UUID      `json:"id"`
	GatewayID        *uuid.UUID     `json:"gateway_id" required:"true"`
	IsBoardLead      bool           `json:"is_board_lead" default:"false"`
	IsGatewayMain    bool           `json:"is_gateway_main" default:"false"`
	SessionID        *string        `json:"openclaw_session_id"`
	LastSeenAt       *Time          `json:"last_seen_at"`
	CreatedAt        Time           `json:"created_at"`
	UpdatedAt        Time           `json:"updated_at"`
}

// ViewAgent shows an agent as seen by presence at a time.
func ViewAgent(a agent.Agent, p Presence, now time.Time) Agent { return viewAgent(agentRow(a), p, now) }

func viewAgent(r AgentRow, p Presence, now time.Time) Agent {
	v := Agent{
		BoardID: r.BoardID, Name: r.Name, HeartbeatConfig: r.HeartbeatConfig, IdentityProfile: r.IdentityProfile,
		IdentityTemplate: r.IdentityTemplate, SoulTemplate: r.SoulTemplate, ID: r.ID, GatewayID: r.GatewayID,
		IsBoardLead: r.IsBoardLead, IsGatewayMain: r.BoardID == nil, SessionID: r.SessionID,
		Status: agent.ShownStatus(p.Status, p.LastSeenAt, now), LastSeenAt: wireTime(p.LastSeenAt),
		CreatedAt: Time(r.CreatedAt), UpdatedAt: Time(r.UpdatedAt),
	}
	if p.LastSeenAt != nil && p.LastSeenAt.After(r.UpdatedAt) {
		v.UpdatedAt = Time(*p.LastSeenAt)
	}
	return v
}

// AgentsTopic is the stream of an organization's agents.
func AgentsTopic(org uuid.UUID) string { return "organization/" + org.String() + "/agents" }

// AttrBoard is the attribute of agent frames that names their board; a main
// agent's have none.
const AttrBoard = "board"

type agentFrame struct {
	Agent Agent `json:"agent"`
}

type agentDeletedFrame struct {
	Type    string    `json:"type"`
	AgentID uuid.UUID `json:"agent_id"`
}

// AgentFrame is the payload and the attributes of a frame that shows an agent.
func AgentFrame(v Agent) ([]byte, map[string]string, error) {
	payload, err := render(agentFrame{v})
	return payload, agentAttrs(v.BoardID), err
}

func agentAttrs(board *uuid.UUID) map[string]string {
	if board == nil {
		return map[string]string{}
	}
	return map[string]string{AttrBoard: board.String()}
}

// frameAgent renders what the stream of agents shows of an event: nothing of
// tokens, and the end of an agent as a type that today's clients ignore.
func frameAgent(e *eventstore.Staged, a agent.Agent) ([]eventstore.PendingFrame, error) {
	switch e.Event.(agent.Event).(type) {
	case agent.TokenIssued, agent.TokenFirstUsed, agent.TokenRevoked:
		return nil, nil
	case agent.Created, agent.Updated, agent.SoulWritten, agent.Deleted, agent.Appeared, agent.Lost, agent.Returned:
	}
	var payload any = agentFrame{ViewAgent(a, Presence{Status: a.Status, LastSeenAt: a.LastSeenAt}, e.Time)}
	if a.Deleted {
		payload = agentDeletedFrame{e.Type, a.ID}
	}
	return frameOf(e, AgentsTopic(a.OrganizationID), a.ID, agentAttrs(a.BoardID), payload)
}

// Agents finds and lists agents.
type Agents struct{ Reader }

// Keys of facts about the agents of a board.
func AgentsKey(board uuid.UUID) domain.Key { return eventstore.Key(board, "board/agents") }

// AgentNameKey names the fact whether a board has an agent of a name, whatever
// its case.
func AgentNameKey(board uuid.UUID, name string) domain.Key {
	return eventstore.Key(board, "board/agent-name/"+strings.ToLower(name))
}

// AgentTasksKey names the fact which tasks an agent has.
func AgentTasksKey(agent uuid.UUID) domain.Key { return eventstore.Key(agent, "agent/tasks") }

// NameTaken reports whether a board has another agent of a name.
func (a Agents) NameTaken(ctx context.Context, d *eventstore.Decision, board uuid.UUID, name string, but uuid.UUID) (bool, error) {
	d.Look(AgentNameKey(board, name))
	row, err := find[AgentRow](ctx, a.DB, agentsTable, "board_id = $1 and lower(name) = $2 and id <> $3 limit 1", board, strings.ToLower(name), but)
	return row != nil, err
}

// HasLead reports whether a board has a lead other than one agent.
func (a Agents) HasLead(ctx context.Context, d *eventstore.Decision, board, but uuid.UUID) (bool, error) {
	d.Look(AgentsKey(board))
	row, err := find[AgentRow](ctx, a.DB, agentsTable, "board_id = $1 and is_board_lead and id <> $2 limit 1", board, but)
	return row != nil, err
}

// Workers counts the agents of a board beside its lead.
func (a Agents) Workers(ctx context.Context, d *eventstore.Decision, board uuid.UUID) (int, error) {
	d.Look(AgentsKey(board))
	var n int
	if err := a.DB.QueryRow(ctx, `select count(*) from agents where board_id = $1 and not is_board_lead`, board).Scan(&n); err != nil {
		return 0, fmt.Errorf("projections: count agents of board %v: %w", board, err)
	}
	return n, nil
}

// Lead returns the lead of a board, nil if there is none.
func (a Agents) Lead(ctx context.Context, d *eventstore.Decision, board uuid.UUID) (*uuid.UUID, error) {
	return eventstore.LookAt(ctx, a.Store, d, AgentsKey(board), "lead", func(ctx context.Context) (*uuid.UUID, error) {
		row, err := find[AgentRow](ctx, a.DB, agentsTable, "board_id = $1 and is_board_lead order by created_at, id limit 1", board)
		if row == nil {
			return nil, err
		}
		return &row.ID, nil
	})
}

// Crew lists the agents of a board, the oldest first.
func (a Agents) Crew(ctx context.Context, board uuid.UUID) ([]AgentRow, error) {
	return eventstore.Remember(ctx, a.Store, AgentsKey(board), "crew", func(ctx context.Context) ([]AgentRow, error) {
		return findAll[AgentRow](ctx, a.DB, agentsTable, "board_id = $1 order by created_at, id", board)
	})
}

// boardIsThere leaves out agents whose board was deleted: their rows go later.
const boardIsThere = "(board_id is null or exists (select 1 from boards b where b.id = agents.board_id))"

// Find returns an agent's row as the database has it now, nil if there is none.
func (a Agents) Find(ctx context.Context, id uuid.UUID) (*AgentRow, error) {
	return find[AgentRow](ctx, a.DB, agentsTable, "id = $1 and "+boardIsThere, id)
}

// LeftOn lists the agents of a board, of a deleted one too.
func (a Agents) LeftOn(ctx context.Context, board uuid.UUID) ([]uuid.UUID, error) {
	return findIDs(ctx, a.DB, agentsTable, "board_id = $1", board)
}

// AgentFilter narrows a list of agents.
type AgentFilter struct {
	Organization uuid.UUID
	AllBoards    bool        // of the organization
	Boards       []uuid.UUID // else these
	Main         bool        // and the main agents of its gateways
	BoardID      *uuid.UUID
	GatewayID    *uuid.UUID
}

// List lists agents, the newest first.
func (a Agents) List(ctx context.Context, f AgentFilter, s Slice) (Page[Agent], error) {
	return listViews(ctx, a.DB, agentsTable,
		`organization_id = $1 and ((board_id is null and $2) or (board_id is not null and ($3 or board_id = any($4))))
			and ($5::uuid is null or board_id = $5) and ($6::uuid is null or gateway_id = $6) and `+boardIsThere,
		`created_at desc, id desc`,
		[]any{f.Organization, f.Main, f.AllBoards, f.Boards, f.BoardID, f.GatewayID}, s, a.seen)
}

// seen shows agents as they are seen now.
func (a Agents) seen(ctx context.Context, rows []AgentRow) ([]Agent, error) {
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	seen, err := Presences(a).Of(ctx, ids)
	if err != nil {
		return nil, err
	}
	views := make([]Agent, len(rows))
	for i, r := range rows {
		views[i] = viewAgent(r, seen[r.ID], a.Store.Now())
	}
	return views, nil
}

// Read shows an agent as it is now, nil if there is none.
func (a Agents) Read(ctx context.Context, id uuid.UUID) (*Agent, error) {
	row, err := a.Find(ctx, id)
	if row == nil {
		return nil, err
	}
	seen, err := Presences(a).Of(ctx, []uuid.UUID{id})
	if err != nil {
		return nil, err
	}
	v := viewAgent(*row, seen[id], a.Store.Now())
	return &v, nil
}

// Named returns the first agent of an organization with a name, and on a board
// if one is given.
func (a Agents) Named(ctx context.Context, org uuid.UUID, name string, board *uuid.UUID) (id uuid.UUID, found bool, err error) {
	row, err := find[AgentRow](ctx, a.DB, agentsTable,
		"organization_id = $1 and name = $2 and ($3::uuid is null or board_id = $3) and "+boardIsThere+" order by created_at, id limit 1", org, name, board)
	if row == nil {
		return uuid.Nil, false, err
	}
	return row.ID, true, nil
}
