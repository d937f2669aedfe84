package commands

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Agents are the use cases of agents.
type Agents struct {
	store    *eventstore.Store
	agents   eventstore.Aggregate[agent.Agent, agent.Event]
	tasks    eventstore.Aggregate[task.Task, task.Event]
	boards   projections.Boards
	read     projections.Agents
	assigned projections.Tasks
	presence projections.Presences
	tokens   projections.Tokens
	known    *auth.Agents
	touched  *lately

	// Announce shows live streams how an agent is seen now. Nil shows nothing.
	Announce func(projections.Agent, uuid.UUID)
}

// touchEvery is how often a call of an agent counts as a sign of life.
const touchEvery = 30 * time.Second

// Touch notes that an agent has called, and used a token.
func (a Agents) Touch(ctx context.Context, p auth.Proof) error {
	if p.Agent.Unused(p.Token) {
		if err := a.useToken(ctx, p); err != nil {
			return err
		}
	}
	if !a.touched.due(p.Agent.ID, a.store.Now()) {
		return nil
	}
	if err := a.tokens.Used(ctx, p.Token, a.store.Now()); err != nil {
		return err
	}
	_, err := a.Heartbeat(ctx, p.Agent.ID, "")
	return err
}

// useToken records the first use of a token. It is an entry of its own: what
// the agent asks for may be refused.
func (a Agents) useToken(ctx context.Context, p auth.Proof) error {
	request := eventstore.CommandFrom(ctx)
	ctx = eventstore.WithCommand(ctx, &eventstore.Command{
		Actor: request.Actor, IP: request.IP, UserAgent: request.UserAgent, RequestID: request.RequestID, CorrelationID: request.CorrelationID,
	})
	return a.store.Do(ctx, func(d *eventstore.Decision) error {
		return a.agents.In(d, p.Agent.OrganizationID, p.Agent.ID).Decide(agent.UseToken{ID: p.Token})
	})
}

// NewAgent says what agent is made, and on which board.
type NewAgent struct {
	agent.Profile
	IsBoardLead bool
}

// Create makes an agent that connects by itself on a board without a gateway.
func (a Agents) Create(ctx context.Context, at Place, n NewAgent) (projections.Agent, error) {
	id := uuid.New()
	if n.HeartbeatConfig == nil {
		n.HeartbeatConfig = []byte(agent.DefaultHeartbeat)
	}
	var view projections.Agent
	err := a.store.Do(ctx, func(d *eventstore.Decision) error {
		c := agent.Create{Created: agent.Created{Profile: n.Profile, BoardID: &at.Board, IsBoardLead: n.IsBoardLead}}
		board, err := a.boards.Find(ctx, d, at.Board)
		if err != nil {
			return err
		}
		if board == nil {
			return domain.Refuse(domain.NotFound, "Board not found")
		}
		if c.Team, err = a.team(ctx, d, at, board.MaxAgents); err != nil {
			return err
		}
		if c.NameTaken, err = a.read.NameTaken(ctx, d, at.Board, n.Name, id); err != nil {
			return err
		}
		if n.IsBoardLead {
			if c.HasLead, err = a.read.HasLead(ctx, d, at.Board, id); err != nil {
				return err
			}
		}
		return carryOut(d, a.agents.New(d, at.Organization, id), c, &view, func(made agent.Agent) projections.Agent {
			return projections.ViewAgent(made, projections.Presence{}, d.Now())
		})
	})
	return view, err
}

// team is what limits an agent that asks: it leads the board still.
func (a Agents) team(ctx context.Context, d *eventstore.Decision, at Place, most int) (*agent.Team, error) {
	if d.Actor().Type != domain.Agent {
		return nil, nil
	}
	me, err := a.agents.In(d, at.Organization, d.Actor().ID).State()
	switch {
	case err != nil:
		return nil, err
	case !me.Exists(), !me.IsBoardLead, me.BoardID == nil, *me.BoardID != at.Board:
		return nil, domain.Bare(domain.Forbidden)
	}
	workers, err := a.read.Workers(ctx, d, at.Board)
	return &agent.Team{Workers: workers, Most: most}, err
}

// Update changes an agent. board is where it will be, Nil where it is.
func (a Agents) Update(ctx context.Context, org, id uuid.UUID, u agent.Updated) (projections.Agent, error) {
	seen, err := a.presence.Of(ctx, []uuid.UUID{id})
	if err != nil {
		return projections.Agent{}, err
	}
	var view projections.Agent
	err = a.store.Do(ctx, func(d *eventstore.Decision) error {
		x, before, err := a.in(ctx, d, org, id)
		if err != nil {
			return err
		}
		c := agent.Update{Updated: u}
		if board := u.BoardID.OrNull(before.BoardID); board != nil {
			if there, err := a.boards.Find(ctx, d, *board); err != nil || there == nil {
				return cmp.Or(err, domain.Refuse(domain.NotFound, "Board not found"))
			}
			if c.NameTaken, err = a.read.NameTaken(ctx, d, *board, u.Name.Or(before.Profile.Name), id); err != nil {
				return err
			}
			if before.IsBoardLead {
				if c.HasLead, err = a.read.HasLead(ctx, d, *board, id); err != nil {
					return err
				}
			}
		}
		return carryOut(d, x, c, &view, func(now agent.Agent) projections.Agent {
			return projections.ViewAgent(now, seen[id], d.Now())
		})
	})
	return view, err
}

// WriteSoul rewrites the text that shapes an agent of a board.
func (a Agents) WriteSoul(ctx context.Context, at Place, id uuid.UUID, e agent.SoulWritten) error {
	return a.store.Do(ctx, func(d *eventstore.Decision) error {
		d.Answer(projections.OK())
		return a.agents.In(d, at.Organization, id).Decide(agent.WriteSoul{Written: e, Board: at.Board})
	})
}

// Delete removes an agent. Its tasks go back to nobody, those in progress to
// the inbox, in the same append.
func (a Agents) Delete(ctx context.Context, org, id uuid.UUID) error {
	var tokens []uuid.UUID
	err := a.store.Do(ctx, func(d *eventstore.Decision) error {
		x, before, err := a.in(ctx, d, org, id)
		if err != nil {
			return err
		}
		tokens = nil
		for _, t := range before.Tokens {
			tokens = append(tokens, t.ID)
		}
		tasks, err := a.assigned.AssignedTo(ctx, d, id)
		if err != nil {
			return err
		}
		for _, t := range tasks {
			if err := a.release(ctx, d, org, t, id); err != nil {
				return err
			}
		}
		d.Answer(projections.OK())
		return x.Decide(agent.Delete{})
	})
	if err != nil {
		return err
	}
	if err := a.presence.Forget(ctx, id); err != nil {
		return err
	}
	return a.tokens.Drop(ctx, tokens...)
}

// in is an agent that can be worked with: it exists, and so does its board.
func (a Agents) in(ctx context.Context, d *eventstore.Decision, org, id uuid.UUID) (*eventstore.Stream[agent.Agent, agent.Event], agent.Agent, error) {
	x := a.agents.In(d, org, id)
	now, err := x.State()
	if err == nil && !now.Exists() {
		err = domain.Bare(domain.NotFound)
	}
	if err == nil && now.BoardID != nil {
		var board *projections.BoardRow
		if board, err = a.boards.Find(ctx, d, *now.BoardID); err == nil && board == nil {
			err = domain.Bare(domain.NotFound)
		}
	}
	return x, now, err
}

// release takes a task from an agent, unless its board was deleted.
func (a Agents) release(ctx context.Context, d *eventstore.Decision, org, id, from uuid.UUID) error {
	x := a.tasks.In(d, org, id)
	now, err := x.State()
	if err != nil {
		return err
	}
	if board, err := a.boards.Find(ctx, d, now.BoardID); err != nil || board == nil {
		return err
	}
	return x.Decide(task.Release{Agent: from})
}

// Token is a token as it is shown, once.
type Token struct {
	ID        uuid.UUID        `json:"id"`
	Token     string           `json:"token"`
	CreatedAt projections.Time `json:"created_at"`
}

// IssueToken makes a token for an agent.
func (a Agents) IssueToken(ctx context.Context, org, id uuid.UUID) (Token, error) {
	made := Token{ID: uuid.New(), Token: auth.NewAgentToken()}
	if c := eventstore.CommandFrom(ctx); c.Idempotency != nil {
		c.Idempotency.Secret = true
	}
	if err := a.known.Keep(ctx, projections.TokenRef{ID: made.ID, Agent: id}, made.Token); err != nil {
		return Token{}, err
	}
	err := a.store.Do(ctx, func(d *eventstore.Decision) error {
		made.CreatedAt = projections.Time(d.Now())
		d.Answer(made)
		x, _, err := a.in(ctx, d, org, id)
		if err != nil {
			return err
		}
		return x.Decide(agent.IssueToken{ID: made.ID})
	})
	if notMade(err) {
		if dropped := a.tokens.Drop(ctx, made.ID); dropped != nil {
			return Token{}, dropped
		}
	}
	return made, err
}

// IssuedToken is a token in force, without what it opens.
type IssuedToken struct {
	ID         uuid.UUID         `json:"id"`
	CreatedAt  projections.Time  `json:"created_at"`
	LastUsedAt *projections.Time `json:"last_used_at"`
}

// Tokens lists the tokens of an agent that are in force, the oldest first.
func (a Agents) Tokens(ctx context.Context, id uuid.UUID) ([]IssuedToken, error) {
	now, err := a.agents.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	used, err := a.tokens.LastUsed(ctx, id)
	if err != nil {
		return nil, err
	}
	tokens := []IssuedToken{}
	for _, t := range now.Tokens {
		issued := IssuedToken{ID: t.ID, CreatedAt: projections.Time(t.CreatedAt)}
		if at, ok := used[t.ID]; ok {
			last := projections.Time(at)
			issued.LastUsedAt = &last
		}
		tokens = append(tokens, issued)
	}
	return tokens, nil
}

// RevokeToken ends a token.
func (a Agents) RevokeToken(ctx context.Context, org, id, token uuid.UUID) error {
	err := a.store.Do(ctx, func(d *eventstore.Decision) error {
		d.Answer(projections.OK())
		x, _, err := a.in(ctx, d, org, id)
		if err != nil {
			return err
		}
		return x.Decide(agent.RevokeToken{ID: token})
	})
	if err != nil {
		return err
	}
	return a.tokens.Drop(ctx, token)
}

// Heartbeat notes that an agent was seen, with a status of its choice, and
// tells the log if that is news.
func (a Agents) Heartbeat(ctx context.Context, id uuid.UUID, status string) (projections.Presence, error) {
	now, err := a.agents.Find(ctx, id)
	if err != nil {
		return projections.Presence{}, err
	}
	if !now.Exists() {
		return projections.Presence{}, domain.Bare(domain.NotFound)
	}
	seen, err := a.presence.Note(ctx, id, status, a.store.Now())
	if err == nil && a.Announce != nil {
		a.Announce(projections.ViewAgent(now, seen, a.store.Now()), now.OrganizationID)
	}
	if err != nil || (now.LastSeenAt != nil && !now.IsLost) {
		return seen, err
	}
	return seen, a.tell(ctx, now.OrganizationID, id, agent.See{LastSeenAt: *seen.LastSeenAt, Status: seen.Status})
}

// Miss records that an agent has been silent for too long.
func (a Agents) Miss(ctx context.Context, s projections.Silent, now time.Time) error {
	return a.tell(ctx, s.Organization, s.Agent, agent.Miss{LastSeenAt: s.LastSeenAt, Now: now})
}

// tell appends what presence tells, on behalf of the program: whoever asked
// for something else did not ask for this.
func (a Agents) tell(ctx context.Context, org, id uuid.UUID, c domain.Command[agent.Agent, agent.Event]) error {
	request := eventstore.CommandFrom(ctx)
	ctx = eventstore.WithCommand(ctx, &eventstore.Command{Actor: domain.Actor{Type: domain.System}, RequestID: request.RequestID})
	return a.store.Do(ctx, func(d *eventstore.Decision) error {
		x, _, err := a.in(ctx, d, org, id)
		if err != nil {
			return err
		}
		return x.Decide(c)
	})
}
