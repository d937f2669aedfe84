// Package docs holds the pages that the program hands out.
package docs

import _ "embed"

// AuditFormat specifies what is hashed, signed and packed as evidence.
//
//go:embed audit-format.md
var AuditFormat []byte
