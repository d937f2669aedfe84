package export

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"missioncontrol/audit"
	"missioncontrol/audit/bundle"
	"missioncontrol/domain/member"
	"missioncontrol/eventstore"
)

// read is how many entries are read at once.
const read = 1000

// each goes through the entries that a filter chooses, in order.
func (j *job) each(ctx context.Context, f audit.Filter, use func(*eventstore.Recorded) error, told func(at int64) error) error {
	for after := int64(0); ; {
		found, err := j.Trail.Find(ctx, f, audit.Ascending, after, read)
		if err != nil {
			return err
		}
		for _, r := range found.Events {
			if err := use(r); err != nil {
				return err
			}
		}
		if err := told(found.Through); err != nil || !found.More {
			return err
		}
		after = found.Through
	}
}

// lines is a format with a line for each entry.
type lines interface {
	entry(*eventstore.Recorded) error
	close() error
}

func (j *job) writeLines(ctx context.Context, path string) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // our own
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := bufio.NewWriterSize(file, 1<<20)
	var to lines = ocsfWriter{out}
	if j.Format == CSV {
		if to, err = newCSV(out); err != nil {
			return err
		}
	}
	err = j.each(ctx, j.Filter, func(r *eventstore.Recorded) error { j.entries++; return to.entry(r) }, func(at int64) error { return j.tell(ctx, at) })
	return errors.Join(err, to.close(), out.Flush())
}

// coverPatience is how long a bundle waits for the checkpoint that covers it.
const coverPatience = 20 * time.Second

func (j *job) writeBundle(ctx context.Context, path string) error {
	if err := j.Proofs.Current(ctx, j.Key); err != nil {
		return err
	}
	point, err := j.Proofs.Covering(ctx, j.Filter.Last, coverPatience)
	if err == nil && point == nil {
		err = fmt.Errorf("export: no checkpoint covers position %d", j.Filter.Last)
	}
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(j.Dir, j.id.String())
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is found by whoever looks there
	w, err := bundle.NewWriter(dir, audit.NewSubtrees(ctx, j.DB).Hash)
	if err != nil {
		return err
	}
	s, people := newSummary(), map[uuid.UUID]bool{}
	err = j.each(ctx, j.Filter, func(r *eventstore.Recorded) error {
		j.entries++
		s.entry(r)
		if r.Actor.Type == "user" {
			people[r.Actor.ID] = true
		}
		return w.Entry(r.Seq, r.OrgSeq, r.Entry)
	}, func(at int64) error { return j.tell(ctx, at) })
	if err == nil {
		var seal bundle.Seal
		if seal, err = j.seal(ctx, point, s, people); err == nil {
			return w.Close(path, seal)
		}
	}
	return errors.Join(err, w.Abort())
}

// seal gathers what a bundle holds beside entries.
func (j *job) seal(ctx context.Context, point *audit.Checkpoint, s *summary, people map[uuid.UUID]bool) (bundle.Seal, error) {
	m := bundle.Manifest{
		Origin: point.Origin(), Organization: text(j.Organization), Completeness: bundle.Selection,
		Filters: j.Filters, Made: j.made.UTC().Format(timeLayout), TreeSize: point.Size,
	}
	if j.complete() {
		m.Completeness = bundle.Complete
	}
	seal := bundle.Seal{
		Checkpoint: point.Note, Format: j.Page,
		Sign: func(text string) ([]byte, error) { return j.Key.Sign(point.Epoch, text) },
	}
	first, err := j.members(ctx, j.Filter.First-1)
	if err != nil {
		return seal, err
	}
	last, err := j.members(ctx, j.Filter.Last)
	if err != nil {
		return seal, err
	}
	if seal.Keys, err = j.Proofs.Keys(ctx); err != nil {
		return seal, err
	}
	if j.Names {
		for _, m := range slices.Concat(first, last) {
			people[m.UserID] = true
		}
		if seal.People, err = j.people(ctx, slices.Collect(maps.Keys(people))); err != nil {
			return seal, err
		}
	}
	seal.Manifest, seal.Summary = m, s.markdown(m, j.entries, first, last)
	return seal, nil
}

// members are those who had access at a position, by their ids.
func (j *job) members(ctx context.Context, at int64) ([]member.Member, error) {
	if at < 1 {
		return nil, nil
	}
	types := []string{}
	for name := range member.Events {
		types = append(types, name)
	}
	vocabulary, states := j.Trail.Store.Vocabulary(), map[uuid.UUID]any{}
	err := j.each(ctx, audit.Filter{Orgs: []uuid.UUID{j.Organization}, Types: types, Last: at}, func(r *eventstore.Recorded) error {
		states[r.Stream] = vocabulary.Evolve(states[r.Stream], r)
		return nil
	}, func(int64) error { return nil })
	if err != nil {
		return nil, err
	}
	var members []member.Member
	for _, state := range states {
		if m, ok := state.(member.Member); ok && m.Exists() {
			members = append(members, m)
		}
	}
	slices.SortFunc(members, func(a, b member.Member) int { return strings.Compare(a.UserID.String(), b.UserID.String()) })
	return members, nil
}
