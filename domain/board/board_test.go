package board_test

import (
	"testing"
	"time"

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
		boards.Given(t).When(board.Create{Settings: s, GroupKnown: true}).Then(board.Created{Settings: s})
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

func TestUpdate(t *testing.T) {
	t.Parallel()
	first, second := uuid.New(), uuid.New()
	inGroup := settings
	inGroup.BoardGroupID = &first
	due := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	inGroup.TargetDate, inGroup.Objective = &due, new("Ship v2")
	then := func(c board.Changes) board.Updated { return board.Updated{Changes: c} }
	for name, c := range map[string]struct {
		given board.Update
		want  board.Updated
	}{
		"nothing is a touch":          {board.Update{}, board.Updated{}},
		"a change is recorded":        {board.Update{Changes: board.Changes{Name: domain.Some("v2")}}, then(board.Changes{Name: domain.Some("v2")})},
		"what stays the same is not":  {board.Update{Changes: board.Changes{Name: domain.Some("Website"), RequireApprovalForDone: domain.Some(true), MaxAgents: domain.Some(2), TargetDate: domain.Some(due), Objective: domain.Some("Ship v2"), GoalSource: domain.Null[string]()}}, then(board.Changes{MaxAgents: domain.Some(2)})},
		"metrics are kept as stored":  {board.Update{Changes: board.Changes{SuccessMetrics: domain.Some(jsontext.Value("{ \"a\" : 1 }"))}}, then(board.Changes{SuccessMetrics: domain.Some(jsontext.Value(`{"a":1}`))})},
		"the same metrics are none":   {board.Update{Changes: board.Changes{SuccessMetrics: domain.Some(jsontext.Value("{ \"uptime\":\"99.9%\",\"visits\":10000}"))}}, board.Updated{}},
		"null takes away":             {board.Update{Changes: board.Changes{SuccessMetrics: domain.Null[jsontext.Value](), TargetDate: domain.Null[time.Time](), Objective: domain.Null[string]()}}, then(board.Changes{SuccessMetrics: domain.Null[jsontext.Value](), TargetDate: domain.Null[time.Time](), Objective: domain.Null[string]()})},
		"a board changes its group":   {board.Update{Changes: board.Changes{BoardGroupID: domain.Some(second)}, GroupKnown: true}, board.Updated{Changes: board.Changes{BoardGroupID: domain.Some(second)}, LeftGroupID: &first}},
		"a board leaves its group":    {board.Update{Changes: board.Changes{BoardGroupID: domain.Null[uuid.UUID]()}}, board.Updated{Changes: board.Changes{BoardGroupID: domain.Null[uuid.UUID]()}, LeftGroupID: &first}},
		"its own group is no change":  {board.Update{Changes: board.Changes{BoardGroupID: domain.Some(first)}, GroupKnown: true}, board.Updated{}},
		"no gateway is the state now": {board.Update{Changes: board.Changes{GatewayID: domain.Null[uuid.UUID]()}}, board.Updated{}},
		"a goal that can be told":     {board.Update{Changes: board.Changes{BoardType: domain.Some("goal")}}, board.Updated{}},
	} {
		t.Run(name, func(t *testing.T) {
			boards.Given(t, board.Created{Settings: inGroup}).When(c.given).Then(c.want)
		})
	}
	general := board.Created{Settings: board.Settings{Name: "Docs", BoardType: "general"}}
	for name, c := range map[string]struct {
		given  board.Update
		detail string
	}{
		"a gateway that is unknown": {board.Update{Changes: board.Changes{GatewayID: domain.Some(first), BoardGroupID: domain.Some(first), BoardType: domain.Some("goal")}}, "gateway_id is invalid"},
		"a group that is unknown":   {board.Update{Changes: board.Changes{BoardGroupID: domain.Some(first), BoardType: domain.Some("goal")}}, "board_group_id is invalid"},
		"a goal without any":        {board.Update{Changes: board.Changes{BoardType: domain.Some("goal")}}, "Goal boards require objective and success_metrics"},
		"a goal without metrics":    {board.Update{Changes: board.Changes{BoardType: domain.Some("goal"), Objective: domain.Some("x"), SuccessMetrics: domain.Some(jsontext.Value("{ }"))}}, "Goal boards require objective and success_metrics"},
		"a goal without objective":  {board.Update{Changes: board.Changes{BoardType: domain.Some("goal"), Objective: domain.Some(""), SuccessMetrics: domain.Some(jsontext.Value(`{"a":1}`))}}, "Goal boards require objective and success_metrics"},
		"metrics that are not JSON": {board.Update{Changes: board.Changes{SuccessMetrics: domain.Some(jsontext.Value("{"))}}, "success_metrics is no JSON value"},
	} {
		t.Run(name, func(t *testing.T) {
			boards.Given(t, general).When(c.given).ThenRefused(domain.Invalid, c.detail)
		})
	}
	t.Run("a goal that comes whole is taken", func(t *testing.T) {
		c := board.Changes{BoardType: domain.Some("goal"), Objective: domain.Some("x"), SuccessMetrics: domain.Some(jsontext.Value(`{"a":1}`))}
		boards.Given(t, general).When(board.Update{Changes: c}).Then(then(c))
	})
	t.Run("only while it exists", func(t *testing.T) {
		boards.Given(t).When(board.Update{}).ThenRefused(domain.NotFound)
		boards.Given(t, general, board.Deleted{}).When(board.Update{}).ThenRefused(domain.NotFound)
	})
}

func TestDetach(t *testing.T) {
	t.Parallel()
	group := uuid.New()
	s := settings
	s.BoardGroupID = &group
	boards.Given(t, board.Created{Settings: s}).When(board.Detach{Group: group}).
		Then(board.Updated{Changes: board.Changes{BoardGroupID: domain.Null[uuid.UUID]()}, LeftGroupID: &group})
	boards.Given(t, board.Created{Settings: s}).When(board.Detach{Group: uuid.New()}).Then()
	boards.Given(t, board.Created{Settings: settings}).When(board.Detach{Group: group}).Then()
	boards.Given(t, board.Created{Settings: s}, board.Deleted{}).When(board.Detach{Group: group}).Then()
}

func TestDelete(t *testing.T) {
	t.Parallel()
	group := uuid.New()
	s := settings
	s.BoardGroupID = &group
	if b := boards.Given(t, board.Created{Settings: s}).When(board.Delete{}).Then(board.Deleted{Name: "Website", BoardGroupID: &group}).State(); b.Exists() {
		t.Errorf("%+v", b)
	}
	boards.Given(t).When(board.Delete{}).ThenRefused(domain.NotFound)
	boards.Given(t, board.Created{Settings: s}, board.Deleted{}).When(board.Delete{}).ThenRefused(domain.NotFound)
}

func commands() *rapid.Generator[domain.Command[board.Board, board.Event]] {
	return rapid.Custom(func(t *rapid.T) domain.Command[board.Board, board.Event] {
		text := domaintest.Texts()
		switch rapid.IntRange(0, 7).Draw(t, "what") {
		case 0:
			return board.Delete{}
		case 1:
			return board.Detach{Group: domaintest.IDs().Draw(t, "group")}
		case 2, 3, 4, 5:
			return board.Update{Changes: changes(t), GroupKnown: rapid.Bool().Draw(t, "group known")}
		}
		return board.Create{GroupKnown: rapid.Bool().Draw(t, "group known"), Settings: board.Settings{
			Name: text.Draw(t, "name"), Slug: text.Draw(t, "slug"), Description: text.Draw(t, "description"),
			BoardGroupID: domaintest.OrNil(domaintest.IDs()).Draw(t, "group"), BoardType: text.Draw(t, "type"),
			Objective:      domaintest.OrNil(text).Draw(t, "objective"),
			SuccessMetrics: metrics().Draw(t, "metrics"),
			TargetDate:     domaintest.OrNil(domaintest.Times()).Draw(t, "target"), GoalConfirmed: rapid.Bool().Draw(t, "confirmed"),
			GoalSource: domaintest.OrNil(text).Draw(t, "source"), OnlyLeadCanChangeStatus: rapid.Bool().Draw(t, "lead"),
			MaxAgents: rapid.Int().Draw(t, "agents"),
		}}
	})
}

func metrics() *rapid.Generator[jsontext.Value] {
	return rapid.Map(rapid.SampledFrom([]string{"", "null", "{}", `{"a":[1.50,-0,1e400,{"b":"\u00e9\ud83d\ude00"}]}`, "{ \"a\" : 1 }", `{"z":1,"a":2}`}),
		func(text string) jsontext.Value { return jsontext.Value(text) })
}

// some is a value that is absent, null or given.
func some[T any](t *rapid.T, of *rapid.Generator[T], name string) domain.Optional[T] {
	switch rapid.IntRange(0, 4).Draw(t, name+" is there") {
	case 0:
		return domain.Null[T]()
	case 1:
		return domain.Some(of.Draw(t, name))
	}
	return domain.Optional[T]{}
}

func changes(t *rapid.T) board.Changes {
	text, yes := domaintest.Texts(), rapid.Bool()
	return board.Changes{
		Name: some(t, text, "name"), Slug: some(t, text, "slug"), Description: some(t, text, "description"),
		GatewayID: some(t, domaintest.IDs(), "gateway"), BoardGroupID: some(t, domaintest.IDs(), "group"),
		BoardType: some(t, rapid.SampledFrom([]string{"goal", "general"}), "type"), Objective: some(t, text, "objective"),
		SuccessMetrics: some(t, rapid.SampledFrom([]jsontext.Value{jsontext.Value("{}"), jsontext.Value(`{"a" : 1}`)}), "metrics"),
		TargetDate:     some(t, domaintest.Times(), "target"), GoalConfirmed: some(t, yes, "confirmed"), GoalSource: some(t, text, "source"),
		RequireApprovalForDone: some(t, yes, "approval"), RequireReviewBeforeDone: some(t, yes, "review"),
		CommentRequiredForReview: some(t, yes, "comment"), BlockStatusChangesWithPendingApproval: some(t, yes, "block"),
		OnlyLeadCanChangeStatus: some(t, yes, "lead"), MaxAgents: some(t, rapid.Int(), "agents"),
	}
}

func TestAnySequence(t *testing.T) {
	t.Parallel()
	boards.Property(t, commands())
}
