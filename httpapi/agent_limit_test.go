package httpapi

import (
	"fmt"
	"testing"
)

// TestTeamLimit: a lead adds agents up to max_agents; people add more.
func TestTeamLimit(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	const text = "Board worker-agent limit reached: max_agents=%d (excluding the lead); cannot create more than %d %s."
	limit := func(most int) {
		x.must("Ow", "PATCH", v1+"/boards/"+x.board, fmt.Sprintf(`{"max_agents":%d}`, most))
	}
	refused := func(path string, most int, agents string) {
		t.Helper()
		got := x.do("Le", "POST", v1+path, `{"name":"one more"}`)
		if got.status != 409 || got.value0("detail") != fmt.Sprintf(text, most, most, agents) {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	for most, agents := range map[int]string{0: "agents", 1: "agent"} { // there is one, and the lead
		limit(most)
		refused("/agents", most, agents)
		refused("/agent/agents", most, agents)
	}
	x.must("Ow", "POST", v1+"/agents", `{"name":"by a person","board_id":"`+x.board+`"}`)
	limit(2)
	refused("/agents", 2, "agents")
	limit(3)
	made := x.must("Le", "POST", v1+"/agent/agents", `{"name":"one more"}`)
	refused("/agent/agents", 3, "agents")
	x.must("Le", "DELETE", v1+"/agent/boards/"+x.board+"/agents/"+made.text(t, "id"), "")
	moved := x.must("Le", "POST", v1+"/agents", `{"name":"one more"}`)
	refused("/agents", 3, "agents")
	x.must("Ow", "PATCH", v1+"/agents/"+moved.text(t, "id"), `{"board_id":"`+x.other+`"}`)
	x.must("Le", "POST", v1+"/agents", `{"name":"one more"}`)
}
