package bundle

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Verdict is what was found to be true of a bundle.
type Verdict struct {
	Manifest
	SignerChecked bool // against a key that did not come with the bundle
}

// Bad is the first thing found wrong with a bundle.
type Bad struct {
	Seq  int64 // position of the entry that is wrong, 0: it is not an entry
	What string
}

func (b *Bad) Error() string {
	if b.Seq == 0 {
		return b.What
	}
	return fmt.Sprintf("entry %d: %s", b.Seq, b.What)
}

func bad(seq int64, format string, args ...any) error { return &Bad{seq, fmt.Sprintf(format, args...)} }

// Verify checks the bundle at path, in one pass and constant memory. key is
// the verifier key (name+hash+key) that the reviewer trusts; with "" the keys
// of the bundle itself are used, which proves nothing about the signer. The
// error is a *Bad if the bundle is not what it says.
func Verify(path, key string) (Verdict, error) {
	var v Verdict
	if err := checkContainer(path); err != nil {
		return v, err
	}
	files, err := open(path)
	if err != nil {
		return v, err
	}
	defer files.close()
	c := check{files: files}
	if err := c.head(key); err != nil {
		return v, err
	}
	if err := c.walk(); err != nil {
		return v, err
	}
	return Verdict{c.manifest, key != ""}, files.compare(c.manifest.Files)
}

// check is a verification under way.
type check struct {
	files    *files
	manifest Manifest
	root     tlog.Hash // as signed
	tree     fold
	orgSeq   int64
	leaf     tlog.Hash // of the entry before
	seen     int64
}

// head checks the small files: who signed, and what.
func (c *check) head(key string) error {
	verifiers, err := c.signers(key)
	if err != nil {
		return err
	}
	text := c.files.small[manifestFile]
	if err := json.Unmarshal(text, &c.manifest); err != nil {
		return bad(0, "%s cannot be read: %v", manifestFile, err)
	}
	if c.manifest.Format != Format {
		return bad(0, "the bundle is of format %q, and this program knows %q", c.manifest.Format, Format)
	}
	signed, err := note.Open(c.files.small[noteFile], verifiers)
	if err != nil {
		return bad(0, "%s is not signed by the key: %v", noteFile, err)
	}
	if signed.Text != statement(c.manifest.Origin, text) {
		return bad(0, "%s is not the one that was signed", manifestFile)
	}
	signed, err = note.Open(c.files.small[checkpointFile], verifiers)
	if err != nil {
		return bad(0, "%s is not signed by the key: %v", checkpointFile, err)
	}
	want := fmt.Sprintf("%s\n%d\n", c.manifest.Origin, c.manifest.TreeSize)
	root, ok := strings.CutPrefix(signed.Text, want)
	hash, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(root, "\n"))
	if !ok || err != nil || len(hash) != tlog.HashSize {
		return bad(0, "%s is not of the log and size that %s names", checkpointFile, manifestFile)
	}
	c.root = tlog.Hash(hash)
	return nil
}

// signers are the keys that may have signed.
func (c *check) signers(key string) (note.Verifiers, error) {
	if key != "" {
		v, err := note.NewVerifier(key)
		if err != nil {
			return nil, fmt.Errorf("the key %q is no verifier key (name+hash+key): %w", key, err)
		}
		return note.VerifierList(v), nil
	}
	var list []note.Verifier
	for line := range strings.Lines(string(c.files.small[keysFile])) {
		v, err := note.NewVerifier(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, bad(0, "%s cannot be read: %v", keysFile, err)
		}
		list = append(list, v)
	}
	return note.VerifierList(list...), nil
}

// walk goes through the entries beside their leaves and the proofs, and arrives
// at the root of the tree.
func (c *check) walk() error {
	for c.seen < c.manifest.Entries {
		seq, leaf, err := c.listed()
		if err != nil {
			return err
		}
		if err := c.cover(seq - 1); err != nil {
			return err
		}
		if err := c.entry(seq, leaf); err != nil {
			return err
		}
		c.tree.add(0, leaf)
		c.leaf, c.seen = leaf, c.seen+1
	}
	if c.manifest.LastOrgSeq != c.orgSeq {
		return bad(0, "the last entry has org_seq %d, and %s says %d", c.orgSeq, manifestFile, c.manifest.LastOrgSeq)
	}
	if err := c.cover(c.manifest.TreeSize); err != nil {
		return err
	}
	if c.tree.root() != c.root {
		return bad(0, "the entries do not lead to the hash that was signed: %s and %s do not belong together", leavesFile, checkpointFile)
	}
	return nil
}

// listed reads what the next entry must be.
func (c *check) listed() (seq int64, leaf tlog.Hash, err error) {
	line, err := c.files.leaves.next()
	if err != nil {
		return 0, leaf, err
	}
	position, hash, _ := strings.Cut(string(line), " ")
	seq, err = strconv.ParseInt(position, 10, 64)
	if err != nil || seq <= c.tree.size {
		return 0, leaf, bad(0, "line %d of %s has no position that comes next: %q", c.seen+1, leavesFile, line)
	}
	leaf, err = parseHash(hash)
	if err != nil {
		return 0, leaf, bad(seq, "its line of %s has no hash: %q", leavesFile, line)
	}
	return seq, leaf, nil
}

func parseHash(text string) (tlog.Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != tlog.HashSize {
		return tlog.Hash{}, errors.New("no hash")
	}
	return tlog.Hash(b), nil
}

// cover adds what proofs say of the leaves up to size.
func (c *check) cover(size int64) error {
	if size < c.tree.size {
		return bad(0, "%s says that the tree has %d leaves, but an entry stands at %d", manifestFile, size, c.tree.size)
	}
	for level := range gap(c.tree.size, size) {
		line, err := c.files.proofs.next()
		if err != nil {
			return err
		}
		h, err := parseHash(string(line))
		if err != nil {
			return bad(0, "%s has a line without a hash: %q", proofsFile, line)
		}
		c.tree.add(level, h)
	}
	return nil
}

// envelope is what a verifier reads of an entry.
type envelope struct {
	Seq     int64      `json:"seq"`
	Org     *uuid.UUID `json:"org"`
	OrgSeq  int64      `json:"org_seq"`
	OrgPrev string     `json:"org_prev"`
}

// entry checks the next entry: that it is the one listed, of the organization,
// and, in a complete bundle, the one after the one before.
func (c *check) entry(seq int64, leaf tlog.Hash) error {
	text, err := c.files.entries.next()
	if err != nil {
		return bad(seq, "it is missing: %v", err)
	}
	if tlog.RecordHash(text) != leaf {
		return bad(seq, "it is not the one that was recorded: line %d of %s has another hash", c.seen+1, entriesFile)
	}
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return bad(seq, "it cannot be read: %v", err)
	}
	org := ""
	if e.Org != nil {
		org = e.Org.String()
	}
	first := c.seen == 0
	switch {
	case e.Seq != seq:
		return bad(seq, "it says that it stands at %d", e.Seq)
	case org != c.manifest.Organization:
		return bad(seq, "it is of organization %q, and the bundle of %q", org, c.manifest.Organization)
	case first && e.OrgSeq != c.manifest.FirstOrgSeq:
		return bad(seq, "it has org_seq %d, and %s says that the first has %d", e.OrgSeq, manifestFile, c.manifest.FirstOrgSeq)
	case !first && e.OrgSeq <= c.orgSeq:
		return bad(seq, "its org_seq %d does not come after %d", e.OrgSeq, c.orgSeq)
	case c.manifest.Completeness == Complete && !first && e.OrgSeq != c.orgSeq+1:
		return bad(seq, "between org_seq %d and %d entries are missing", c.orgSeq, e.OrgSeq)
	case !first && e.OrgSeq == c.orgSeq+1 && e.OrgPrev != hex.EncodeToString(c.leaf[:]):
		return bad(seq, "it does not follow the entry before it: org_prev is another leaf")
	}
	c.orgSeq = e.OrgSeq
	return nil
}

// compare refuses files that are not what the manifest says, after all of them
// were read.
func (f *files) compare(want map[string]Digest) error {
	found, err := f.digests()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if _, ok := found[name]; !ok {
			return bad(0, "the file %s is missing", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		w, ok := want[name]
		switch {
		case name == manifestFile || name == noteFile:
		case !ok:
			return bad(0, "the file %s is not in %s", name, manifestFile)
		case found[name] != w:
			return bad(0, "the file %s is not what %s says", name, manifestFile)
		}
	}
	return nil
}

func digestOf(text []byte) Digest {
	sum := sha256.Sum256(text)
	return Digest{int64(len(text)), hex.EncodeToString(sum[:])}
}
