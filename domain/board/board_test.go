package board_test

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/board"
	"missioncontrol/domain/domaintest"
)

var (
	boards   = domaintest.Aggregate[board.Board, board.Event]{Events: board.Events}
	settings = board.Settings{
		Name: "Website", Slug: "website", Description: "Rebuild the public site", BoardType: "goal",
		SuccessMetrics: jsontext.Value(`{"uptime":"99.9%","visits":10000}`), RequireApprovalForDone: true, MaxAgents: 1,
	}
)

func TestCreate(t *testing.T) {
	t.Parallel()
	t.Run("takes the settings", func(t *testing.T) {
		s := boards.Given(t).When(board.Create{Settings: settings}).Then(board.Created{Settings: settings}).State()
		if s.ID != domaintest.Stream || s.OrganizationID != domaintest.Org || s.Name != "Website" || s.CreatedAt != s.UpdatedAt {
			t.Errorf("%+v", s)
		}
	})
	t.Run("only once", func(t *testing.T) {
		boards.Given(t, board.Created{Settings: settings}).When(board.Create{Settings: settings}).ThenRefused(domain.Conflict)
	})
	t.Run("not on a gateway that is unknown", func(t *testing.T) {
		s, id := settings, uuid.New()
		s.GatewayID = &id
		boards.Given(t).When(board.Create{Settings: s}).ThenRefused(domain.Invalid, "gateway_id is invalid")
	})
	t.Run("not in a group that is unknown", func(t *testing.T) {
		s, id := settings, uuid.New()
		s.BoardGroupID = &id
		boards.Given(t).When(board.Create{Settings: s}).ThenRefused(domain.Invalid, "board_group_id is invalid")
	})
	t.Run("not with metrics that are no JSON", func(t *testing.T) {
		s := settings
		s.SuccessMetrics = jsontext.Value("{")
		boards.Given(t).When(board.Create{Settings: s}).ThenRefused(domain.Invalid)
	})
	t.Run("keeps metrics as they will be read back", func(t *testing.T) {
		s := settings
		s.SuccessMetrics = jsontext.Value("{ \"uptime\" :\n[ 1, 2 ] }")
		h := boards.Given(t).When(board.Create{Settings: s}).After()
		if got := string(h.State().SuccessMetrics); got != `{"uptime":[1,2]}` {
			t.Errorf("metrics are %s", got)
		}
	})
}

func commands() *rapid.Generator[domain.Command[board.Board, board.Event]] {
	return rapid.Custom(func(t *rapid.T) domain.Command[board.Board, board.Event] {
		text := domaintest.Texts()
		return board.Create{Settings: board.Settings{
			Name: text.Draw(t, "name"), Slug: text.Draw(t, "slug"), Description: text.Draw(t, "description"),
			GatewayID: domaintest.OrNil(domaintest.IDs()).Draw(t, "gateway"), BoardType: text.Draw(t, "type"),
			Objective:      domaintest.OrNil(text).Draw(t, "objective"),
			SuccessMetrics: jsontext.Value(rapid.SampledFrom([]string{"", "null", "{}", `{"a":[1.50,-0,1e400,{"b":"\u00e9\ud83d\ude00"}]}`, "{ \"a\" : 1 }", `{"z":1,"a":2}`}).Draw(t, "metrics")),
			TargetDate:     domaintest.OrNil(domaintest.Times()).Draw(t, "target"), GoalConfirmed: rapid.Bool().Draw(t, "confirmed"),
			GoalSource: domaintest.OrNil(text).Draw(t, "source"), OnlyLeadCanChangeStatus: rapid.Bool().Draw(t, "lead"),
			MaxAgents: rapid.Int().Draw(t, "agents"),
		}}
	})
}

func TestAnySequence(t *testing.T) {
	t.Parallel()
	boards.Property(t, commands())
}
