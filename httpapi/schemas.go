package httpapi

import (
	"reflect"

	"missioncontrol/audit"
	"missioncontrol/commands"
	"missioncontrol/projections"
)

// apiVocabulary names the views as the contract does.
func apiVocabulary() vocabulary {
	return vocabulary{
		names: map[reflect.Type]string{
			reflect.TypeFor[projections.Ok]():                  "OkResponse",
			reflect.TypeFor[projections.User]():                "UserRead",
			reflect.TypeFor[projections.Board]():               "BoardRead",
			reflect.TypeFor[projections.Group]():               "BoardGroupRead",
			reflect.TypeFor[projections.GroupMemory]():         "BoardGroupMemoryRead",
			reflect.TypeFor[projections.GroupSnapshot]():       "BoardGroupSnapshot",
			reflect.TypeFor[projections.GroupBoard]():          "BoardGroupBoardSnapshot",
			reflect.TypeFor[projections.GroupTask]():           "BoardGroupTaskSummary",
			reflect.TypeFor[projections.Paced]():               "BoardGroupHeartbeatApplyResult",
			reflect.TypeFor[projections.Task]():                "TaskRead",
			reflect.TypeFor[projections.TaskCard]():            "TaskCardRead",
			reflect.TypeFor[projections.TagRef]():              "TagRef",
			reflect.TypeFor[projections.Memory]():              "BoardMemoryRead",
			reflect.TypeFor[projections.Organization]():        "OrganizationRead",
			reflect.TypeFor[projections.OrganizationItem]():    "OrganizationListItem",
			reflect.TypeFor[projections.Member]():              "OrganizationMemberRead",
			reflect.TypeFor[projections.MemberUser]():          "OrganizationUserRead",
			reflect.TypeFor[projections.BoardAccess]():         "OrganizationBoardAccessRead",
			reflect.TypeFor[projections.Invite]():              "OrganizationInviteRead",
			reflect.TypeFor[projections.Agent]():               "AgentRead",
			reflect.TypeFor[commands.Token]():                  "AgentTokenIssued",
			reflect.TypeFor[commands.IssuedToken]():            "AgentTokenRead",
			reflect.TypeFor[projections.Comment]():             "TaskCommentRead",
			reflect.TypeFor[projections.FeedComment]():         "ActivityTaskCommentFeedItemRead",
			reflect.TypeFor[projections.ActivityEvent]():       "ActivityEventRead",
			reflect.TypeFor[projections.ActivityPage]():        "LimitOffsetPage_TypeVar_Customized_ActivityEventRead_",
			reflect.TypeFor[projections.Approval]():            "ApprovalRead",
			reflect.TypeFor[projections.Tag]():                 "TagRead",
			reflect.TypeFor[projections.Field]():               "TaskCustomFieldDefinitionRead",
			reflect.TypeFor[agentHealth]():                     "AgentHealthStatusResponse",
			reflect.TypeFor[health]():                          "HealthStatusResponse",
			reflect.TypeFor[errorBody]():                       errorAnswer,
			reflect.TypeFor[projections.Dashboard]():           "DashboardMetrics",
			reflect.TypeFor[projections.DashboardKPIs]():       "DashboardKpis",
			reflect.TypeFor[projections.DashboardCurves]():     "DashboardSeriesSet",
			reflect.TypeFor[projections.DashboardCurve]():      "DashboardRangeSeries",
			reflect.TypeFor[projections.DashboardPoint]():      "DashboardSeriesPoint",
			reflect.TypeFor[projections.DashboardStocks]():     "DashboardWipSeriesSet",
			reflect.TypeFor[projections.DashboardStock]():      "DashboardWipRangeSeries",
			reflect.TypeFor[projections.DashboardStockPoint](): "DashboardWipPoint",
			reflect.TypeFor[projections.DashboardWaiting]():    "DashboardPendingApprovals",
			reflect.TypeFor[projections.DashboardApproval]():   "DashboardPendingApproval",
			reflect.TypeFor[audit.Entry]():                     "AuditEventRead",
			reflect.TypeFor[auditPage]():                       "AuditEventPage",
			reflect.TypeFor[audit.BoardDiff]():                 "AuditDiff",
			reflect.TypeFor[audit.Moment]():                    "AuditDiffMoment",
			reflect.TypeFor[audit.Differences]():               "AuditDiffThings",
			reflect.TypeFor[audit.Named]():                     "AuditDiffThing",
			reflect.TypeFor[audit.Changed]():                   "AuditDiffChangedThing",
			reflect.TypeFor[audit.Count]():                     "AuditDiffCount",
		},
		formats: map[reflect.Type]string{
			reflect.TypeFor[projections.Time]():     "date-time",
			reflect.TypeFor[projections.Personal](): "",
			reflect.TypeFor[projections.Source]():   "",
		},
		guides: agentGuides(), notes: schemaNotes(),
	}
}

// BlockedTaskDetail is why a task cannot move.
type BlockedTaskDetail struct {
	Message          string   `json:"message"`
	Code             *string  `json:"code"`
	BlockedByTaskIDs []string `json:"blocked_by_task_ids" default:"[]"`
}

// BlockedTaskError is the answer to a move that cannot be made.
type BlockedTaskError struct {
	Detail BlockedTaskDetail `json:"detail"`
}
