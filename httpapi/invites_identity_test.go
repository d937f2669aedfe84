package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/domain/invite"
)

const acceptPath = v1 + "/organizations/invites/accept"

func accepting(token string) string { return `{"token":"` + token + `"}` }

// mailless is a person who has no verified email, or none at all.
type mailless struct{ crowdSignIn }

func (mailless) Verify(ctx context.Context, authorization string) (commands.Identity, error) {
	token, _ := auth.Bearer(authorization)
	if email, ok := strings.CutPrefix(token, "unverified-"); ok {
		return commands.Identity{ID: "id-" + token, Email: email + "@example.org", Name: "U", Auth: "clerk"}, nil
	}
	if strings.HasPrefix(token, "nomail-") {
		return commands.Identity{ID: "id-" + token, Name: "N", Auth: "clerk"}, nil
	}
	return crowdSignIn{}.Verify(ctx, authorization)
}

func TestInvites(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{signIn: mailless{}})
	x := n.tenant("acme")
	invites := v1 + "/organizations/me/invites"
	t.Run("one pending invite an email", func(t *testing.T) {
		x.newInvite("twice@example.org")
		got := x.do("Ow", "POST", invites, `{"invited_email":"  TWICE@example.org "}`)
		if got.status != 409 || got.value0("detail") != "An invite for this email is pending already." {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := x.do("Ow", "POST", invites, `{"invited_email":"`+strings.ToUpper(x.email("M0"))+`"}`); got.status != 409 || got.value0("detail") != "Conflict" {
			t.Errorf("a member is invited: %d %s", got.status, got.body)
		}
	})
	t.Run("expires", func(t *testing.T) {
		n := startNode(t, nodeConfig{})
		x := n.tenant("late")
		made := x.newInvite("ada@example.org")
		n.must("GET", v1+"/users/me", "", as("other"))
		n.clock.pass(invite.Lifetime)
		if got := n.do("POST", acceptPath, accepting(made.text(t, "token")), as("ada")); got.status != 404 {
			t.Errorf("it is accepted late: %d %s", got.status, got.body)
		}
		if me := n.must("GET", v1+"/organizations/me", "", as("ada")); me.text(t, "id") == x.org {
			t.Error("the first login accepts an expired invite")
		}
		if list := x.must("Ow", "GET", v1+"/organizations/me/invites", ""); list.value(t, "total") != 0.0 {
			t.Errorf("it is listed: %s", list.body)
		}
		again := x.newInvite("ada@example.org") // the expired one is in nobody's way
		n.must("POST", acceptPath, accepting(again.text(t, "token")), as("ada"))
	})
	t.Run("revoked, accepted and replayed", func(t *testing.T) {
		made := x.newInvite("bob@example.org")
		n.must("GET", v1+"/users/me", "", as("bob")) // joins at once
		if got := n.do("POST", acceptPath, accepting(made.text(t, "token")), as("bob")); got.status != 404 {
			t.Errorf("an accepted invite is accepted: %d %s", got.status, got.body)
		}
		if got := x.do("Ow", "DELETE", invites+"/"+made.text(t, "id"), ""); got.status != 404 {
			t.Errorf("an accepted invite is revoked: %d %s", got.status, got.body)
		}
		other := x.newInvite("carl@example.org")
		if got := x.must("Ow", "DELETE", invites+"/"+other.text(t, "id"), ""); got.body != other.body {
			t.Errorf("revoking shows %s, not %s", got.body, other.body)
		}
		if got := n.do("POST", acceptPath, accepting(other.text(t, "token")), as("carl")); got.status != 404 {
			t.Errorf("a revoked invite is accepted: %d %s", got.status, got.body)
		}
	})
	t.Run("only by a verified email", func(t *testing.T) {
		n.must("GET", v1+"/users/me", "", as("dora")) // before: a first login would accept
		made := x.newInvite("dora@example.org")
		for _, who := range []string{"unverified-dora", "nomail-1", "person-eve"} {
			got := n.do("POST", acceptPath, accepting(made.text(t, "token")), "Authorization: Bearer "+who)
			if got.status != 403 || got.value0("detail") != "Forbidden" {
				t.Errorf("%s: %d %s", who, got.status, got.body)
			}
		}
		joined := n.must("POST", acceptPath, accepting(" "+made.text(t, "token")+" "), as("dora"))
		if joined.text(t, "organization_id") != x.org {
			t.Errorf("%s", joined.body)
		}
	})
	t.Run("widens a membership and never narrows it", func(t *testing.T) {
		n.must("GET", v1+"/users/me", "", as("gus"))
		first := x.must("Ow", "POST", invites, `{"invited_email":"gus@example.org","role":"admin","board_access":[{"board_id":"`+x.board+`"}]}`)
		n.must("POST", acceptPath, accepting(first.text(t, "token")), as("gus"))
		n.must("PATCH", v1+"/organizations/me/active", `{"organization_id":"`+x.org+`"}`, as("gus"))
		me := n.must("GET", v1+"/organizations/me/member", "", as("gus"))
		if me.text(t, "role") != "admin" || me.text(t, "board_access/0/board_id") != x.board || me.value(t, "board_access/0/can_write") != false {
			t.Errorf("%s", me.body)
		}
	})
	t.Run("a removed member is not restored by a stale invite", func(t *testing.T) {
		n.must("GET", v1+"/users/me", "", as("hal"))
		stale := x.newInvite("hal@example.org")
		y := n.tenant("other")
		host := y.newInvite("hal@example.org")
		n.must("POST", acceptPath, accepting(stale.text(t, "token")), as("hal"))
		member := x.memberWith(t, "hal@example.org")
		x.must("Ow", "DELETE", v1+"/organizations/me/members/"+member, "")
		if got := n.do("POST", acceptPath, accepting(stale.text(t, "token")), as("hal")); got.status != 404 {
			t.Errorf("%d %s", got.status, got.body)
		}
		// One that is open when the member goes, goes too.
		member = x.somebodyNamed(t, "ida")
		n.must("GET", v1+"/users/me", "", as("ida"))
		if got := x.do("Ow", "POST", invites, `{"invited_email":"ida@example.org"}`); got.status != 409 {
			t.Errorf("%d %s", got.status, got.body)
		}
		x.must("Ow", "DELETE", v1+"/organizations/me/members/"+member, "")
		if list := n.must("GET", v1+"/organizations/me/list", "", as("ida")); strings.Contains(list.body, x.org) {
			t.Errorf("the next login restores it: %s", list.body)
		}
		n.must("POST", acceptPath, accepting(host.text(t, "token")), as("hal")) // another organization's stands
	})
	t.Run("owners alone invite owners", func(t *testing.T) {
		if got := x.do("Ad", "POST", invites, `{"invited_email":"o@example.org","role":"owner"}`); got.status != 403 || got.value0("detail") != "Only owners can invite owners" {
			t.Errorf("%d %s", got.status, got.body)
		}
		x.must("Ow", "POST", invites, `{"invited_email":"o@example.org","role":" OWNER "}`)
	})
	t.Run("boards", func(t *testing.T) {
		y := n.tenant("foreign")
		before := n.footprint()
		for _, text := range []string{
			`{"invited_email":"q@example.org","board_access":[{"board_id":"` + y.board + `"}]}`,
			`{"invited_email":"q@example.org","board_access":[{"board_id":"` + uuid.NewString() + `"}]}`,
			`{"invited_email":"q@example.org","all_boards_read":true,"board_access":[{"board_id":"` + y.board + `"}]}`,
		} {
			if got := x.do("Ow", "POST", invites, text); got.status != 422 || got.value0("detail") != "Unprocessable Entity" {
				t.Errorf("%s: %d %s", text, got.status, got.body)
			}
		}
		after := n.footprint()
		for _, table := range []string{"secrets", "invites", "the head"} {
			if after[table] != before[table] {
				t.Errorf("%s: %d before, %d after", table, before[table], after[table])
			}
		}
		twice := `[{"board_id":"` + x.board + `"},{"board_id":"` + x.board + `","can_read":false,"can_write":true}]`
		member := x.somebody()
		got := x.must("Ow", "PUT", v1+"/organizations/me/members/"+member+"/access", `{"board_access":`+twice+`}`)
		if strings.Count(got.body, `"board_id"`) != 1 || got.value(t, "board_access/0/can_write") != true || got.value(t, "board_access/0/can_read") != true {
			t.Errorf("%s", got.body)
		}
		if got := x.do("Ow", "PUT", v1+"/organizations/me/members/"+member+"/access", `{"board_access":[{"board_id":"`+y.board+`"}]}`); got.status != 422 {
			t.Errorf("a foreign board: %d %s", got.status, got.body)
		}
		made := x.must("Ow", "POST", invites, `{"invited_email":"twin@example.org","board_access":`+twice+`}`)
		n.must("GET", v1+"/users/me", "", as("twin"))
		if me := n.must("GET", v1+"/organizations/me/member", "", as("twin")); strings.Count(me.body, `"board_id"`) != 1 {
			t.Errorf("%s after %s", me.body, made.body)
		}
	})
	t.Run("bad input", func(t *testing.T) {
		for _, text := range []string{`{"invited_email":" "}`, `{"invited_email":"a@b","role":"wizard"}`, `{"invited_email":"a@b","role":null}`, `{}`, `{"invited_email":7}`} {
			if got := x.do("Ow", "POST", invites, text); got.status != 422 {
				t.Errorf("%s: %d %s", text, got.status, got.body)
			}
		}
		for _, text := range []string{`{"role":null}`, `{"role":"wizard"}`, `{"role":3}`} {
			if got := x.do("Ow", "PATCH", v1+"/organizations/me/members/"+x.member["M0"], text); got.status != 422 {
				t.Errorf("%s: %d %s", text, got.status, got.body)
			}
		}
	})
}

func (x *tenant) memberWith(t *testing.T, email string) string {
	t.Helper()
	list := x.must("Ow", "GET", v1+"/organizations/me/members", "")
	for i := range int(list.value(t, "total").(float64)) {
		if list.value(t, fmt.Sprintf("items/%d/user/email", i)) == email {
			return list.text(t, fmt.Sprintf("items/%d/id", i))
		}
	}
	t.Fatalf("no member %s", email)
	return ""
}

func (x *tenant) somebodyNamed(t *testing.T, name string) string {
	t.Helper()
	x.newInvite(name + "@example.org")
	return x.n.must("GET", v1+"/organizations/me/member", "", as(name)).text(t, "id")
}

// TestManyAcceptances: one invite makes one membership, however often it is
// accepted at once, in several processes.
func TestManyAcceptances(t *testing.T) {
	t.Parallel()
	first, second := twoNodes(t, true)
	x := first.tenant("acme")
	first.must("GET", v1+"/users/me", "", as("ada"))
	made := x.newInvite("ada@example.org")
	sameHead(t, first, second)
	var all sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for i := range 50 {
		n := []*node{first, second}[i%2]
		all.Go(func() {
			got, err := n.try(t.Context(), "POST", acceptPath, strings.NewReader(accepting(made.text(t, "token"))), as("ada"))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			statuses[got.status]++
			mu.Unlock()
		})
	}
	all.Wait()
	if statuses[200] != 1 || statuses[404] != 49 {
		t.Errorf("answers by status: %v", statuses)
	}
	var members int
	if err := first.db.QueryRow(t.Context(), `select count(*) from members where organization_id = $1 and role = 'member' and user_id =
		(select user_id from members where id = $2)`, x.org, x.memberWith(t, "ada@example.org")).Scan(&members); err != nil || members != 1 {
		t.Errorf("%d memberships (%v)", members, err)
	}
}

func TestOwnersAreProtected(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	members := v1 + "/organizations/me/members/"
	refused := func(kind, method, path, body string, status int, detail string) {
		t.Helper()
		if got := x.do(kind, method, path, body); got.status != status || got.value0("detail") != detail {
			t.Errorf("%s %s %s %s: %d %s, want %d %s", kind, method, path, body, got.status, got.body, status, detail)
		}
	}
	const grants, needed = "Only owners can grant or change the owner role", "Organization must have at least one owner"
	refused("Ad", "PATCH", members+x.member["Ow"], `{"role":"member"}`, 403, grants)
	refused("Ad", "PATCH", members+x.member["Ad"], `{"role":"owner"}`, 403, "You cannot raise your own role")
	refused("Ad", "PATCH", members+x.member["M0"], `{"role":"owner"}`, 403, grants)
	refused("Ad", "DELETE", members+x.member["Ow"], "", 403, "Only owners can remove owners")
	refused("Ad", "PUT", members+x.member["Ow"]+"/access", `{}`, 403, "Only owners can change the board access of owners")
	refused("Ow", "PATCH", members+x.member["Ow"], `{"role":"admin"}`, 422, needed)
	refused("Ow", "DELETE", v1+"/users/me", "", 422, needed)
	refused("Ow", "DELETE", members+x.member["Ow"], "", 403, "You cannot remove yourself from the organization")
	x.must("Ow", "PATCH", members+x.member["Ad"], `{"role":" Owner"}`)
	x.must("Ad", "PATCH", members+x.member["Ow"], `{"role":"admin"}`)
	refused("Ow", "PATCH", members+x.member["Ow"], `{"role":"owner"}`, 403, "You cannot raise your own role")
	refused("Ad", "DELETE", v1+"/users/me", "", 422, needed)
	x.must("Ow", "DELETE", v1+"/users/me", "") // not the last any more
}

// TestLastOwners: two owners who unmake each other at once, in any way, leave
// at least one.
func TestLastOwners(t *testing.T) {
	t.Parallel()
	first, second := twoNodes(t, true)
	x := first.tenant("acme")
	one, other := x.member["Ow"], x.member["Ad"]
	members := v1 + "/organizations/me/members/"
	x.must("Ow", "PATCH", members+other, `{"role":"owner"}`)
	total := rounds(t, 200)
	for round := range total {
		bodies := []string{`{"role":"admin"}`, `{"role":"member"}`}
		var both sync.WaitGroup
		answers := make([]answer, 2)
		for i, c := range []struct {
			n    *node
			kind string
			on   string
		}{{first, "Ow", other}, {[]*node{first, second}[round%2], "Ad", one}} {
			both.Go(func() {
				var err error
				answers[i], err = c.n.try(t.Context(), "PATCH", members+c.on, strings.NewReader(bodies[round%2]), x.as(c.kind)...)
				if err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		done := 0
		for _, a := range answers {
			switch a.status {
			case http.StatusOK:
				done++
			case http.StatusForbidden, http.StatusUnprocessableEntity:
			default:
				t.Fatalf("round %d: %d %s", round, a.status, a.body)
			}
		}
		var owner string
		rows := 0
		err := first.db.QueryRow(t.Context(), `select count(*), min(id::text) from members where organization_id = $1 and role = 'owner'`, x.org).Scan(&rows, &owner)
		if err != nil || rows != 1 || done != 1 {
			t.Fatalf("round %d: %d owners after %d demotions (%v): %s %s", round, rows, done, err, answers[0].body, answers[1].body)
		}
		back, kind := other, "Ow"
		if owner == other {
			back, kind = one, "Ad"
		}
		x.must(kind, "PATCH", members+back, `{"role":"owner"}`)
		sameHead(t, first, second)
	}
}

// TestDemotedOwnerActsNoMore: an owner whose demotion is in the log does to
// another owner nothing that comes after it.
func TestDemotedOwnerActsNoMore(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	members := v1 + "/organizations/me/members/"
	x.must("Ow", "PATCH", members+x.member["Ad"], `{"role":"owner"}`)
	x.must("Ow", "PATCH", members+x.member["A0"], `{"role":"owner"}`)
	for round := range rounds(t, 60) {
		// Ow demotes Ad, while Ad demotes A0.
		var both sync.WaitGroup
		for _, c := range []struct{ kind, on string }{{"Ow", "Ad"}, {"Ad", "A0"}} {
			both.Go(func() {
				if _, err := n.try(t.Context(), "PATCH", members+x.member[c.on], strings.NewReader(`{"role":"admin"}`), x.as(c.kind)...); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		var wrong int
		err := n.db.QueryRow(t.Context(), `select count(*) from events a join events b on b.seq > a.seq
			where a.stream = $1 and b.stream = $2 and a.type = 'member.role_changed' and b.type = 'member.role_changed'
				and a.seq = (select max(seq) from events where stream = $1) and convert_from(b.entry, 'utf8')::json->'actor'->>'id' = $3
				and b.seq = (select max(seq) from events where stream = $2)`,
			x.member["Ad"], x.member["A0"], x.userOf(t, "Ad")).Scan(&wrong)
		if err != nil || wrong != 0 {
			t.Fatalf("round %d: a demoted owner demoted another (%v)", round, err)
		}
		for _, kind := range []string{"Ad", "A0"} {
			x.must("Ow", "PATCH", members+x.member[kind], `{"role":"owner"}`)
		}
	}
}

func (x *tenant) userOf(t *testing.T, kind string) string {
	t.Helper()
	return x.must(kind, "GET", v1+"/users/me", "").text(t, "id")
}

// TestMembersPage reads beyond the end, as far as numbers go.
func TestMembersPage(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	for _, query := range []string{"?offset=9223372036854775807", "?offset=9223372036854775800&limit=200", "?offset=6", "?limit=2&offset=5", "?limit=1"} {
		for _, path := range []string{"/organizations/me/members", "/organizations/me/invites", "/boards", "/agents"} {
			if got := x.do("Ow", "GET", v1+path+query, ""); got.status != 200 {
				t.Errorf("%s%s: %d %s", path, query, got.status, got.body)
			}
		}
	}
}
