package httpapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/projections"
)

// The sample API stands for the real table in the tests of what all routes
// share. Its inputs mirror those of the contract.

type createMemory struct {
	onBoard
	BoardMemoryCreate
}

type OkResponse struct {
	OK bool `json:"ok" default:"true"`
}

type HealthStatusResponse struct {
	OK bool `json:"ok"`
}

type UserRead struct {
	ClerkUserID   string    `json:"clerk_user_id"`
	Email         *string   `json:"email"`
	Name          *string   `json:"name"`
	PreferredName *string   `json:"preferred_name"`
	Pronouns      *string   `json:"pronouns"`
	Timezone      *string   `json:"timezone"`
	Notes         *string   `json:"notes"`
	Context       *string   `json:"context"`
	ID            uuid.UUID `json:"id"`
	IsSuperAdmin  bool      `json:"is_super_admin"`
}

type TagRef struct {
	ID    uuid.UUID `json:"id"`
	Name  string    `json:"name"`
	Slug  string    `json:"slug"`
	Color string    `json:"color"`
}

type TaskRead struct {
	Title             string                    `json:"title"`
	Description       *string                   `json:"description"`
	Status            string                    `json:"status"              enum:"inbox,in_progress,review,done" default:"inbox"`
	Priority          string                    `json:"priority"            default:"medium"`
	DueAt             *time.Time                `json:"due_at"`
	AssignedAgentID   *uuid.UUID                `json:"assigned_agent_id"`
	DependsOnTaskIDs  []uuid.UUID               `json:"depends_on_task_ids" default:"[]"`
	TagIDs            []uuid.UUID               `json:"tag_ids"             default:"[]"`
	ID                uuid.UUID                 `json:"id"`
	BoardID           *uuid.UUID                `json:"board_id" required:"true"`
	CreatedByUserID   *uuid.UUID                `json:"created_by_user_id" required:"true"`
	InProgressAt      *time.Time                `json:"in_progress_at" required:"true"`
	CreatedAt         time.Time                 `json:"created_at"`
	UpdatedAt         time.Time                 `json:"updated_at"`
	BlockedByTaskIDs  []uuid.UUID               `json:"blocked_by_task_ids" default:"[]"`
	IsBlocked         bool                      `json:"is_blocked"          default:"false"`
	Tags              []TagRef                  `json:"tags"                default:"[]"`
	CustomFieldValues map[string]jsontext.Value `json:"custom_field_values" null:"yes"`
}

const sampleToken = "a-token"

type sampleAPI struct {
	created []createTask
}

func (a *sampleAPI) routes() []route {
	return []route{
		get("/health", public(), a.health, tagged("health")),
		get("/healthz", public(), a.healthz, tagged("health")),
		get("/readyz", public(), a.readyz, tagged("health")),
		get("/api/v1/tags", signedIn(), a.listTags, tagged("tags"), handledBy("list_tags")),
		patch("/api/v1/users/me", signedIn(), a.updateMe, tagged("users")),
		get("/api/v1/boards", signedIn(), a.listBoards, tagged("boards")),
		post("/api/v1/boards", signedIn(), a.createBoard, tagged("boards")),
		get("/api/v1/boards/{board_id}/tasks", signedIn(), a.listTasks, tagged("tasks")),
		post("/api/v1/boards/{board_id}/tasks", signedIn(), a.createTask, tagged("tasks"), alsoAnswers[BlockedTaskError](http.StatusConflict)),
		stream("/api/v1/boards/{board_id}/tasks/stream", signedIn(), a.streamTasks, tagged("tasks")),
		patch("/api/v1/boards/{board_id}/tasks/{task_id}", signedIn(), a.updateTask, tagged("tasks"), alsoAnswers[BlockedTaskError](http.StatusConflict)),
		del("/api/v1/boards/{board_id}/tasks/{task_id}", signedIn(), a.deleteTask, tagged("tasks")),
		post("/api/v1/boards/{board_id}/memory", signedIn(), a.createMemory, tagged("board-memory"), handledBy("create_board_memory")),
		put("/api/v1/echo", public(), a.echo),
		get("/api/v1/panic", public(), a.panics, handledBy("panic")),
		get("/api/v1/fail/{why}", public(), a.fails),
	}
}

func signedIn() rule {
	return rule{name: "signed-in", says: "who knows the token", callers: byPeople(), may: func(ctx context.Context, p params) (context.Context, error) {
		if p.header("Authorization") != "Bearer "+sampleToken {
			return nil, unauthorized()
		}
		return ctx, nil
	}}
}

func (a *sampleAPI) health(context.Context, struct{}) (HealthStatusResponse, error) {
	return HealthStatusResponse{OK: true}, nil
}

func (a *sampleAPI) healthz(ctx context.Context, in struct{}) (HealthStatusResponse, error) {
	return a.health(ctx, in)
}

func (a *sampleAPI) readyz(ctx context.Context, in struct{}) (HealthStatusResponse, error) {
	return a.health(ctx, in)
}

func (a *sampleAPI) listTags(context.Context, page) (projections.Page[TagRef], error) {
	return projections.Page[TagRef]{}, nil
}

func (a *sampleAPI) updateMe(context.Context, UserUpdate) (UserRead, error) { return UserRead{}, nil }

func (a *sampleAPI) listBoards(context.Context, listBoards) (projections.Page[TagRef], error) {
	return projections.Page[TagRef]{}, nil
}

func (a *sampleAPI) createBoard(_ context.Context, in BoardCreate) (OkResponse, error) {
	if in.GatewayID != nil && *in.GatewayID == uuid.MustParse("00000000-0000-0000-0000-000000000005") {
		return OkResponse{}, domain.Refuse(domain.Invalid, "gateway_id is invalid")
	}
	return OkResponse{true}, nil
}

func (a *sampleAPI) listTasks(_ context.Context, in listTasks) (projections.Page[TaskRead], error) {
	if in.Status != nil && *in.Status != "inbox" {
		return projections.Page[TaskRead]{}, domain.Refuse(domain.Invalid, "Unsupported task status filter.")
	}
	return projections.Page[TaskRead]{Limit: in.Limit, Offset: in.Offset}, nil
}

func (a *sampleAPI) createTask(_ context.Context, in createTask) (TaskRead, error) {
	a.created = append(a.created, in)
	return TaskRead{Title: in.Title, Priority: in.Priority}, nil
}

func (a *sampleAPI) updateTask(context.Context, updateTask) (TaskRead, error) {
	return TaskRead{}, nil
}

func (a *sampleAPI) deleteTask(context.Context, ofTask) (OkResponse, error) {
	return OkResponse{true}, nil
}

func (a *sampleAPI) createMemory(context.Context, createMemory) (OkResponse, error) {
	return OkResponse{true}, nil
}

func (a *sampleAPI) streamTasks(w http.ResponseWriter, r *http.Request, in streamTasks) error {
	if in.Since != nil && *in.Since == "refused" {
		return domain.Bare(domain.NotFound)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	if _, err := io.WriteString(w, ": hello\r\n\r\n"); err != nil {
		return err
	}
	if err := http.NewResponseController(w).Flush(); err != nil {
		return err
	}
	<-r.Context().Done()
	return http.ErrAbortHandler
}

type echoed struct {
	Any jsontext.Value `json:"any"`
}

func (a *sampleAPI) echo(_ context.Context, in echoed) (echoed, error) { return in, nil }

func (a *sampleAPI) panics(context.Context, struct{}) (OkResponse, error) { panic("a bug") }

var (
	errSampleBusy = errors.New("the store is busy")
	errSampleBug  = errors.New("secret cause")
)

func (a *sampleAPI) fails(ctx context.Context, in struct {
	Why string `path:"why"`
},
) (OkResponse, error) {
	answerPosition(ctx, "e-1")
	switch in.Why {
	case "conflict":
		return OkResponse{}, domain.Bare(domain.Conflict)
	case "forbidden":
		return OkResponse{}, domain.Refuse(domain.Forbidden, "Board access denied")
	case "missing":
		return OkResponse{}, domain.RefuseWith(domain.NotFound, map[string]any{"message": "gone"})
	case "many":
		return OkResponse{}, tooManyRequests()
	case "busy":
		return OkResponse{}, errSampleBusy
	case "raw":
		return OkResponse{}, &rawAnswer{200, []byte(`{"again":1}`), http.Header{"Idempotency-Replayed": {"true"}}}
	default:
		return OkResponse{}, errSampleBug
	}
}

func sampleTransport(log io.Writer) *Transport {
	return &Transport{
		Log:             slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: levelTrace})),
		MaxBodyBytes:    DefaultMaxBodyBytes,
		SecurityHeaders: DefaultSecurityHeaders(),
		CORSOrigins:     "http://localhost:3000, https://app.example",
		SlowRequest:     time.Hour,
		Translate: func(err error) error {
			if errors.Is(err, errSampleBusy) {
				return unavailable(err)
			}
			return err
		},
	}
}

func sampleHandler(log io.Writer) (*sampleAPI, http.Handler) {
	api := &sampleAPI{}
	return api, sampleTransport(log).mount(api.routes(), vocabulary{})
}

// serve runs a request through the sample API without a socket.
func serve(h http.Handler, method, path, contentType, body string) *httptest.ResponseRecorder {
	return serveAs(h, sampleToken, method, path, contentType, body)
}

func serveAs(h http.Handler, token, method, path, contentType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
