package audit

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/eventstore"
)

// teller says in a sentence what an entry is.
type teller struct {
	r       *eventstore.Recorded
	self    string // what the thing of the entry was called then
	names   names
	changes []Change
	body    map[string]jsontext.Value
}

// sentence is that of the entry's type. A test asks for one of every type.
func (t teller) sentence() string {
	for _, tell := range []func() string{t.ofWork, t.ofKnowledge, t.ofPeople, t.ofAgents, t.ofEvidence} {
		if text := tell(); text != "" {
			return text
		}
	}
	return t.actor() + " recorded " + t.r.Type + "."
}

// ofWork tells of boards, tasks and approvals.
func (t teller) ofWork() string {
	switch t.r.Type {
	case "board.created":
		return t.did("created") + t.own("board") + "."
	case "board.updated":
		return t.changed("board")
	case "board.deleted":
		return t.did("deleted") + t.own("board") + " with everything on it."
	case "group.created":
		return t.did("created") + t.own("group of boards") + "."
	case "group.updated":
		return t.changed("group of boards")
	case "group.deleted":
		return t.did("deleted") + t.own("group of boards") + "."
	case "task.created":
		return t.did("created") + t.own("task") + t.on("board") + "."
	case "task.updated":
		return t.changed("task")
	case "task.status_changed":
		return t.did("moved") + t.own("task") + " to " + words(t.text("status")) + "."
	case "task.deleted":
		return t.did("deleted") + t.own("task") + t.on("board") + "."
	case "task.comment":
		return t.did("commented on") + t.about("task") + "."
	case "approval.created":
		if status := t.text("status"); status != "" && status != "pending" {
			return t.did("recorded") + t.own("approval of") + t.forTask() + " as " + status + "."
		}
		return t.did("asked for") + t.own("approval of") + t.forTask() + "."
	case "approval.approved":
		return t.did("approved") + quoted(t.self, "a request") + t.forTask() + "."
	case "approval.rejected":
		return t.did("rejected") + quoted(t.self, "a request") + t.forTask() + "."
	case "approval.reopened":
		return t.did("took back the decision on") + quoted(t.self, "a request") + t.forTask() + "."
	case "approval.unlinked":
		return t.did("unlinked a task from") + t.own("approval of") + "."
	case "approval.deleted":
		return t.did("ended") + t.own("approval of") + ": the last of its tasks is gone."
	}
	return ""
}

// ofKnowledge tells of memory, tags and custom fields.
func (t teller) ofKnowledge() string {
	switch t.r.Type {
	case "memory.created":
		if t.text("is_chat") == "true" {
			return t.did("wrote into the chat of") + t.about("board") + "."
		}
		return t.did("wrote into the memory of") + t.about("board") + "."
	case "memory.shared":
		return t.did("wrote into the memory of") + t.about("group") + "."
	case "tag.created":
		return t.did("created") + t.own("tag") + "."
	case "tag.updated":
		return t.changed("tag")
	case "tag.deleted":
		return t.did("deleted") + t.own("tag") + "."
	case "field.created":
		return t.did("defined") + t.own("custom field") + "."
	case "field.updated":
		return t.changed("custom field")
	case "field.deleted":
		return t.did("deleted") + t.own("custom field") + "."
	}
	return ""
}

// ofPeople tells of users, organizations and who belongs to them.
func (t teller) ofPeople() string {
	switch t.r.Type {
	case "user.registered":
		return capital(personNamed(t.self)) + " signed in for the first time."
	case "user.profile_changed":
		return t.did("changed") + t.fields() + " in the profile of " + personNamed(t.self) + "."
	case "user.mail_changed":
		return "The email of " + personNamed(t.self) + " changed."
	case "user.organization_activated":
		return capital(personNamed(t.self)) + " began to work in another organization."
	case "person.erased":
		return "A person's account was deleted and everything personal erased."
	case "organization.created":
		return t.did("founded") + t.own("organization") + "."
	case "organization.deleted":
		return t.did("deleted") + t.own("organization") + " with everything in it."
	case "member.joined":
		return capital(t.person()) + " joined the organization as " + t.text("role") + "."
	case "member.role_changed":
		return t.did("made") + t.person() + " " + t.text("role") + ", from " + t.text("from") + "."
	case "member.access_changed":
		return t.did("changed which boards") + t.person() + " may reach: " + t.access() + "."
	case "member.left":
		if t.r.Actor.ID == t.ref("user") {
			return t.did("left") + "the organization."
		}
		return t.did("removed") + t.person() + " from the organization."
	case "invite.created":
		return t.did("invited") + personNamed(t.self) + " as " + t.text("role") + "."
	case "invite.accepted":
		return t.did("accepted") + "an invite."
	case "invite.revoked":
		return t.did("revoked") + "the invite of " + personNamed(t.self) + "."
	}
	return ""
}

// ofAgents tells of agents and their tokens.
func (t teller) ofAgents() string {
	switch t.r.Type {
	case "agent.created":
		return t.did("created") + t.own("agent") + t.on("board") + "."
	case "agent.updated":
		return t.changed("agent")
	case "agent.deleted":
		return t.did("deleted") + t.own("agent") + "."
	case "agent.soul_written":
		return t.did("wrote the soul of") + t.own("agent") + "."
	case "agent.token_issued":
		return t.did("issued a token to") + t.own("agent") + "."
	case "agent.token_first_used":
		return capital(t.own("agent")) + " used a token for the first time."
	case "agent.token_revoked":
		return t.did("revoked a token of") + t.own("agent") + "."
	case "notification.created":
		return capital(t.about("agent")) + " was sent a notification."
	case "agent.appeared":
		return capital(t.own("agent")) + " was seen for the first time."
	case "agent.lost":
		return capital(t.own("agent")) + " has not been seen for too long."
	case "agent.returned":
		return capital(t.own("agent")) + " was seen again."
	}
	return ""
}

// ofEvidence tells of what is recorded although it changed nothing.
func (t teller) ofEvidence() string {
	switch t.r.Type {
	case "command.refused":
		return fmt.Sprintf("%s was refused %s %s: %s %s.", t.actor(), t.text("method"), t.text("route"), t.text("status"), strings.TrimRight(t.text("reason"), "."))
	case "command.refused_many":
		return t.actor() + " was refused " + t.text("count") + " more times within a minute."
	case "authentication.failed":
		return "Somebody did not prove who it is at " + t.text("method") + " " + t.text("route") + "."
	case "authentication.failed_many":
		return t.text("count") + " more attempts to prove an identity failed within a minute."
	case "audit.exported":
		return t.did("exported") + "a part of the log as " + t.text("format") + "."
	case "audit.read":
		return t.did("read") + "the audit log: " + t.text("method") + " " + t.text("route") + "."
	case "log.restored":
		return "An older backup was restored, and accepted."
	case "system.started":
		return "Mission Control " + t.text("version") + " started."
	}
	return ""
}

// actor names who did it.
func (t teller) actor() string {
	if name := t.names[t.r.Actor.ID]; name != "" {
		return short(name)
	}
	switch t.r.Actor.Type {
	case domain.User:
		return "Somebody"
	case domain.Agent:
		return "An agent"
	case domain.System:
		return "Mission Control"
	case domain.Anonymous:
	}
	return "Somebody unknown"
}

// did begins a sentence.
func (t teller) did(verb string) string { return t.actor() + " " + verb + " " }

// own names the thing of the entry, with its noun.
func (t teller) own(noun string) string { return thing(noun, t.self) }

// about names the first thing of another kind that the entry is about.
func (t teller) about(kind string) string {
	noun := kind
	if kind == "group" {
		noun = "group of boards"
	}
	return thing(noun, t.names[t.ref(kind)])
}

func (t teller) on(kind string) string {
	if t.ref(kind) == uuid.Nil {
		return ""
	}
	return " on " + t.about(kind)
}

func (t teller) forTask() string {
	if t.ref("task") == uuid.Nil {
		return ""
	}
	return " for " + t.about("task")
}

// person names the user that the entry is about.
func (t teller) person() string { return personNamed(t.names[t.ref("user")]) }

func (t teller) ref(kind string) uuid.UUID {
	i := slices.IndexFunc(t.r.Refs, func(r domain.Ref) bool { return r.Kind == kind && r.ID != t.r.Stream })
	if i < 0 {
		return uuid.Nil
	}
	return t.r.Refs[i].ID
}

func (t teller) changed(noun string) string {
	if len(t.changes) == 0 {
		return t.did("saved") + t.own(noun) + " without a change."
	}
	return t.did("changed") + t.fields() + " of " + t.own(noun) + "."
}

// fields lists what changed.
func (t teller) fields() string {
	names := make([]string, len(t.changes))
	for i, c := range t.changes {
		names[i] = words(c.Field)
	}
	switch n := len(names); n {
	case 0:
		return "nothing"
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

// access says which boards a member may reach.
func (t teller) access() string {
	switch {
	case t.text("all_boards_write") == "true":
		return "all, for writing"
	case t.text("all_boards_read") == "true":
		return "all, for reading"
	}
	var grants []jsontext.Value
	if err := json.Unmarshal(t.body["grants"], &grants); err != nil || len(grants) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d of them", len(grants))
}

// text is a member of the body as text.
func (t teller) text(name string) string {
	value := t.body[name]
	var text string
	if value.Kind() == '"' && json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// longestName is how many characters of a name a sentence shows.
const longestName = 80

func short(name string) string {
	if runes := []rune(name); len(runes) > longestName {
		return string(runes[:longestName-1]) + "…"
	}
	return name
}

func thing(noun, name string) string {
	if name == "" {
		if strings.ContainsRune("aeiou", rune(noun[0])) {
			return "an " + noun
		}
		return "a " + noun
	}
	return noun + " “" + short(name) + "”"
}

func quoted(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return "“" + short(name) + "”"
}

func personNamed(name string) string {
	if name == "" {
		return "somebody"
	}
	return short(name)
}

// words writes the name of a field or status as one says it.
func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
