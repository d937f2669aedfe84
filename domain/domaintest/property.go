package domaintest

import (
	"strings"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
)

// Property checks that no sequence of commands panics, fails with something
// other than a refusal, or decides an event that cannot be read back.
func (a Aggregate[S, E]) Property(t rapid.TB, commands *rapid.Generator[domain.Command[S, E]]) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		h := a.Given(t)
		for _, cmd := range rapid.SliceOfN(commands, 1, 20).Draw(t, "commands") {
			h = h.When(cmd).After()
		}
	})
}

// Texts are what people may write: anything but NUL and broken UTF-8, which
// the binder keeps out.
func Texts() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom([]string{
		"", " ", "plain", `"quoted" \ back`, "{}", "line\nbreak\r\n", "\u2028 \u202e", "😀", "chat", "Ünïcödé", "<script>", "sealed:1:x", "@/",
	}), rapid.Map(rapid.String(), func(s string) string {
		return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
	}))
}

// Times are what the binder lets through: UTC, whole microseconds, years of
// four digits.
func Times() *rapid.Generator[time.Time] {
	return rapid.Map(rapid.Int64Range(-62135596800000000, 253402300799999999), func(micros int64) time.Time {
		return time.UnixMicro(micros).UTC()
	})
}

// IDs are any ids.
func IDs() *rapid.Generator[uuid.UUID] {
	return rapid.Custom(func(t *rapid.T) uuid.UUID {
		var id uuid.UUID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
		return id
	})
}

// Maybe is an optional field: absent, null or a value.
func Maybe[T any](values *rapid.Generator[T]) *rapid.Generator[domain.Optional[T]] {
	return rapid.Custom(func(t *rapid.T) domain.Optional[T] {
		switch rapid.IntRange(0, 2).Draw(t, "presence") {
		case 0:
			return domain.Optional[T]{}
		case 1:
			return domain.Null[T]()
		default:
			return domain.Some(values.Draw(t, "value"))
		}
	})
}

// OrNil is a pointer that may be nil.
func OrNil[T any](values *rapid.Generator[T]) *rapid.Generator[*T] {
	return rapid.Custom(func(t *rapid.T) *T {
		if rapid.Bool().Draw(t, "nil") {
			return nil
		}
		v := values.Draw(t, "value")
		return &v
	})
}

// People are personal values, not sealed yet.
func People() *rapid.Generator[domain.Personal] {
	return rapid.Custom(func(t *rapid.T) domain.Personal {
		return domain.Plain(IDs().Draw(t, "owner"), Texts().Draw(t, "text"))
	})
}
