package httpapi

import (
	"context"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"reflect"

	"github.com/google/uuid"

	"missioncontrol/audit"
	"missioncontrol/audit/export"
	"missioncontrol/auth"
	"missioncontrol/domain"
	"missioncontrol/domain/evidence"
)

func (a *API) exports() export.Jobs { return export.Jobs{DB: a.Store.DB(), Dir: a.ExportDir} }

// AuditExportCreate is the body of a request for an export.
type AuditExportCreate struct {
	Format    string     `json:"format" default:"bundle" enum:"bundle,csv,ocsf"`
	ActorID   *uuid.UUID `json:"actor_id"`
	ActorType *string    `json:"actor_type" enum:"user,agent,system,anonymous"`
	Action    *string    `json:"action"`
	Ref       *uuid.UUID `json:"ref"`
	BoardID   *uuid.UUID `json:"board_id"`
	Outcome   *string    `json:"outcome" enum:"ok,denied,failed"`
	RequestID *string    `json:"request_id"`
	From      *string    `json:"from"`
	To        *string    `json:"to"`
}

type createAuditExport struct {
	AuditExportCreate
	Names bool `query:"names" default:"false"`
}

// createAuditExport has a part of the log of the caller's active organization
// written to a file.
func (a *API) createAuditExport(ctx context.Context, in createAuditExport) (export.Export, error) {
	r, err := a.exportRequest(ctx, in)
	if err != nil {
		return export.Export{}, err
	}
	made := export.New(auth.CallerFrom(ctx).Actor.ID, a.Store.Now(), r)
	what := evidence.Exported{ExportID: made.ID, Format: in.Format, Filters: r.Filters, Names: r.Names}
	if err := a.Commands.Audit.Export(ctx, r.Organization, what, made); err != nil {
		return export.Export{}, err
	}
	return made, a.exports().Add(ctx, made, r)
}

func (a *API) exportRequest(ctx context.Context, in createAuditExport) (export.Request, error) {
	asked := auditFilter{
		ActorID: in.ActorID, ActorType: in.ActorType, Action: in.Action, Ref: in.Ref, BoardID: in.BoardID,
		Outcome: in.Outcome, RequestID: in.RequestID, From: in.From, To: in.To,
	}
	r := export.Request{Organization: memberOf(ctx).OrganizationID, Format: export.Format(in.Format), Filters: asked.named(), Names: in.Names}
	var err error
	if r.Filter, err = a.auditFilter(ctx, asked); err != nil {
		return r, err
	}
	r.Filter.Orgs = []uuid.UUID{r.Organization} // an operator's too: a bundle is of one organization
	r.Filter.First = max(r.Filter.First, 1)
	if head := a.Store.Head(); r.Filter.Last == 0 || r.Filter.Last > head {
		r.Filter.Last = head
	}
	if r.Filter.Last < r.Filter.First || r.Filter.Last == audit.Nothing {
		return r, domain.Refuse(domain.Invalid, "from must not be after to.")
	}
	return r, nil
}

// named are the filters that were sent, by their names.
func (f auditFilter) named() map[string]string {
	named := map[string]string{}
	v := reflect.ValueOf(f)
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("query")
		switch value := v.Field(i).Interface().(type) {
		case *string:
			if value != nil {
				named[name] = *value
			}
		case *uuid.UUID:
			if value != nil {
				named[name] = value.String()
			}
		}
	}
	return named
}

func (a *API) listAuditExports(ctx context.Context, _ struct{}) ([]export.Export, error) {
	return a.exports().List(ctx, memberOf(ctx).OrganizationID)
}

type onExport struct {
	ExportID uuid.UUID `path:"export_id"`
}

func (a *API) getAuditExport(ctx context.Context, in onExport) (*export.Export, error) {
	return found(a.exports().Find(ctx, memberOf(ctx).OrganizationID, in.ExportID))
}

// downloadAuditExport sends the file of an export that is done.
func (a *API) downloadAuditExport(w http.ResponseWriter, r *http.Request, in onExport) error {
	e, err := a.getAuditExport(r.Context(), in)
	if err != nil {
		return err
	}
	if e.Status != "done" {
		return domain.Refuse(domain.Conflict, "The export is not done: it is %s.", e.Status)
	}
	file, err := os.Open(a.exports().Path(e.ID, e.Format))
	if errors.Is(err, fs.ErrNotExist) {
		return domain.Refuse(domain.NotFound, "The file is not here: another process of this server has it, or it is too old.")
	}
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it was only read
	name := "evidence-" + e.ID.String() + e.Format.Extension()
	w.Header().Set("Content-Type", rawContent)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	http.ServeContent(w, r, "", e.CreatedAt, file)
	return nil
}
