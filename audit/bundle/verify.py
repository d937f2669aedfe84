#!/usr/bin/env python3
"""Verify an evidence bundle of Mission Control, offline, with Python alone.

    python3 verify.py BUNDLE.tar.gz --key NAME+HASH+KEY

Without --key the bundle is checked against the keys that came with it, which
says nothing about who signed. FORMAT.md, in the bundle, specifies all of this.

Exit status: 0 verified; 1 something is wrong, and the first thing is named;
2 it could not be tried; 3 consistent, but the signer was not checked.
"""

import argparse
import base64
import binascii
import hashlib
import io
import json
import sys
import tarfile
import zlib

FORMAT = "missioncontrol-evidence@v1"
LARGE = ("leaves", "proofs", "entries.ndjson")
SMALL = ("manifest.json", "manifest.note", "checkpoint", "keys")


class Bad(Exception):
    """The first thing that is wrong with a bundle."""


# --- Ed25519 (RFC 8032), verification only ---------------------------------

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def point(data):
    """Decompress a point to extended coordinates."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    w, x, y, z = f - e, h - g, h + g, f + e
    return (w * x % P, y * z % P, x * y % P, w * z % P)


def multiply(n, a):
    total = (0, 1, 1, 0)
    while n:
        if n & 1:
            total = add(total, a)
        a, n = add(a, a), n >> 1
    return total


def same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)


def ed25519_verifies(public, message, signature):
    a, r = point(public), point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= Q:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    h = int.from_bytes(digest, "little") % Q
    return same(multiply(s, BASE), add(r, multiply(h, a)))


# --- Signed notes (C2SP signed-note) ----------------------------------------


def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Python is lenient about the unused bits of the last character.
    return data if base64.b64encode(data).decode() == text else None


def parse_key(text):
    """A verifier key: name+hash+base64(1 || public key)."""
    parts = text.split("+", 2)
    data = unbase64(parts[2]) if len(parts) == 3 else None
    if not data or len(data) != 33 or data[0] != 1:
        raise Bad("the key %r is no verifier key (name+hash+key)" % text)
    name = parts[0]
    number = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if number.hex() != parts[1]:
        raise Bad("the key %r is damaged: its hash is another" % text)
    return name, number, data[1:]


def open_note(what, note, keys):
    """Return the text of a note that one of keys has signed."""
    try:
        text, signatures = note.decode().split("\n\n", 1)
    except (UnicodeDecodeError, ValueError):
        raise Bad("%s is no signed note" % what)
    text += "\n"
    if not signatures.endswith("\n"):
        raise Bad("%s is no signed note" % what)
    found = False
    for line in signatures[:-1].split("\n"):
        parts = line.split(" ")
        data = unbase64(parts[2]) if len(parts) == 3 and parts[0] == "\u2014" else None
        if not data or len(data) < 5:
            raise Bad("%s has a signature that cannot be read" % what)
        for name, number, public in keys:
            if parts[1] == name and data[:4] == number:
                if len(data) != 68 or not ed25519_verifies(public, text.encode(), data[4:]):
                    raise Bad("%s is not signed by the key: its signature is wrong" % what)
                found = True
    if not found:
        raise Bad("%s is not signed by the key" % what)
    return text


# --- The Merkle tree (RFC 6962) ----------------------------------------------


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def gap(start, end):
    """Levels of the largest full subtrees that cover start <= leaf < end."""
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level
        start += 1 << level


class Tree:
    """A tree that grows by full subtrees, from left to right."""

    def __init__(self):
        self.size, self.full = 0, []

    def add(self, level, value):
        size = self.size + (1 << level)
        while self.size >> level & 1:
            value, level = node_hash(self.full.pop(), value), level + 1
        self.full.append(value)
        self.size = size

    def root(self):
        if not self.full:
            return hashlib.sha256(b"").digest()
        value = self.full[-1]
        for left in reversed(self.full[:-1]):
            value = node_hash(left, value)
        return value


# --- The archive ---------------------------------------------------------------


def check_container(path):
    """The comment of the gzip header holds the SHA-256 of the file."""
    with open(path, "rb") as file:
        head = file.read(82)
        if len(head) < 82:
            raise Bad("the file is too short to be a bundle")
        if not head[3] & 0x10:
            return  # packed anew by somebody else
        if head[10:17] != b"sha256:" or head[81] != 0:
            raise Bad("the comment in the header of the file is not what bundles have")
        total = hashlib.sha256(head[:17] + b"0" * 64 + head[81:])
        for block in iter(lambda: file.read(1 << 20), b""):
            total.update(block)
        if total.hexdigest().encode() != head[17:81]:
            raise Bad("the file is not the one that was packed: its SHA-256 is not the one in its header")


class Lines:
    """A large file of the archive, line by line."""

    def __init__(self, path, name):
        self.name, self.sum, self.size = name, hashlib.sha256(), 0
        self.archive = tarfile.open(path, "r|gz", bufsize=1 << 16)
        for member in self.archive:
            if member.name == name:
                self.file = io.BufferedReader(self.archive.extractfile(member), 1 << 20)
                return
        raise Bad("the file %s is missing" % name)

    def next(self):
        line = self.file.readline()
        self.sum.update(line)
        self.size += len(line)
        if not line.endswith(b"\n"):
            raise Bad("the file %s ends too early" % self.name)
        return line[:-1]

    def digest(self):
        for block in iter(lambda: self.file.read(1 << 20), b""):
            self.sum.update(block)
            self.size += len(block)
        return {"size": self.size, "sha256": self.sum.hexdigest()}


def read_small(path):
    small, names = {}, set()
    with tarfile.open(path, "r|gz", bufsize=1 << 16) as archive:
        for member in archive:
            if not member.isreg() or member.name in names:
                raise Bad("the archive holds %r twice, or not as a file" % member.name)
            names.add(member.name)
            if member.name not in LARGE:
                small[member.name] = archive.extractfile(member).read()
    for name in SMALL:
        if name not in small:
            raise Bad("the file %s is missing" % name)
    return small


# --- The verification -------------------------------------------------------------


def no_duplicates(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def hash_of(text, what):
    value = unbase64(text)
    if value is None or len(value) != 32:
        raise Bad("%s has a line without a hash: %r" % (what, text))
    return value


class Check:
    def __init__(self, path):
        self.small = read_small(path)
        self.leaves, self.proofs, self.entries = (Lines(path, name) for name in LARGE)
        self.tree, self.org_seq, self.leaf, self.seen = Tree(), 0, None, 0

    def head(self, key):
        texts = [key] if key else self.small["keys"].decode().splitlines()
        keys = [parse_key(text) for text in texts]
        raw = self.small["manifest.json"]
        try:
            manifest = self.manifest = json.loads(raw, object_pairs_hook=no_duplicates)
        except ValueError as error:
            raise Bad("manifest.json cannot be read: %s" % error)
        if manifest.get("format") != FORMAT:
            raise Bad("the bundle is of format %r, and this program knows %r" % (manifest.get("format"), FORMAT))
        digest = base64.b64encode(hashlib.sha256(raw).digest()).decode()
        statement = "%s\nmanifest\n%s\n" % (manifest["origin"], digest)
        if open_note("manifest.note", self.small["manifest.note"], keys) != statement:
            raise Bad("manifest.json is not the one that was signed")
        text = open_note("checkpoint", self.small["checkpoint"], keys)
        lines = text.split("\n")
        if len(lines) != 4 or lines[:2] != [manifest["origin"], str(manifest["tree_size"])]:
            raise Bad("checkpoint is not of the log and size that manifest.json names")
        self.root = hash_of(lines[2], "checkpoint")

    def cover(self, size):
        if size < self.tree.size:
            raise Bad("manifest.json says that the tree has %d leaves, but an entry stands at %d" % (size, self.tree.size))
        for level in gap(self.tree.size, size):
            self.tree.add(level, hash_of(self.proofs.next().decode("latin-1"), "proofs"))

    def listed(self):
        line = self.leaves.next().decode("latin-1")
        position, _, value = line.partition(" ")
        if not (position.isascii() and position.isdigit()) or int(position) <= self.tree.size:
            raise Bad("line %d of leaves has no position that comes next: %r" % (self.seen + 1, line))
        return int(position), hash_of(value, "leaves")

    def entry(self, seq, leaf):
        try:
            text = self.entries.next()
        except Bad as error:
            raise Bad("entry %d: it is missing: %s" % (seq, error))
        if leaf_hash(text) != leaf:
            raise Bad("entry %d: it is not the one that was recorded: line %d of entries.ndjson has another hash" % (seq, self.seen + 1))
        try:
            entry = json.loads(text)
            found, org = entry["seq"], entry["org"] or ""
            org_seq, org_prev = entry["org_seq"], entry["org_prev"]
        except (ValueError, KeyError, TypeError) as error:
            raise Bad("entry %d: it cannot be read: %s" % (seq, error))
        wrong = self.judge(seq, found, org, org_seq, org_prev)
        if wrong:
            raise Bad("entry %d: %s" % (seq, wrong))
        self.org_seq = org_seq

    def judge(self, seq, found, org, org_seq, org_prev):
        manifest, first, follows = self.manifest, self.seen == 0, org_seq == self.org_seq + 1
        if found != seq:
            return "it says that it stands at %r" % found
        if org != manifest["organization_id"]:
            return "it is of organization %r, and the bundle of %r" % (org, manifest["organization_id"])
        if first:
            if org_seq != manifest["first_org_seq"]:
                return "it has org_seq %r, and manifest.json says that the first has %r" % (org_seq, manifest["first_org_seq"])
            return None
        if org_seq <= self.org_seq:
            return "its org_seq %r does not come after %d" % (org_seq, self.org_seq)
        if manifest["completeness"] == "complete" and not follows:
            return "between org_seq %d and %d entries are missing" % (self.org_seq, org_seq)
        if follows and org_prev != self.leaf.hex():
            return "it does not follow the entry before it: org_prev is another leaf"
        return None

    def walk(self):
        while self.seen < self.manifest["entries"]:
            seq, leaf = self.listed()
            self.cover(seq - 1)
            self.entry(seq, leaf)
            self.tree.add(0, leaf)
            self.leaf, self.seen = leaf, self.seen + 1
        if self.manifest["last_org_seq"] != self.org_seq:
            raise Bad("the last entry has org_seq %d, and manifest.json says %d" % (self.org_seq, self.manifest["last_org_seq"]))
        self.cover(self.manifest["tree_size"])
        if self.tree.root() != self.root:
            raise Bad("the entries do not lead to the hash that was signed: leaves and checkpoint do not belong together")

    def compare(self):
        found = {name: {"size": len(text), "sha256": hashlib.sha256(text).hexdigest()} for name, text in self.small.items()}
        for lines in (self.leaves, self.proofs, self.entries):
            found[lines.name] = lines.digest()
        want = self.manifest["files"]
        for name in sorted(want):
            if name not in found:
                raise Bad("the file %s is missing" % name)
        for name in sorted(found):
            if name in ("manifest.json", "manifest.note"):
                continue
            if name not in want:
                raise Bad("the file %s is not in manifest.json" % name)
            if found[name] != want[name]:
                raise Bad("the file %s is not what manifest.json says" % name)


def verify(path, key):
    check_container(path)
    try:
        check = Check(path)
        check.head(key)
        check.walk()
        check.compare()
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise Bad("the archive cannot be read: %s" % error)
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise Bad("a file of the bundle is not written as it should be: %r" % error)
    return check.manifest


def main():
    parser = argparse.ArgumentParser(description="Verify an evidence bundle of Mission Control, offline.")
    parser.add_argument("bundle", help="the .tar.gz file")
    parser.add_argument("--key", default="", help="the verifier key that you trust: name+hash+key")
    args = parser.parse_args()
    try:
        manifest = verify(args.bundle, args.key)
    except Bad as error:
        print("NOT VERIFIED: %s" % error)
        return 1
    except OSError as error:
        print("The bundle cannot be read: %s" % error, file=sys.stderr)
        return 2
    what = "%d entries of %s, org_seq %d to %d, in a log of %d (%s)" % (
        manifest["entries"], manifest["organization_id"] or "the system", manifest["first_org_seq"],
        manifest["last_org_seq"], manifest["tree_size"], manifest["completeness"])
    if not args.key:
        print("consistent, signer not checked: " + what)
        return 3
    print("verified: " + what)
    return 0


if __name__ == "__main__":
    sys.exit(main())
