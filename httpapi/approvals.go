package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/approval"
	"missioncontrol/projections"
)

type listApprovals struct {
	onBoard
	Status *string `query:"status" enum:"pending,approved,rejected"`
	asOf
	page
}

func (a *API) listApprovals(ctx context.Context, in listApprovals) (*projections.Page[projections.Approval], error) {
	approvals, board, status := projections.Approvals{Reader: a.Read}, boardOf(ctx).ID, ""
	if in.Status != nil {
		status = *in.Status
	}
	return inTime(ctx, a, in.asOf,
		func() (*projections.Page[projections.Approval], error) {
			return some(approvals.OnBoard(ctx, board, status, in.slice()))
		},
		func(at int64) (*projections.Page[projections.Approval], error) {
			return approvals.OnBoardAt(ctx, board, at, status, in.slice())
		})
}

type streamApprovals struct {
	onBoard
	following
}

func (a *API) streamApprovals(w http.ResponseWriter, r *http.Request, _ streamApprovals) error {
	return a.Hub.Serve(w, r, a.onBoardStream(r.Context(), "approval", projections.ApprovalsTopic(boardOf(r.Context()).ID)))
}

// ApprovalCreate is the body of a request for approval.
type ApprovalCreate struct {
	ActionType    string         `json:"action_type"`
	TaskID        *uuid.UUID     `json:"task_id"`
	TaskIDs       []uuid.UUID    `json:"task_ids" default:"[]"`
	Payload       jsontext.Value `json:"payload" null:"yes" object:"true"`
	Confidence    float64        `json:"confidence" ge:"0" le:"100"`
	RubricScores  map[string]int `json:"rubric_scores" null:"yes"`
	Status        string         `json:"status" default:"pending" enum:"pending,approved,rejected"`
	AgentID       *uuid.UUID     `json:"agent_id"`
	LeadReasoning *string        `json:"lead_reasoning"`
}

// payloadHints is what a payload may say of its reason and its tasks, in the
// spellings that agents use.
type payloadHints struct {
	Reason   any `json:"reason"`
	Decision any `json:"decision"`

	TaskIDs1 any `json:"task_ids"`
	TaskIDs2 any `json:"taskIds"`
	TaskIDs3 any `json:"taskIDs"`
	TaskID1  any `json:"task_id"`
	TaskID2  any `json:"taskId"`
	TaskID3  any `json:"taskID"`
}

func (c *ApprovalCreate) hints() payloadHints {
	var h payloadHints
	if c.Payload == nil || json.Unmarshal(c.Payload, &h) != nil {
		return payloadHints{}
	}
	return h
}

// reason is why approval is asked for, "" if nobody says.
func (c *ApprovalCreate) reason() string {
	h := c.hints()
	if text, ok := h.Reason.(string); ok && strings.TrimSpace(text) != "" {
		return text
	}
	if decision, ok := h.Decision.(map[string]any); ok {
		if text, ok := decision["reason"].(string); ok && strings.TrimSpace(text) != "" {
			return text
		}
	}
	if c.LeadReasoning != nil {
		return strings.TrimSpace(*c.LeadReasoning)
	}
	return ""
}

// Validate wants a reason; one that was given beside the payload is put into it.
func (c *ApprovalCreate) Validate() string {
	reason := c.reason()
	if reason == "" {
		return "lead reasoning is required"
	}
	h := c.hints()
	if text, ok := h.Reason.(string); ok && strings.TrimSpace(text) != "" {
		return ""
	}
	if decision, ok := h.Decision.(map[string]any); ok {
		if text, ok := decision["reason"].(string); ok && strings.TrimSpace(text) != "" {
			return ""
		}
	}
	c.Payload = withReason(c.Payload, reason)
	return ""
}

// withReason adds a reason to a payload, which is an object or nothing.
func withReason(payload jsontext.Value, reason string) jsontext.Value {
	quoted := quoted(reason)
	var members map[string]jsontext.Value
	if payload == nil || json.Unmarshal(payload, &members) != nil || len(members) == 0 {
		return jsontext.Value(`{"reason":` + string(quoted) + `}`)
	}
	members["reason"] = jsontext.Value(quoted)
	with, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		return payload // JSON values always encode
	}
	return with
}

// tasks merges every way of naming tasks, keeping order.
func (c *ApprovalCreate) tasks() []uuid.UUID {
	var ids []uuid.UUID
	if c.TaskID != nil {
		ids = append(ids, *c.TaskID)
	}
	ids = append(ids, c.TaskIDs...)
	h := c.hints()
	for _, list := range []any{h.TaskIDs1, h.TaskIDs2, h.TaskIDs3} {
		entries, _ := list.([]any)
		for _, entry := range entries {
			ids = appendID(ids, entry)
		}
	}
	for _, one := range []any{h.TaskID1, h.TaskID2, h.TaskID3} {
		ids = appendID(ids, one)
	}
	return ids
}

// appendID skips what is not an id.
func appendID(ids []uuid.UUID, v any) []uuid.UUID {
	text, _ := v.(string)
	if id, err := uuid.Parse(text); err == nil {
		return append(ids, id)
	}
	return ids
}

type createApproval struct {
	onBoard
	ApprovalCreate
}

func (a *API) createApproval(ctx context.Context, in createApproval) (projections.Approval, error) {
	c := approval.Created{
		TaskIDs: in.tasks(), AgentID: in.AgentID, ActionType: in.ActionType, Payload: in.Payload,
		Confidence: in.Confidence, Status: approval.Status(in.Status),
	}
	if in.RubricScores != nil {
		scores, err := json.Marshal(in.RubricScores, json.Deterministic(true))
		if err != nil {
			return projections.Approval{}, err
		}
		c.RubricScores = scores
	}
	return a.Commands.Approvals.Create(ctx, placeOf(ctx), c)
}

// ApprovalUpdate is the body of a decision.
type ApprovalUpdate struct {
	Status domain.Optional[string] `json:"status" enum:"pending,approved,rejected"`
}

// Validate refuses a status that is named but not given.
func (u *ApprovalUpdate) Validate() string {
	if u.Status.Set && u.Status.Value == nil {
		return "status is required"
	}
	return ""
}

type updateApproval struct {
	onBoard
	ApprovalID string `path:"approval_id"`
	ApprovalUpdate
}

func (a *API) updateApproval(ctx context.Context, in updateApproval) (projections.Approval, error) {
	id, err := uuid.Parse(in.ApprovalID)
	if err != nil {
		return projections.Approval{}, domain.Bare(domain.NotFound)
	}
	return a.Commands.Approvals.Resolve(ctx, placeOf(ctx), id, approval.Status(in.Status.Or("")), "")
}
