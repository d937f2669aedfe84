package httpapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"missioncontrol/audit"
	"missioncontrol/domain"
)

// proofPatience is how long a request waits for the checkpoint that covers
// what it asks about.
const proofPatience = 2 * time.Second

func (a *API) proofs() audit.Proofs {
	return audit.Proofs{DB: a.Store.DB(), Epoch: a.Store.Epoch()}
}

// notYet asks the caller to come again when there is a checkpoint.
func notYet() error {
	return &apiError{status: http.StatusNotFound, header: http.Header{"Retry-After": {"1"}}}
}

func (a *API) auditCheckpoint(ctx context.Context, _ struct{}) ([]byte, error) {
	c, err := a.proofs().Newest(ctx)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, notYet()
	}
	return c.Note, nil
}

func (a *API) auditKeys(ctx context.Context, _ struct{}) ([]byte, error) {
	keys, err := a.proofs().Keys(ctx)
	var lines []byte
	for _, key := range keys {
		lines = append(append(lines, key...), '\n')
	}
	return lines, err
}

type logPosition struct {
	Seq int64 `path:"seq" ge:"1"`
}

func (a *API) auditEntry(ctx context.Context, in logPosition) ([]byte, error) {
	e, err := a.entry(ctx, in.Seq)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, domain.Bare(domain.NotFound)
	}
	return e.Bytes, nil
}

// entry reads an entry that the caller may see, nil if there is none.
func (a *API) entry(ctx context.Context, seq int64) (*audit.Hashed, error) {
	e, err := a.proofs().Entry(ctx, seq)
	if err == nil && e != nil && !slices.Contains(a.auditedBy(ctx), e.Organization) {
		err = domain.Bare(domain.NotFound)
	}
	return e, err
}

func (a *API) auditProof(ctx context.Context, in logPosition) ([]byte, error) {
	e, err := a.entry(ctx, in.Seq)
	if err != nil {
		return nil, err
	}
	c, err := a.proofs().Covering(ctx, in.Seq, proofPatience)
	if err == nil && e == nil { // it may have come meanwhile
		e, err = a.entry(ctx, in.Seq)
	}
	if err != nil {
		return nil, err
	}
	if c == nil || e == nil {
		return nil, notYet()
	}
	return a.proofs().Inclusion(ctx, c, in.Seq, e.Bytes)
}

type treeSizes struct {
	From int64 `query:"from" ge:"1"`
	To   int64 `query:"to" ge:"1"`
}

func (a *API) auditConsistency(ctx context.Context, in treeSizes) ([]byte, error) {
	c, err := a.proofs().Newest(ctx)
	if err != nil {
		return nil, err
	}
	var size int64
	if c != nil {
		size = c.Size
	}
	switch {
	case in.From > in.To:
		return nil, domain.Refuse(domain.Invalid, "from must not be above to.")
	case in.To > size:
		return nil, domain.Refuse(domain.Invalid, "to is beyond the newest checkpoint, whose size is %d.", size)
	}
	hashes, err := a.proofs().Consistency(ctx, in.From, in.To)
	return []byte(audit.Lines(hashes)), err
}
