package httpapi

import (
	"reflect"

	"missioncontrol/commands"
	"missioncontrol/projections"
)

// apiVocabulary names the views as the contract does.
func apiVocabulary() vocabulary {
	return vocabulary{
		names: map[reflect.Type]string{
			reflect.TypeFor[projections.Ok]():               "OkResponse",
			reflect.TypeFor[projections.User]():             "UserRead",
			reflect.TypeFor[projections.Board]():            "BoardRead",
			reflect.TypeFor[projections.Task]():             "TaskRead",
			reflect.TypeFor[projections.TagRef]():           "TagRef",
			reflect.TypeFor[projections.Memory]():           "BoardMemoryRead",
			reflect.TypeFor[projections.Organization]():     "OrganizationRead",
			reflect.TypeFor[projections.OrganizationItem](): "OrganizationListItem",
			reflect.TypeFor[projections.Member]():           "OrganizationMemberRead",
			reflect.TypeFor[projections.MemberUser]():       "OrganizationUserRead",
			reflect.TypeFor[projections.BoardAccess]():      "OrganizationBoardAccessRead",
			reflect.TypeFor[projections.Invite]():           "OrganizationInviteRead",
			reflect.TypeFor[projections.Agent]():            "AgentRead",
			reflect.TypeFor[commands.Token]():               "AgentTokenIssued",
			reflect.TypeFor[commands.IssuedToken]():         "AgentTokenRead",
			reflect.TypeFor[agentHealth]():                  "AgentHealthStatusResponse",
			reflect.TypeFor[health]():                       "HealthStatusResponse",
		},
		formats: map[reflect.Type]string{
			reflect.TypeFor[projections.Time]():     "date-time",
			reflect.TypeFor[projections.Personal](): "",
			reflect.TypeFor[projections.Source]():   "",
		},
	}
}
