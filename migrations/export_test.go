package migrations

import (
	"context"
	"io/fs"
)

// ApplyFrom is Apply with other files.
func ApplyFrom(ctx context.Context, url string, files fs.FS) error {
	return apply(ctx, url, files, nil)
}
