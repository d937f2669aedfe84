// Package bundle is the evidence that a reviewer takes away: entries of one
// organization with what proves, offline and without trusting whoever runs the
// server, that none of them was altered, removed, inserted or reordered.
//
// It knows the format alone (docs/audit-format.md): no database, no server, so
// that what verifies a bundle shares nothing with what keeps the log.
package bundle

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
)

// Format names the format of a bundle, in its manifest.
const Format = "missioncontrol-evidence@v1"

// Names of the files of a bundle, in the order in which they are packed: a
// verifier reads leaves, proofs and entries side by side.
const (
	manifestFile   = "manifest.json"
	noteFile       = "manifest.note"
	checkpointFile = "checkpoint"
	keysFile       = "keys"
	summaryFile    = "summary.md"
	formatFile     = "FORMAT.md"
	verifierFile   = "verify.py"
	peopleFile     = "people.csv" // only if asked for
	leavesFile     = "leaves"
	proofsFile     = "proofs"
	entriesFile    = "entries.ndjson"
)

// Verifier is the program verify.py, which needs nothing but Python.
//
//go:embed verify.py
var Verifier []byte

// Completeness says what a bundle proves beside the integrity of its entries.
type Completeness string

// A complete bundle holds every entry of its organization between its first
// and its last; a selection holds those that its filters chose.
const (
	Complete  Completeness = "complete"
	Selection Completeness = "selection"
)

// Manifest says what a bundle holds. Times are as the log writes them.
type Manifest struct {
	Format       string            `json:"format"`
	Origin       string            `json:"origin"` // of the checkpoint and of its signer
	Organization string            `json:"organization_id"`
	Completeness Completeness      `json:"completeness"`
	Filters      map[string]string `json:"filters"`
	Made         string            `json:"made"`
	TreeSize     int64             `json:"tree_size"`
	Entries      int64             `json:"entries"`
	FirstOrgSeq  int64             `json:"first_org_seq"` // 0: the bundle has no entry
	LastOrgSeq   int64             `json:"last_org_seq"`
	Files        map[string]Digest `json:"files"` // all but manifest.json and manifest.note
}

// Digest is what a file of a bundle must be.
type Digest struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // in lower-case hex
}

// statement is what the signer of the checkpoint signs about a manifest.
func statement(origin string, manifest []byte) string {
	sum := sha256.Sum256(manifest)
	return fmt.Sprintf("%s\nmanifest\n%s\n", origin, base64.StdEncoding.EncodeToString(sum[:]))
}
