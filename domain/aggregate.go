package domain

// State is what the commands of an aggregate need to know of its past: S
// itself, folded from events of type E. The zero S is "not yet".
type State[S, E any] interface {
	// Evolve returns the state after e. It is the only fold of these events:
	// decisions, read models and reads of the past all use it.
	Evolve(m Meta, e E) S
}

// Command decides what happens to an aggregate in a given state: events, none
// when nothing changes, or a Refusal. It is pure and may be asked again.
type Command[S, E any] interface {
	Decide(s S) ([]E, error)
}
