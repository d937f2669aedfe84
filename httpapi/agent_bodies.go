package httpapi

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/agent"
)

// AgentCreate is the body of a new agent. is_board_lead is ours.
type AgentCreate struct {
	BoardID          *uuid.UUID     `json:"board_id"`
	Name             string         `json:"name" nonempty:"true"`
	Status           string         `json:"status" default:"provisioning"`
	HeartbeatConfig  jsontext.Value `json:"heartbeat_config" null:"yes" object:"true"`
	IdentityProfile  jsontext.Value `json:"identity_profile" null:"yes"`
	IdentityTemplate *string        `json:"identity_template"`
	SoulTemplate     *string        `json:"soul_template"`
	IsBoardLead      bool           `json:"is_board_lead" default:"false"`
}

func (c AgentCreate) agent() commands.NewAgent {
	return commands.NewAgent{IsBoardLead: c.IsBoardLead, Profile: agent.Profile{
		Name: c.Name, HeartbeatConfig: c.HeartbeatConfig, IdentityProfile: normalProfile(c.IdentityProfile),
		IdentityTemplate: normalText(c.IdentityTemplate), SoulTemplate: normalText(c.SoulTemplate),
	}}
}

// normalText trims; blank means none.
func normalText(text *string) *string {
	if text == nil || strings.TrimSpace(*text) == "" {
		return nil
	}
	trimmed := strings.TrimSpace(*text)
	return &trimmed
}

// normalProfile makes an identity profile what agents expect: an object of
// texts without blank ones, none if nothing is left.
func normalProfile(v jsontext.Value) jsontext.Value {
	var members map[string]jsontext.Value
	if v == nil || json.Unmarshal(v, &members) != nil {
		return nil
	}
	texts := map[string]string{}
	for key, value := range members {
		if text := profileText(value); text != "" {
			texts[strings.TrimSpace(key)] = text
		}
	}
	if len(texts) == 0 {
		return nil
	}
	normal, err := json.Marshal(texts, json.Deterministic(true))
	if err != nil {
		return nil // a map of strings always encodes
	}
	return normal
}

func profileText(v jsontext.Value) string {
	var text string
	var list []jsontext.Value
	switch {
	case json.Unmarshal(v, &text) == nil:
		return strings.TrimSpace(text)
	case json.Unmarshal(v, &list) == nil:
		var parts []string
		for _, part := range list {
			if text := profileText(part); text != "" {
				parts = append(parts, text)
			}
		}
		return strings.Join(parts, ", ")
	}
	return strings.TrimSpace(v.String())
}

// AgentUpdate is the body of a change of an agent.
type AgentUpdate struct {
	BoardID          domain.Optional[uuid.UUID]      `json:"board_id"`
	IsGatewayMain    domain.Optional[bool]           `json:"is_gateway_main"`
	Name             domain.Optional[string]         `json:"name" nonempty:"true" null:"no"`
	Status           domain.Optional[string]         `json:"status"`
	HeartbeatConfig  domain.Optional[jsontext.Value] `json:"heartbeat_config" object:"true"`
	IdentityProfile  domain.Optional[jsontext.Value] `json:"identity_profile"`
	IdentityTemplate domain.Optional[string]         `json:"identity_template"`
	SoulTemplate     domain.Optional[string]         `json:"soul_template"`
}

func (u AgentUpdate) change() agent.Updated {
	change := agent.Updated{Name: u.Name, BoardID: u.BoardID, HeartbeatConfig: u.HeartbeatConfig}
	if u.BoardID.Value == nil {
		change.BoardID = domain.Optional[uuid.UUID]{}
	}
	if u.IdentityProfile.Set {
		change.IdentityProfile = domain.Optional[jsontext.Value]{Set: true}
		if profile := normalProfile(u.IdentityProfile.Or(nil)); profile != nil {
			change.IdentityProfile.Value = &profile
		}
	}
	if u.IdentityTemplate.Set {
		change.IdentityTemplate = domain.Optional[string]{Set: true, Value: normalText(u.IdentityTemplate.Value)}
	}
	if u.SoulTemplate.Set {
		change.SoulTemplate = domain.Optional[string]{Set: true, Value: normalText(u.SoulTemplate.Value)}
	}
	return change
}
