package agent_test

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/domaintest"
)

func TestPace(t *testing.T) {
	t.Parallel()
	agents := domaintest.Aggregate[agent.Agent, agent.Event]{Events: agent.Events}
	given := func(t rapid.TB, config string) domaintest.History[agent.Agent, agent.Event] {
		t.Helper()
		profile := agent.Profile{Name: "Wally"}
		if config != "" {
			profile.HeartbeatConfig = jsontext.Value(config)
		}
		return agents.Given(t, agent.Created{Profile: profile})
	}
	for name, c := range map[string]struct{ before, every, want string }{
		"nothing was set":            {"", "5m", `{"every":"5m","target":"last","includeReasoning":false}`},
		"the rest stays":             {`{"every":"1h","target":"first","includeReasoning":true,"x":{"y":[1]}}`, "5m", `{"every":"5m","target":"last","includeReasoning":true,"x":{"y":[1]}}`},
		"others come behind":         {`{"x":1}`, "", `{"every":"","target":"last","includeReasoning":false,"x":1}`},
		"the pace is a text as such": {`{"é\"":null}`, `say "5m"`, `{"every":"say \"5m\"","target":"last","includeReasoning":false,"é\"":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, c.before).When(agent.Pace{Every: c.every}).Then(agent.Updated{HeartbeatConfig: domain.Some(jsontext.Value(c.want))})
		})
	}
	agents.Given(t).When(agent.Pace{}).ThenRefused(domain.NotFound)
	rapid.Check(t, func(t *rapid.T) {
		every := domaintest.Texts().Draw(t, "every")
		h := given(t, rapid.SampledFrom([]string{"", "{}", `{"z":1,"a":{"b":"é"}}`, `{"every":null}`}).Draw(t, "before"))
		once := h.When(agent.Pace{Every: every}).After()
		twice := once.When(agent.Pace{Every: every}).After()
		if a, b := string(once.State().Profile.HeartbeatConfig), string(twice.State().Profile.HeartbeatConfig); a != b {
			t.Errorf("%s becomes %s", a, b)
		}
	})
}
