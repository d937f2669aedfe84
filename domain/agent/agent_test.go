package agent_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/domaintest"
)

var (
	agents  = domaintest.Aggregate[agent.Agent, agent.Event]{Events: agent.Events}
	board1  = uuid.MustParse("00000000-0000-4000-8000-0000000000b1")
	board2  = uuid.MustParse("00000000-0000-4000-8000-0000000000b2")
	token1  = uuid.MustParse("00000000-0000-4000-8000-0000000000c1")
	token2  = uuid.MustParse("00000000-0000-4000-8000-0000000000c2")
	created = agent.Created{Profile: agent.Profile{Name: "Wally", HeartbeatConfig: jsontext.Value(`{"every":"10m"}`)}, BoardID: &board1}
	began   = domaintest.Began
)

func lead() agent.Created {
	c := created
	c.IsBoardLead = true
	return c
}

func TestCreate(t *testing.T) {
	t.Parallel()
	s := agents.Given(t).When(agent.Create{Created: created}).Then(created).State()
	if !s.Exists() || s.IsMain() || s.Profile.Name != "Wally" || s.Status != agent.Provisioning || s.OrganizationID != domaintest.Org || s.Holds(token1) {
		t.Errorf("%+v", s)
	}
	agents.Given(t, created).When(agent.Create{Created: created}).ThenRefused(domain.Conflict)
	agents.Given(t).When(agent.Create{Created: created, NameTaken: true}).ThenRefused(domain.Conflict, "An agent with this name already exists on this board.")
	agents.Given(t).When(agent.Create{Created: created, HasLead: true}).Then(created)
	agents.Given(t).When(agent.Create{Created: lead(), HasLead: true}).ThenRefused(domain.Conflict, "Board already has a lead agent.")
	agents.Given(t).When(agent.Create{Created: lead()}).Then(lead())
	const limit = "Board worker-agent limit reached: max_agents=%d (excluding the lead); cannot create more than %d %s."
	for most, agentsText := range map[int]string{0: "agents", 1: "agent", 2: "agents"} {
		agents.Given(t).When(agent.Create{Created: created, NameTaken: true, Team: &agent.Team{Workers: most, Most: most}}).
			ThenRefused(domain.Conflict, fmt.Sprintf(limit, most, most, agentsText))
		agents.Given(t).When(agent.Create{Created: created, Team: &agent.Team{Workers: most, Most: most + 1}}).Then(created)
	}
	if main := agents.Given(t).When(agent.Create{}).After().State(); !main.IsMain() {
		t.Errorf("%+v", main)
	}
}

func TestWriteSoul(t *testing.T) {
	t.Parallel()
	why, written := "it forgot tests", agent.SoulWritten{SoulTemplate: "Always test."}
	written.Reason = &why
	s := agents.Given(t, created).When(agent.WriteSoul{Written: written, Board: board1}).Then(written).State()
	if s.Profile.SoulTemplate == nil || *s.Profile.SoulTemplate != "Always test." || s.UpdatedAt.Equal(s.CreatedAt) {
		t.Errorf("%+v", s)
	}
	agents.Given(t, created).When(agent.WriteSoul{Written: agent.SoulWritten{SoulTemplate: " x\n"}, Board: board1}).Then(agent.SoulWritten{SoulTemplate: "x"})
	agents.Given(t, created).When(agent.WriteSoul{Written: agent.SoulWritten{SoulTemplate: " \n"}, Board: board1}).ThenRefused(domain.Invalid, "content is required")
	agents.Given(t, created).When(agent.WriteSoul{Board: board2}).ThenRefused(domain.NotFound)
	agents.Given(t, agent.Created{}).When(agent.WriteSoul{Written: written, Board: board1}).ThenRefused(domain.NotFound)
	agents.Given(t, created, agent.Deleted{}).When(agent.WriteSoul{Written: written, Board: board1}).ThenRefused(domain.NotFound)
	agents.Given(t).When(agent.WriteSoul{Written: written, Board: board1}).ThenRefused(domain.NotFound)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	rename := agent.Updated{Name: domain.Some("Walter")}
	move := agent.Updated{BoardID: domain.Some(board2)}
	for name, c := range map[string]struct {
		given  agent.Created
		cmd    agent.Update
		then   *agent.Updated
		reason domain.Reason
	}{
		"nothing given":                            {given: created},
		"a name":                                   {given: created, cmd: agent.Update{Updated: rename}, then: &rename},
		"a name that is taken":                     {given: created, cmd: agent.Update{Updated: rename, NameTaken: true}, reason: domain.Conflict},
		"the board where it is":                    {given: created, cmd: agent.Update{Updated: agent.Updated{BoardID: domain.Some(board1)}}},
		"another board, with its name":             {given: created, cmd: agent.Update{Updated: move}, then: &agent.Updated{BoardID: domain.Some(board2), Name: domain.Some("Wally"), LeftBoardID: &board1}},
		"another board, with another name":         {given: created, cmd: agent.Update{Updated: agent.Updated{BoardID: domain.Some(board2), Name: domain.Some("Bo")}}, then: &agent.Updated{BoardID: domain.Some(board2), Name: domain.Some("Bo"), LeftBoardID: &board1}},
		"a lead onto a board that has one":         {given: lead(), cmd: agent.Update{Updated: move, HasLead: true}, reason: domain.Conflict},
		"a worker onto a board that has a lead":    {given: created, cmd: agent.Update{Updated: move, HasLead: true}, then: &agent.Updated{BoardID: domain.Some(board2), Name: domain.Some("Wally"), LeftBoardID: &board1}},
		"a lead that stays, whoever else leads":    {given: lead(), cmd: agent.Update{Updated: rename, HasLead: true}, then: &rename},
		"templates, one of them to none":           {given: created, cmd: agent.Update{Updated: agent.Updated{SoulTemplate: domain.Some("soul"), IdentityTemplate: domain.Null[string]()}}, then: &agent.Updated{SoulTemplate: domain.Some("soul"), IdentityTemplate: domain.Null[string]()}},
		"no heartbeat configuration, no profile":   {given: created, cmd: agent.Update{Updated: agent.Updated{HeartbeatConfig: domain.Null[jsontext.Value](), IdentityProfile: domain.Null[jsontext.Value]()}}, then: &agent.Updated{HeartbeatConfig: domain.Null[jsontext.Value](), IdentityProfile: domain.Null[jsontext.Value]()}},
		"a taken name, although the name is given": {given: created, cmd: agent.Update{NameTaken: true}, reason: domain.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			o := agents.Given(t, c.given).When(c.cmd)
			switch {
			case c.reason != "":
				o.ThenRefused(c.reason)
			case c.then == nil:
				o.Then()
			default:
				o.Then(*c.then)
			}
		})
	}
	agents.Given(t).When(agent.Update{}).ThenRefused(domain.NotFound)
	agents.Given(t, created, agent.Deleted{}).When(agent.Update{Updated: rename}).ThenRefused(domain.NotFound)
	s := agents.Given(t, created, agent.Updated{BoardID: domain.Some(board2), Name: domain.Some("Bo"), HeartbeatConfig: domain.Null[jsontext.Value]()}).State()
	if *s.BoardID != board2 || s.Profile.Name != "Bo" || s.Profile.HeartbeatConfig != nil || !s.UpdatedAt.After(s.CreatedAt) {
		t.Errorf("%+v", s)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	agents.Given(t).When(agent.Delete{}).ThenRefused(domain.NotFound)
	gone := agents.Given(t, created, agent.TokenIssued{TokenID: token1}).When(agent.Delete{}).Then(agent.Deleted{Name: "Wally", BoardID: &board1})
	if s := gone.State(); s.Exists() || s.Holds(token1) {
		t.Errorf("%+v", s)
	}
	gone.When(agent.Delete{}).ThenRefused(domain.NotFound)
	gone.When(agent.IssueToken{ID: token2}).ThenRefused(domain.NotFound)
	gone.When(agent.RevokeToken{ID: token1}).ThenRefused(domain.NotFound)
	gone.When(agent.See{LastSeenAt: began}).ThenRefused(domain.NotFound)
	gone.When(agent.Miss{LastSeenAt: began, Now: began.Add(time.Hour)}).Then()
	gone.When(agent.Create{Created: created}).ThenRefused(domain.Conflict)
}

func TestTokens(t *testing.T) {
	t.Parallel()
	agents.Given(t).When(agent.IssueToken{ID: token1}).ThenRefused(domain.NotFound)
	h := agents.Given(t, created).When(agent.IssueToken{ID: token1}).Then(agent.TokenIssued{TokenID: token1})
	h = h.When(agent.IssueToken{ID: token2}).Then(agent.TokenIssued{TokenID: token2})
	if s := h.State(); !s.Holds(token1) || !s.Holds(token2) || s.UpdatedAt != s.CreatedAt {
		t.Errorf("%+v", s)
	}
	h = h.When(agent.RevokeToken{ID: token1}).Then(agent.TokenRevoked{TokenID: token1})
	if s := h.State(); s.Holds(token1) || !s.Holds(token2) {
		t.Errorf("%+v", s)
	}
	h.When(agent.RevokeToken{ID: token1}).ThenRefused(domain.NotFound)

	full := agents.Given(t, created)
	for n := range agent.MaxTokens {
		full = full.When(agent.IssueToken{ID: uuid.UUID{15: byte(n), 14: 1}}).After()
	}
	full.When(agent.IssueToken{ID: token1}).ThenRefused(domain.Conflict)
	full.When(agent.RevokeToken{ID: uuid.UUID{15: 3, 14: 1}}).After().When(agent.IssueToken{ID: token1}).Then(agent.TokenIssued{TokenID: token1})
}

func TestPresence(t *testing.T) {
	t.Parallel()
	see := agent.See{LastSeenAt: began, Status: "busy"}
	agents.Given(t).When(see).ThenRefused(domain.NotFound)
	h := agents.Given(t, created).When(see).Then(agent.Appeared{Presence: agent.Presence(see)})
	h.When(see).Then()
	h.When(agent.Miss{LastSeenAt: began, Now: began.Add(agent.Silence)}).Then()
	lost := h.When(agent.Miss{LastSeenAt: began, Now: began.Add(agent.Silence + time.Microsecond)}).Then(agent.Lost{LastSeenAt: began})
	if s := lost.State(); !s.IsLost || s.Status != agent.Offline {
		t.Errorf("%+v", s)
	}
	lost.When(agent.Miss{LastSeenAt: began, Now: began.Add(time.Hour)}).Then()
	back := lost.When(see).Then(agent.Returned{Presence: agent.Presence(see)})
	if s := back.State(); s.IsLost || s.Status != "busy" {
		t.Errorf("%+v", s)
	}
	agents.Given(t, created).When(agent.Miss{LastSeenAt: began, Now: began.Add(time.Hour)}).Then()
}

func TestShownStatus(t *testing.T) {
	t.Parallel()
	now := began.Add(time.Hour)
	at := func(ago time.Duration) *time.Time { seen := now.Add(-ago); return &seen }
	for _, c := range []struct {
		status string
		seen   *time.Time
		want   string
	}{
		{"online", nil, "provisioning"},
		{"online", at(0), "online"},
		{"busy", at(time.Minute), "busy"},
		{"", at(time.Minute), "online"},
		{"provisioning", at(time.Minute), "online"},
		{"offline", at(time.Minute), "online"},
		{"busy", at(agent.Silence), "busy"},
		{"busy", at(agent.Silence + 1), "offline"},
		{"updating", at(agent.Silence + 1), "offline"},
		{"online", at(-time.Minute), "online"}, // seen by a process whose clock is ahead
	} {
		if got := agent.ShownStatus(c.status, c.seen, now); got != c.want {
			t.Errorf("%q, seen %v: %q, want %q", c.status, c.seen, got, c.want)
		}
	}
}

func TestAnySequence(t *testing.T) {
	t.Parallel()
	objects := rapid.SampledFrom([]jsontext.Value{jsontext.Value(`{}`), jsontext.Value(`{"a":1}`)})
	boards := rapid.SampledFrom([]uuid.UUID{board1, board2})
	tokens := rapid.SampledFrom([]uuid.UUID{token1, token2})
	agents.Property(t, rapid.Custom(func(t *rapid.T) domain.Command[agent.Agent, agent.Event] {
		yes, no := rapid.Bool().Draw(t, "yes"), rapid.Bool().Draw(t, "no")
		switch rapid.IntRange(0, 8).Draw(t, "command") {
		case 0, 1:
			return agent.Create{HasLead: yes, NameTaken: no, Created: agent.Created{
				BoardID: domaintest.OrNil(boards).Draw(t, "board"), IsBoardLead: rapid.Bool().Draw(t, "lead"),
				GatewayID: domaintest.OrNil(domaintest.IDs()).Draw(t, "gateway"), SessionID: domaintest.OrNil(domaintest.Texts()).Draw(t, "session"),
				Profile: agent.Profile{
					Name: domaintest.Texts().Draw(t, "name"), HeartbeatConfig: objects.Draw(t, "heartbeat"),
					SoulTemplate: domaintest.OrNil(domaintest.Texts()).Draw(t, "soul"),
				},
			}}
		case 2, 3:
			return agent.Update{HasLead: yes, NameTaken: no, Updated: agent.Updated{
				Name: domaintest.Maybe(domaintest.Texts()).Draw(t, "name"), BoardID: domaintest.Maybe(boards).Draw(t, "board"),
				HeartbeatConfig: domaintest.Maybe(objects).Draw(t, "heartbeat"), IdentityProfile: domaintest.Maybe(objects).Draw(t, "profile"),
				IdentityTemplate: domaintest.Maybe(domaintest.Texts()).Draw(t, "template"), SoulTemplate: domaintest.Maybe(domaintest.Texts()).Draw(t, "soul"),
			}}
		case 4:
			return agent.IssueToken{ID: tokens.Draw(t, "token")}
		case 5:
			return agent.RevokeToken{ID: tokens.Draw(t, "token")}
		case 6:
			return agent.See{LastSeenAt: domaintest.Times().Draw(t, "seen"), Status: domaintest.Texts().Draw(t, "status")}
		case 7:
			return agent.Miss{LastSeenAt: domaintest.Times().Draw(t, "seen"), Now: domaintest.Times().Draw(t, "now")}
		default:
			if yes && no {
				return agent.Delete{}
			}
			return agent.See{LastSeenAt: began, Status: "online"}
		}
	}))
}
