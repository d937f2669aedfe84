package export

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// people names persons, as they are called now. What is written here leaves
// the installation: no erasure reaches it, and the first line says so.
func (j *job) people(ctx context.Context, ids []uuid.UUID) ([]byte, error) {
	rows, err := j.DB.Query(ctx, `select id, coalesce(preferred_name, name, ''), coalesce(email, '') from users where id = any($1) order by id`, ids)
	if err != nil {
		return nil, fmt.Errorf("export: read names: %w", err)
	}
	type person struct {
		ID          uuid.UUID
		Name, Email string
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[person])
	if err != nil {
		return nil, fmt.Errorf("export: read names: %w", err)
	}
	var b bytes.Buffer
	b.WriteString("# Names as of this export. Who is erased later stays named in this file: delete it when you are done.\n")
	out := csv.NewWriter(&b)
	if err := out.Write([]string{"id", "name", "email"}); err != nil {
		return nil, err
	}
	for _, p := range found {
		for _, value := range []*string{&p.Name, &p.Email} {
			if *value, err = j.open(ctx, *value); err != nil {
				return nil, err
			}
		}
		if err := out.Write([]string{p.ID.String(), p.Name, p.Email}); err != nil {
			return nil, err
		}
	}
	out.Flush()
	return b.Bytes(), out.Error()
}

func (j *job) open(ctx context.Context, sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	plain, err := j.Trail.Store.Vault().Open(ctx, sealed)
	return inert(plain), err
}
