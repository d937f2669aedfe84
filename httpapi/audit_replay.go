package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"missioncontrol/audit"
	"missioncontrol/domain"
	"missioncontrol/streams"
)

type replayAudit struct {
	auditFilter
	Speed string `query:"speed" default:"max"`
}

// replayed is how many entries of a replay are read at once.
const replayed = 100

// replayAudit shows the entries of the active organization again, in order, and
// then as they come, for as long as the caller administers it.
func (a *API) replayAudit(w http.ResponseWriter, r *http.Request, in replayAudit) error {
	ctx := r.Context()
	filter, err := a.auditFilter(ctx, in.auditFilter)
	if err != nil {
		return err
	}
	speed, err := speedOf(in.Speed)
	if err != nil {
		return err
	}
	return a.Hub.ServePull(w, r, streams.Pull{
		Event: "audit", After: max(filter.First-1, 0), End: filter.Last, Open: in.To == nil, Speed: speed,
		Read: a.replayFrames(filter), Moved: a.Read.Indexed.Moved,
		Keys: a.memberKeys(ctx, memberOf(ctx).OrganizationID), Recheck: a.recheck(a.Rules.Admin),
	})
}

// speedOf reads how many times as fast as it happened: "10", "10x", "max".
func speedOf(text string) (float64, error) {
	const most = 1000
	if text == "max" {
		return 0, nil
	}
	speed, err := strconv.ParseFloat(strings.TrimSuffix(text, "x"), 64)
	if err != nil || !(speed >= 1 && speed <= most) {
		return 0, domain.Refuse(domain.Invalid, "speed must be from 1x to 1000x, or max.")
	}
	return speed, nil
}

// replayFrames reads the frames of a replay: the entries as the list shows them.
func (a *API) replayFrames(filter audit.Filter) func(context.Context, int64) ([]streams.Pulled, int64, error) {
	return func(ctx context.Context, after int64) ([]streams.Pulled, int64, error) {
		found, err := a.trail().Find(ctx, filter, audit.Ascending, after, replayed)
		if err != nil {
			return nil, 0, err
		}
		entries, err := a.trail().Show(ctx, found.Events)
		if err != nil {
			return nil, 0, err
		}
		frames := make([]streams.Pulled, len(entries))
		for i, e := range entries {
			data, err := a.encodeOpened(ctx, e)
			if err != nil {
				return nil, 0, err
			}
			frames[i] = streams.Pulled{Seq: e.Seq, Recorded: e.Recorded, Data: data}
		}
		return frames, found.Through, nil
	}
}
