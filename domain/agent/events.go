package agent

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Profile is what people choose for an agent.
type Profile struct {
	Name             string         `json:"name"`
	HeartbeatConfig  jsontext.Value `json:"heartbeat_config,omitzero"` // an object
	IdentityProfile  jsontext.Value `json:"identity_profile,omitzero"` // an object of texts
	IdentityTemplate *string        `json:"identity_template"`
	SoulTemplate     *string        `json:"soul_template"`
}

// Event is something that happened to an agent.
//
//sumtype:decl
type Event interface{ isAgentEvent() }

type (
	// Created: the agent exists.
	Created struct {
		Profile     `json:",inline"`
		BoardID     *uuid.UUID `json:"board_id"`   // nil: a gateway's main agent
		GatewayID   *uuid.UUID `json:"gateway_id"` // nil: it connects by itself
		SessionID   *string    `json:"openclaw_session_id"`
		IsBoardLead bool       `json:"is_board_lead"`
	}
	// Updated: something about it changed; an absent field did not.
	Updated struct {
		Name             domain.Optional[string]         `json:"name,omitzero"`
		BoardID          domain.Optional[uuid.UUID]      `json:"board_id,omitzero"`
		HeartbeatConfig  domain.Optional[jsontext.Value] `json:"heartbeat_config,omitzero"`
		IdentityProfile  domain.Optional[jsontext.Value] `json:"identity_profile,omitzero"`
		IdentityTemplate domain.Optional[string]         `json:"identity_template,omitzero"`
		SoulTemplate     domain.Optional[string]         `json:"soul_template,omitzero"`
		LeftBoardID      *uuid.UUID                      `json:"left_board_id,omitzero"` // where it was, if it moves
	}
	// SoulWritten: its lead has rewritten the text that shapes it.
	SoulWritten struct {
		SoulTemplate string  `json:"soul_template"`
		Reason       *string `json:"reason"`
		SourceURL    *string `json:"source_url"`
	}
	// Deleted: the agent is gone, and its tokens with it.
	Deleted struct {
		Name    string     `json:"name"`
		BoardID *uuid.UUID `json:"board_id"`
	}
	// TokenIssued: whoever holds the token with this id acts as the agent.
	TokenIssued struct {
		TokenID uuid.UUID `json:"token_id"`
	}
	// TokenFirstUsed: the agent has proved itself with the token for the first time.
	TokenFirstUsed struct {
		TokenID uuid.UUID `json:"token_id"`
	}
	// TokenRevoked: nobody does any more.
	TokenRevoked struct {
		TokenID uuid.UUID `json:"token_id"`
	}
	// Appeared: the agent was seen for the first time.
	Appeared struct{ Presence }
	// Lost: the agent has not been seen for too long.
	Lost struct {
		LastSeenAt time.Time `json:"last_seen_at"`
	}
	// Returned: the agent was seen again.
	Returned struct{ Presence }
)

// Presence is how an agent was seen.
type Presence struct {
	LastSeenAt time.Time `json:"last_seen_at"`
	Status     string    `json:"status"`
}

func (Created) isAgentEvent()        {}
func (Updated) isAgentEvent()        {}
func (SoulWritten) isAgentEvent()    {}
func (Deleted) isAgentEvent()        {}
func (TokenIssued) isAgentEvent()    {}
func (TokenFirstUsed) isAgentEvent() {}
func (TokenRevoked) isAgentEvent()   {}
func (Appeared) isAgentEvent()       {}
func (Lost) isAgentEvent()           {}
func (Returned) isAgentEvent()       {}

// Events names every event as it is stored.
var Events = map[string]Event{
	"agent.created":          Created{},
	"agent.updated":          Updated{},
	"agent.soul_written":     SoulWritten{},
	"agent.deleted":          Deleted{},
	"agent.token_issued":     TokenIssued{},
	"agent.token_first_used": TokenFirstUsed{},
	"agent.token_revoked":    TokenRevoked{},
	"agent.appeared":         Appeared{},
	"agent.lost":             Lost{},
	"agent.returned":         Returned{},
}
