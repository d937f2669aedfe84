package httpapi

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// A bustle is what the callers of a tenant do on its boards, at random.
type bustle struct {
	*tenant
	t    *testing.T
	rand *rand.Rand

	tasks, approvals, tags, fields, agents, people []string

	third string // a board that goes, now and then
}

func one[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func (b *bustle) some(ids []string) string {
	if len(ids) == 0 || b.rand.IntN(12) == 0 {
		return uuid.NewString()
	}
	return one(b.rand, ids...)
}

// say sends a command; a refusal is one of the things that happen.
func (b *bustle) say(kind, method, path, body string) string {
	b.t.Helper()
	a := b.do(kind, method, path, body)
	if a.status >= 500 || a.status == 400 {
		b.t.Errorf("%s %s %s: %d %s", method, path, body, a.status, a.body)
	}
	if a.status != 200 {
		return ""
	}
	return a.value0("id")
}

func keep(ids *[]string, id string) {
	if id != "" {
		*ids = append(*ids, id)
	}
}

// step is one command.
func (b *bustle) step() {
	at, other := v1+"/boards/"+b.board, v1+"/boards/"+b.other
	title := one(b.rand, "plain", `a \"quoted\" \\ text`, `line\nbreak`, "😀 ünï", "<b>", `\u2028`)
	anybody := one(b.rand, "Ow", "Ow", "Mw", "Le", "Wo", "Ma")
	status := one(b.rand, "inbox", "in_progress", "review", "done")
	switch b.rand.IntN(29) {
	case 0, 1, 2:
		keep(&b.tasks, b.say(one(b.rand, "Ow", "Mw"), "POST", at+"/tasks", `{"title":"`+title+`"`+one(b.rand, "",
			`,"depends_on_task_ids":["`+b.some(b.tasks)+`"]`, `,"tag_ids":["`+b.some(b.tags)+`"]`,
			`,"assigned_agent_id":"`+b.some(b.agents)+`"`, `,"custom_field_values":{"f0":7}`)+`}`))
	case 3, 4, 5, 6, 7, 8:
		b.say(anybody, "PATCH", at+"/tasks/"+b.some(b.tasks), one(b.rand,
			`{"status":"`+status+`"}`, `{"status":"`+status+`"}`, `{"status":"`+status+`","comment":"c"}`, `{"title":"`+title+`"}`,
			`{"depends_on_task_ids":["`+b.some(b.tasks)+`","`+b.some(b.tasks)+`"]}`, `{"tag_ids":["`+b.some(b.tags)+`"]}`,
			`{"assigned_agent_id":"`+b.some(b.agents)+`"}`, `{"assigned_agent_id":null}`, `{"due_at":"2026-01-31T12:00:00.5Z"}`,
			`{"custom_field_values":{"f1":1.50}}`, `{"custom_field_values":{"f0":null}}`, `{}`))
	case 9:
		b.say("Ow", "DELETE", at+"/tasks/"+b.some(b.tasks), "")
	case 10:
		b.say(anybody, "POST", at+"/tasks/"+b.some(b.tasks)+"/comments", `{"message":"`+title+`"}`)
	case 11, 12, 13:
		keep(&b.approvals, b.say(anybody, "POST", at+"/approvals", `{"action_type":"`+title+`","confidence":80,"lead_reasoning":"r","payload":{"b":1.50,"a":[]},
			"task_ids":["`+b.some(b.tasks)+`","`+b.some(b.tasks)+`"]}`))
	case 14, 15:
		b.say("Ow", "PATCH", at+"/approvals/"+b.some(b.approvals), `{"status":"`+one(b.rand, "pending", "approved", "rejected")+`"}`)
	case 16, 17:
		b.say(anybody, "POST", one(b.rand, at, at, other)+"/memory", `{"content":"`+one(b.rand, title, " ", `\u00a0`, `\u2003`)+`"`+
			one(b.rand, "", `,"tags":["chat"]`, `,"tags":[]`, `,"tags":["a","b"]`)+`}`)
	case 18:
		keep(&b.tags, b.say("Ow", "POST", v1+"/tags", `{"name":"tag `+uuid.NewString()+`"}`))
		b.say("Ow", "PATCH", v1+"/tags/"+b.some(b.tags), `{"color":"00ff00","name":"`+uuid.NewString()+`"}`)
	case 19:
		b.say("Ow", "DELETE", v1+"/tags/"+b.some(b.tags), "")
	case 20:
		keep(&b.fields, b.say("Ow", "POST", v1+"/organizations/me/custom-fields", fmt.Sprintf(`{"field_key":"f%d","field_type":"%s","board_ids":["%s"]}`,
			len(b.fields), one(b.rand, "integer", "decimal", "json"), one(b.rand, b.board, b.other))))
		b.say("Ow", "PATCH", v1+"/organizations/me/custom-fields/"+b.some(b.fields), `{"label":"`+title+`","board_ids":["`+one(b.rand, b.board, b.other)+`"]}`)
	case 21:
		b.say("Ow", "DELETE", v1+"/organizations/me/custom-fields/"+b.some(b.fields), "")
	case 22:
		keep(&b.agents, b.say("Ow", "POST", v1+"/agents", `{"name":"`+uuid.NewString()+`","board_id":"`+one(b.rand, b.board, b.other)+`"}`))
		b.say("Ow", "PATCH", v1+"/agents/"+b.some(b.agents), `{"board_id":"`+one(b.rand, b.board, b.other)+`"}`)
	case 23:
		b.say("Ow", one(b.rand, "DELETE", "PATCH"), v1+"/agents/"+b.some(b.agents), `{"name":"`+uuid.NewString()+`"}`)
	case 24:
		b.say("Ow", "PATCH", at, one(b.rand, `{"require_approval_for_done":false}`, `{"require_review_before_done":true}`, `{"objective":"`+title+`"}`,
			`{"block_status_changes_with_pending_approval":true}`, `{"block_status_changes_with_pending_approval":false}`, `{"max_agents":9}`))
	case 26:
		b.say("Ow", "PUT", v1+"/organizations/me/members/"+b.some(b.people)+"/access", one(b.rand, `{"all_boards_read":true}`,
			`{"board_access":[{"board_id":"`+one(b.rand, b.board, b.other, b.third)+`","can_write":true},{"board_id":"`+b.other+`"}]}`))
	case 27:
		b.say("Ow", "PATCH", v1+"/organizations/me/members/"+b.some(b.people), `{"role":"`+one(b.rand, "admin", "member")+`"}`)
		b.say(one(b.rand, "Mr", "Mw", "Ow"), "PATCH", v1+"/users/me", `{"preferred_name":"`+title+`"}`)
	case 28:
		b.comesOrGoes()
	case 25:
		b.say(one(b.rand, "Wo", "Le"), "POST", v1+"/agent/heartbeat", "")
	}
}

// comesOrGoes lets somebody join or leave the organization, and now and then a
// board of it go.
func (b *bustle) comesOrGoes() {
	switch b.rand.IntN(4) {
	case 0:
		b.say("Ow", "DELETE", v1+"/organizations/me/members/"+b.some(b.people), "")
	case 1:
		b.say("Ow", "DELETE", v1+"/boards/"+b.third, "")
		b.third = b.newBoard(uuid.NewString())
	default:
		name := fmt.Sprintf("person%d", len(b.people))
		b.say("Ow", "POST", v1+"/organizations/me/invites", `{"invited_email":"`+b.email(name)+`","board_access":[{"board_id":"`+b.third+`"}]}`)
		keep(&b.people, b.say(name, "GET", v1+"/organizations/me/member", ""))
	}
}

// reads are those whose answers have a past.
func (b *bustle) reads() []string {
	at := v1 + "/boards/" + b.board
	return []string{
		at + "/snapshot", at + "/tasks?limit=200", at + "/tasks?status=inbox,done&unassigned=true&limit=3&offset=1",
		at + "/tasks?assigned_agent_id=" + b.agent["Wo"], at + "/approvals", at + "/approvals?status=pending&limit=2&offset=1",
		v1 + "/organizations/me/members", v1 + "/organizations/me/members/" + b.member["Mw"], v1 + "/organizations/me/member",
		at + "/memory?limit=5", at + "/memory?is_chat=true", at + "/memory?is_chat=false&offset=2",
	}
}

// withoutPresence is an answer without what telemetry says of agents.
func withoutPresence(t *testing.T, a answer) any {
	t.Helper()
	if a.status != 200 {
		return a.status
	}
	v := tree(t, a.body)
	if whole, ok := v.(map[string]any); ok {
		agents, _ := whole["agents"].([]any)
		for _, one := range agents {
			for _, name := range []string{"status", "last_seen_at", "updated_at"} {
				delete(one.(map[string]any), name)
			}
		}
	}
	return v
}

func pastOf(path, as string) string {
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return path + separator + "as_of=" + url.QueryEscape(as)
}

// A view is what was shown at a position.
type view struct {
	path, position string
	time           time.Time // between this event and the next
	body           any
}

// TestAsOf: what is shown of a past is what was shown then.
func TestAsOf(t *testing.T) {
	t.Parallel()
	for seed := range rounds(t, 2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			n := startNode(t, nodeConfig{})
			b := &bustle{tenant: n.tenant("x"), t: t, rand: rand.New(rand.NewPCG(uint64(seed), 3))}
			b.third, b.people = b.newBoard("third"), []string{b.member["Mw"], b.member["Ad"]}
			b.tasks, b.agents = []string{b.task}, []string{b.agent["Wo"], b.agent["Le"], b.agent["Ot"]}
			var views []view
			for i := range 300 {
				b.step()
				if i%12 > 0 {
					continue
				}
				n.told()
				for _, path := range b.reads() {
					a := b.do("Ow", "GET", path, "") // a member may have left
					views = append(views, view{path, a.header.Get("Log-Position"), n.Store.Now(), withoutPresence(t, a)})
				}
			}
			for _, v := range views {
				for _, as := range []string{v.position, v.time.Format(time.RFC3339Nano)} {
					a := b.do("Ow", "GET", pastOf(v.path, as), "")
					if diff := cmp.Diff(v.body, withoutPresence(t, a)); diff != "" {
						t.Fatalf("%s as of %s (-then +now)\n%s", v.path, as, diff)
					}
					if got := a.header.Get("Log-Position"); got != v.position {
						t.Errorf("%s as of %s is at %s, not %s", v.path, as, got, v.position)
					}
				}
			}
		})
	}
}

// TestAsOfRefusals: what is no past is refused, and says why.
func TestAsOfRefusals(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("x")
	epoch := n.Store.Epoch().String()
	for _, path := range []string{"/snapshot", "/tasks", "/approvals", "/memory"} {
		at := v1 + "/boards/" + x.board + path
		future := fmt.Sprintf(inFuture, "as_of")
		const form = "as_of must be a position of the log, such as 42 or <epoch>-42, or a time, such as 2026-01-31T12:00:00Z"
		for as, want := range map[string]string{
			"": form, "null": form, "yesterday": form, "-1": form, "+1": form, "1.5": form, epoch: form, epoch + "-": form, epoch + "-x": form,
			strings.ToUpper(epoch) + "-1": form, "2026-13-01T00:00:00Z": form,
			uuid.NewString() + "-1":                                         "as_of is a position of another log",
			fmt.Sprint(n.Store.Head() + 1000):                               future,
			fmt.Sprintf("%s-%d", epoch, n.Store.Head()+1000):                future,
			"99999999999999999999":                                          future,
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339):            future,
			"9999-12-31T23:59:59Z":                                          future,
			time.Now().Add(time.Minute).UTC().Format("2006-01-02T15:04:05"): future,
		} {
			if a := x.do("Ow", "GET", pastOf(at, as), ""); a.status != 422 || a.text(t, "detail") != want {
				t.Errorf("%s as of %q: %d %s", path, as, a.status, a.body)
			}
		}
		for _, as := range []string{"0", "1", epoch + "-1", "2001-01-01", "0001-01-01T00:00:00Z"} {
			if a := x.do("Ow", "GET", pastOf(at, as), ""); a.status != 404 {
				t.Errorf("%s as of %q, before there was a board: %d %s", path, as, a.status, a.body)
			}
		}
		for as, status := range map[string]int{fmt.Sprint(n.Store.Head()): 200, "000" + fmt.Sprint(n.Store.Head()): 200, "junk": 403} {
			kind := "Ow"
			if status == 403 {
				kind = "M0" // who may not be here learns nothing of the input
			}
			if a := x.do(kind, "GET", pastOf(at, as), ""); a.status != status {
				t.Errorf("%s as of %q: %d %s", path, as, a.status, a.body)
			}
		}
	}
}

// TestAsOfTime: a time stands for the last event by then, whatever its zone and
// whoever eats the plus of it.
func TestAsOfTime(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("x")
	at := v1 + "/boards/" + x.board + "/tasks"
	var recorded time.Time
	if err := n.db.QueryRow(t.Context(), `select recorded from events where stream = $1`, x.task).Scan(&recorded); err != nil {
		t.Fatal(err)
	}
	total := func(as string) any { t.Helper(); return x.must("Ow", "GET", pastOf(at, as), "").value(t, "total") }
	const zoned = "2006-01-02T15:04:05.000000Z07:00"
	east := recorded.In(time.FixedZone("", 3600)).Format(zoned)
	for as, want := range map[string]float64{
		recorded.UTC().Format(zoned): 1, recorded.Add(-time.Microsecond).UTC().Format(zoned): 0,
		recorded.UTC().Format("2006-01-02T15:04:05.000000"): 1, east: 1, strings.Replace(east, "+", " ", 1): 1,
	} {
		if got := total(as); got != want {
			t.Errorf("as of %s there are %v tasks", as, got)
		}
	}
}

// TestAsOfMembers: members see each other as they were, by today's rights.
func TestAsOfMembers(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x, y := n.tenant("x"), n.tenant("y")
	members := v1 + "/organizations/me/members"
	then := x.must("Ow", "GET", members, "")
	position := then.header.Get("Log-Position")
	x.must("Ow", "DELETE", members+"/"+x.member["Mr"], "")
	if a := x.must("Mw", "GET", pastOf(members, position), ""); a.body != then.body {
		t.Errorf("%s\nwas\n%s", a.body, then.body)
	}
	for kind, want := range map[string]int{"Ow": 200, "Mw": 403, "M0": 403, "Mr": 404, "Le": 401} {
		if a := x.do(kind, "GET", pastOf(members+"/"+x.member["Mr"], position), ""); a.status != want {
			t.Errorf("%s sees who has left: %d %s", kind, a.status, a.body)
		}
	}
	for _, path := range []string{"/" + x.member["Mr"], "/" + uuid.NewString(), "/" + x.task} {
		if a := x.do("Ow", "GET", pastOf(members+path, n.at(n.Store.Head())), ""); a.status != 404 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	for _, as := range []string{"0", "2001-01-01", position} { // before y, or of another organization
		if a := y.do("Ow", "GET", pastOf(members+"/"+x.member["Mw"], as), ""); a.status != 404 {
			t.Errorf("y sees a member of x as of %s: %d %s", as, a.status, a.body)
		}
	}
	if a := y.do("Ow", "GET", pastOf(members, "3"), ""); a.status != 404 {
		t.Errorf("before the organization: %d %s", a.status, a.body)
	}
}

// TestAsOfRights: rights are today's. The past of a deleted board is for those
// who administer its organization.
func TestAsOfRights(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x, y := n.tenant("x"), n.tenant("y")
	then := x.must("Ow", "GET", v1+"/boards/"+x.board+"/snapshot", "")
	position := then.header.Get("Log-Position")
	paths := []string{"/snapshot", "/tasks", "/approvals", "/memory"}
	check := func(z *tenant, as string, cells string) {
		t.Helper()
		for i, want := range strings.Fields(cells) {
			for _, path := range paths {
				a := z.do(kinds[i], "GET", pastOf(v1+"/boards/"+x.board+path, as), "")
				if fmt.Sprint(a.status) != want {
					t.Errorf("%s of %s reads %s as of %s: %d %s", kinds[i], z.name, path, as, a.status, a.body)
				}
			}
		}
	}
	check(x, position, "200 200 403 200 200 403 403 200 200 403 200 401")
	check(y, position, "403 403 403 403 403 403 403 403 403 403 404 401")
	x.must("Ow", "PUT", v1+"/organizations/me/members/"+x.member["Mr"]+"/access", `{"board_access":[]}`)
	check(x, position, "200 200 403 200 403 403 403 200 200 403 200 401")

	x.must("Ow", "DELETE", v1+"/boards/"+x.board, "")
	after := n.at(n.Store.Head())
	eventually(t, 10*time.Second, "the rows go", func() bool { return n.rowsOf(x.board) == 0 })
	check(x, position, "200 200 200 404 404 404 404 401 401 404 404 401")
	check(y, position, "404 404 404 404 404 404 404 404 404 404 404 401")
	check(x, after, "404 404 404 404 404 404 404 401 401 404 404 401")
	a := x.must("Ad", "GET", pastOf(v1+"/boards/"+x.board+"/snapshot", position), "")
	if diff := cmp.Diff(withoutPresence(t, then), withoutPresence(t, a)); diff != "" {
		t.Errorf("-then +now\n%s", diff)
	}
	if a := x.do("Ow", "GET", v1+"/boards/"+x.board+"/snapshot", ""); a.status != 404 {
		t.Errorf("the present of a deleted board: %d", a.status)
	}
	x.must("Ow", "DELETE", v1+"/organizations/me", "")
	check(x, position, "404 404 404 404 404 404 404 401 401 401 401 401")
}

// TestAsOfPresence: agents show what events tell of their presence.
func TestAsOfPresence(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("x")
	status := func() any {
		t.Helper()
		a := x.must("Ow", "GET", pastOf(v1+"/boards/"+x.board+"/snapshot", n.at(n.Store.Head())), "")
		return a.value(t, "agents/0/status")
	}
	if got := status(); got != "provisioning" {
		t.Errorf("before it was seen: %v", got)
	}
	x.must("Wo", "POST", v1+"/agent/heartbeat", "")
	n.clock.pass(time.Minute)
	before := n.at(n.Store.Head())
	for range 2 { // the telemetry goes on, or not: the past stays
		if got := status(); got != "online" {
			t.Errorf("once it was seen: %v", got)
		}
		n.clock.pass(time.Hour)
	}
	a := x.must("Ow", "GET", pastOf(v1+"/boards/"+x.board+"/snapshot", before), "")
	if a.value(t, "agents/0/status") != "online" || a.value(t, "agents/0/last_seen_at") == nil {
		t.Error(a.body)
	}
}
