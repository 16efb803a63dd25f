"""Whether an exported audit log is what it says: its entries, its tree (RFC 6962), its signed checkpoints (C2SP).

This one file is the whole verifier. It needs Python 3.11 and nothing else, of Headrace or of others: copy it to where the bundle is read.
Where `cryptography` is installed, signatures are checked by that, which is faster.

    python verify.py BUNDLE --key KEY [--checkpoint FILE]

It ends with 0 where all is sound, 4 where something was tampered with, 7 where the bundle does not hold what a judgement needs, 64 where it
was called wrongly.
"""

from __future__ import annotations

import argparse
import binascii
import hashlib
import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from errno import ENOENT
from pathlib import Path
from typing import Any

SOUND, TAMPERED, INCOMPLETE, USAGE = 0, 4, 7, 64
HASH = 32
"""Bytes of a hash."""
HEIGHT = 8
"""Levels of a tile: 256 hashes side by side, whose root is one hash of the tile above (C2SP tlog-tiles)."""
EMPTY = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""
_ED25519 = 1
_MARK = "\N{EM DASH} "
_MOST_SIGNATURES = 100
_LONGEST = 1 << 20
_DIGITS = 19
_RECOVER = "recover "


class Refused(Exception):  # noqa: N818 - what it says of a note, a key or a proof, not of a program
    """A key, a note, a checkpoint or an entry is not what it must be."""


# Hashes and proofs -----------------------------------------------------------------------------------------------------------------


def leaf_hash(body: bytes) -> bytes:
    """The hash of an entry's bytes (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two nodes under one (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Edge:
    """A growing tree by its right edge alone: the root of each whole subtree, from the largest to the smallest."""

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        """`hashes` are as many as `size` has ones among its binary digits; ValueError where they are not."""
        self.size = size
        self.hashes = list(hashes)
        if size < 0 or len(self.hashes) != size.bit_count() or any(len(hash_) != HASH for hash_ in self.hashes):
            raise ValueError(f"an edge of {size} leaves does not have {len(self.hashes)} hashes")

    def append(self, leaf: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Add the hash of a leaf; each node above it that is whole now, as its level, its index in that level and its hash."""
        index, level, node = self.size, 0, leaf
        while index & 1:
            node = node_hash(self.hashes.pop(), node)
            index, level = index >> 1, level + 1
            yield level, index, node
        self.hashes.append(node)
        self.size += 1

    def add(self, leaf: bytes) -> None:
        """Add the hash of a leaf."""
        for _ in self.append(leaf):
            pass

    def root(self) -> bytes:
        """The root of the tree as it stands."""
        if not self.hashes:
            return EMPTY
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root


def included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `leaf` is the leaf at `index` of the tree with this size and root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or any(len(hash_) != HASH for hash_ in (leaf, root, *proof)):
        return False
    at, last, hash_ = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            hash_ = node_hash(step, hash_)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            hash_ = node_hash(hash_, step)
        at, last = at >> 1, last >> 1
    return last == 0 and hash_ == root


def consistent(size: int, root: bytes, later: int, later_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree of `later` leaves begins with that of `size`, which is 1 or more (RFC 9162, 2.1.4.2)."""
    if size == later > 0:
        return not proof and root == later_root
    if not 0 < size < later or any(len(hash_) != HASH for hash_ in (root, later_root, *proof)):
        return False
    steps = [root, *proof] if size.bit_count() == 1 else list(proof)
    if not steps:
        return False
    at, last = size - 1, later - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, step)
        at, last = at >> 1, last >> 1
    return last == 0 and first == root and second == later_root


# Notes, keys and checkpoints -------------------------------------------------------------------------------------------------------


def decoded(text: str, what: str, length: int | None = None) -> bytes:
    """Strict base64; Refused where it is none, or of another length."""
    try:
        found = b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(f"{what} is no base64") from error
    if (length is not None and len(found) != length) or b64encode(found).decode() != text:
        raise Refused(f"{what} is not whole")
    return found


def _number(text: str, what: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS or str(int(text)) != text:
        raise Refused(f"{what} is none")
    return int(text)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Whose signature a note must carry: `name+hash+key` as C2SP writes it (signed-note, verifier keys)."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return hashlib.sha256(f"{self.name}\n".encode() + bytes([_ED25519]) + self.public).digest()[:4]

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """From its text; Refused where it is none."""
        name, _, rest = text.strip().partition("+")
        hash_, _, key = rest.partition("+")
        if not name or any(letter.isspace() for letter in name):
            raise Refused("a public key begins with its name, and `+`")
        made = decoded(key, "the public key", 1 + HASH)
        found = cls(name, made[1:])
        if made[0] != _ED25519 or found.id.hex() != hash_:
            raise Refused(f"the public key `{name}` is of another kind, or was altered")
        return found

    @classmethod
    def given(cls, text: str) -> PublicKey:
        """From a file of that name, or else from the text itself. Refused where it is neither; OSError where the file cannot be read."""
        if Path(text).is_file():
            try:
                return cls.parse(Path(text).read_text(encoding="utf-8"))
            except UnicodeDecodeError:
                raise Refused(f"{text} holds no public key") from None
        if text.count("+") < 2:  # noqa: PLR2004 - a name, a hash and a key
            raise FileNotFoundError(ENOENT, "there is no such file, and it is no key", text)
        return cls.parse(text)

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(bytes([_ED25519]) + self.public).decode()}"

    def signed(self, text: str, signature: bytes) -> bool:
        """Whether the signature is this key's, of this text."""
        try:
            from cryptography.exceptions import InvalidSignature
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        except ModuleNotFoundError:
            return ed25519(self.public, text.encode(), signature)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


# Ed25519 (RFC 8032, 5.1), for a machine that has Python alone ------------------------------------------------------------------------

_PRIME = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _PRIME) % _PRIME
_ROOT = pow(2, (_PRIME - 1) // 4, _PRIME)
"""A square root of -1."""
_Point = tuple[int, int, int, int]
"""X, Y, Z and T of a point: x = X/Z, y = Y/Z, xy = T/Z."""


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is of a message by a key (RFC 8032, 5.1.7, without the cofactor, as OpenSSL has it). Nothing in it is secret."""
    if len(signature) != 2 * HASH or len(public) != HASH:
        return False
    key, first, second = _point(public), _point(signature[:HASH]), int.from_bytes(signature[HASH:], "little")
    base = _point((4 * pow(5, -1, _PRIME) % _PRIME).to_bytes(HASH, "little"))
    if key is None or first is None or base is None or second >= _ORDER:
        return False
    told = int.from_bytes(hashlib.sha512(signature[:HASH] + public + message).digest(), "little") % _ORDER
    left, right = _times(second, base), _sum(first, _times(told, key))
    return all((left[axis] * right[2] - right[axis] * left[2]) % _PRIME == 0 for axis in (0, 1))


def _point(data: bytes) -> _Point | None:
    """A point by its 32 bytes (RFC 8032, 5.1.3); None where they are of none, or not the only ones of it."""
    y = int.from_bytes(data, "little")
    odd, y = y >> 255, y & ((1 << 255) - 1)
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _PRIME) % _PRIME
    x = pow(square, (_PRIME + 3) // 8, _PRIME)
    x = x if (x * x - square) % _PRIME == 0 else x * _ROOT % _PRIME
    if y >= _PRIME or (x * x - square) % _PRIME or (x == 0 and odd):
        return None
    x = x if x & 1 == odd else _PRIME - x
    return x, y, 1, x * y % _PRIME


def _sum(one: _Point, two: _Point) -> _Point:
    """Of two points (RFC 8032, 5.1.4)."""
    a, b = (one[1] - one[0]) * (two[1] - two[0]), (one[1] + one[0]) * (two[1] + two[0])
    c, d = 2 * one[3] * two[3] * _D, 2 * one[2] * two[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _PRIME, g * h % _PRIME, f * g % _PRIME, e * h % _PRIME


def _times(count: int, point: _Point) -> _Point:
    """A point so many times."""
    found = (0, 1, 1, 0)
    while count:
        if count & 1:
            found = _sum(found, point)
        point, count = _sum(point, point), count >> 1
    return found


def opened(note: str, key: PublicKey) -> str:
    """The text of a note that this key signed; signatures of other keys are passed over. Refused where it is none (C2SP signed-note)."""
    head, found, tail = note.rpartition("\n\n")
    text = f"{head}\n"
    bad = any((letter < " " and letter != "\n") or "\ud800" <= letter <= "\udfff" for letter in note)
    if not found or not tail.endswith("\n") or len(note) > _LONGEST or bad:
        raise Refused("it is no signed note")
    lines = tail[:-1].split("\n")
    if len(lines) > _MOST_SIGNATURES:
        raise Refused("it has too many signatures")
    ours = False
    for line in lines:
        name, space, encoded = line.removeprefix(_MARK).partition(" ")
        if not line.startswith(_MARK) or not space or not name or "+" in name or any(letter.isspace() for letter in name):
            raise Refused("a line of its signatures is none")
        signature = decoded(encoded, "a signature")
        if len(signature) <= len(key.id):
            raise Refused("a signature is too short")
        if not ours and name == key.name and signature[:4] == key.id:
            if not key.signed(text, signature[4:]):
                raise Refused(f"the signature of {name} is not of this text")
            ours = True
    if not ours:
        raise Refused(f"it is not signed by {key.name}")
    return text


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log at one size: its name, how many entries it has, and the root over them (C2SP tlog-checkpoint)."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """From its text; lines after the third are passed over. Refused where it is none."""
        origin, size, root, *_ = [*text.split("\n"), "", "", ""]
        if not origin:
            raise Refused("it is no checkpoint")
        return cls(origin, _number(size, "the size of a checkpoint"), decoded(root, "the root of a checkpoint", HASH))


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A checkpoint as a witness took it: its note, and the proof from the one of `old` entries before (C2SP tlog-witness).

    Where the log had been put back to an older state, `entry` is the entry of it that says so, and `path` is the entry's, to the root.
    """

    old: int
    proof: tuple[bytes, ...]
    note: str
    entry: bytes | None = None
    path: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        lines = [f"old {self.old}", *(b64encode(hash_).decode() for hash_ in self.proof)]
        if self.entry is not None:
            lines += [f"{_RECOVER}{b64encode(self.entry).decode()}", *(b64encode(hash_).decode() for hash_ in self.path)]
        return "\n".join([*lines, "", self.note, ""])


def witnessed(text: str) -> list[Witnessed]:
    """What stands in a witness's file, oldest first. Refused where it is none."""
    found = []
    parts = text.split("\n\n")
    if parts.pop() or len(parts) % 3:
        raise Refused("the end of the witness's file is cut off")
    for head, told, signatures in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        old, *lines = head.split("\n")
        word, _, number = old.partition(" ")
        if word != "old":
            raise Refused("a line of the witness's file is none")
        at = next((place for place, line in enumerate(lines) if line.startswith(_RECOVER)), None)
        said = None if at is None else decoded(lines[at].removeprefix(_RECOVER), "an entry in the witness's file")
        proof, path = (lines, []) if at is None else (lines[:at], lines[at + 1 :])
        hashes, steps = (tuple(decoded(line, "a hash of a proof", HASH) for line in some) for some in (proof, path))
        found.append(Witnessed(_number(number, "a size in the witness's file"), hashes, f"{told}\n\n{signatures}\n", said, steps))
    return found


# The judgement ---------------------------------------------------------------------------------------------------------------------


@dataclass
class Findings:
    """What is wrong: with the log, or with what would be needed to judge it."""

    tampered: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    recovered: list[str] = field(default_factory=list)
    """Where a log was put back to an older state, and says so itself: by whom, when, why."""
    given_up: set[tuple[int, bytes]] = field(default_factory=set)
    """The size and root of each checkpoint that the log does not have any more since then."""

    def told(self) -> list[str]:
        """All of it, a line each."""
        return [*self.tampered, *self.missing, *(f"recovered: {line}" for line in self.recovered)]

    @property
    def verdict(self) -> str:
        """`sound`, `tampered` or `incomplete`."""
        return "tampered" if self.tampered else "incomplete" if self.missing else "sound"

    @property
    def code(self) -> int:
        """The exit code that says so."""
        return {"sound": SOUND, "tampered": TAMPERED, "incomplete": INCOMPLETE}[self.verdict]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("a key stands twice")
    return found


def entry(body: bytes, seq: int, log: str) -> dict[str, Any]:
    """What the entry of this number says; Refused where its bytes are no entry, or one of another place or log."""
    try:
        found = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Refused(f"entry {seq} is no JSON") from error
    if not isinstance(found, dict) or found.get("seq") != seq or isinstance(found.get("seq"), bool):
        raise Refused(f"entry {seq} is another one's bytes")
    if found.get("log") != log:
        raise Refused(f"entry {seq} is of another log")
    return found


def history(records: Sequence[Witnessed], key: PublicKey, findings: Findings, whose: str, log: str | None = None) -> list[Checkpoint]:
    """The checkpoints of a witness, where each is signed, of one log, and shown to continue the one before."""
    found: list[Checkpoint] = []
    for number, record in enumerate(records, 1):
        try:
            made = Checkpoint.parse(opened(record.note, key))
        except Refused as error:
            findings.tampered.append(f"checkpoint {number} of {whose}: {error}")
            return found
        before = found[-1] if found else None
        if made.origin != (log or (before or made).origin):
            findings.tampered.append(f"checkpoint {number} of {whose} is of another log: {made.origin}")
            return found
        if record.entry is not None and before:
            try:
                found = _recovered(found, made, record, record.entry, findings)
            except Refused as error:
                findings.tampered.append(f"checkpoint {number} of {whose} says that the log was put back, and {error}")
                return found
            continue
        joins = record.old == (before.size if before else 0)
        if not joins or (before and not consistent(before.size, before.root, made.size, made.root, record.proof)):
            findings.tampered.append(f"checkpoint {number} of {whose} does not continue the one before it")
            return found
        found.append(made)
    return found


def named(checkpoint: Checkpoint) -> str:
    """A checkpoint as the entry of a recovery names it."""
    return f"{checkpoint.size} {b64encode(checkpoint.root).decode()}"


def _recovered(found: list[Checkpoint], made: Checkpoint, record: Witnessed, body: bytes, findings: Findings) -> list[Checkpoint]:
    """The checkpoints that hold after the log was put back to `record.old` entries; Refused unless an entry in it gives up the last one."""
    try:
        told = json.loads(body)
        told = entry(body, told["seq"], made.origin)
    except (ValueError, TypeError, KeyError):
        raise Refused("what says so is no entry") from None
    seq, last = told["seq"], found[-1]
    if told.get("action") != "recover" or named(last) not in str(told.get("before", "")).split(";"):
        raise Refused(f"entry {seq} does not give up the {last.size} entries of the checkpoint before")
    if seq < record.old or not included(leaf_hash(body), seq, made.size, record.path, made.root):
        raise Refused(f"entry {seq} is not in the log")
    left = [one for one in found if one.size <= record.old]
    start = left[-1] if left else None
    if record.old != (start.size if start else 0):
        raise Refused(f"no checkpoint of {record.old} entries was taken")
    if start and not consistent(start.size, start.root, made.size, made.root, record.proof):
        raise Refused(f"the log does not begin with the {start.size} entries of an earlier checkpoint")
    whose = f"entry {seq}, of {told.get('actor')} at {told.get('recorded_at')},"
    if (
        line := f"{whose} gives up what came after {record.old} entries, up to {last.size}: {told.get('reason')}"
    ) not in findings.recovered:
        findings.recovered.append(line)
    findings.given_up |= {(one.size, one.root) for one in found[len(left) :]}
    return [*left, made]


class Walk:
    """The entries of a log from the first on, held against every checkpoint that they pass."""

    def __init__(self, log: str, checkpoints: Iterable[tuple[Checkpoint, str]], findings: Findings) -> None:
        self.edge = Edge()
        self.log = log
        self.findings = findings
        self.nodes: dict[tuple[int, int], bytes] = {}
        """The roots of 256 nodes of the level below, and so on upwards."""
        self._expected: dict[int, list[tuple[bytes, str]]] = {}
        for checkpoint, whose in checkpoints:
            self._expected.setdefault(checkpoint.size, []).append((checkpoint.root, whose))

    def step(self, body: bytes) -> dict[str, Any] | None:
        """Take the next entry; what it says, or None where it is none."""
        seq = self.edge.size
        for level, index, node in self.edge.append(leaf_hash(body)):
            if level % HEIGHT == 0:
                self.nodes[level // HEIGHT, index] = node
        for root, whose in self._expected.pop(self.edge.size, ()):
            if root != self.edge.root():
                self.findings.tampered.append(f"the first {self.edge.size} entries are not those of a checkpoint of {whose}")
        try:
            return entry(body, seq, self.log)
        except Refused as error:
            self.findings.tampered.append(str(error))
            return None

    def end(self) -> None:
        """No entry comes any more: a checkpoint of more entries than there are says that some were taken away."""
        for size, expected in sorted(self._expected.items()):
            for _, whose in expected:
                self.findings.tampered.append(f"{whose} has a checkpoint of {size} entries, and the log has {self.edge.size}")


def judge_bundle(lines: Iterable[str], key: PublicKey | None, held: Sequence[Sequence[Witnessed]], findings: Findings) -> dict[str, Any]:
    """Judge a bundle, line by line. `held` is what its reader has of a witness by another way. Refused where it is no bundle."""
    given = iter(lines)
    head = _line(next(given, ""))
    log, embedded, size = head.get("log"), head.get("key"), head.get("size")
    if head.get("headrace_audit_bundle") != 1 or not isinstance(log, str) or not isinstance(embedded, str) or not isinstance(size, int):
        raise Refused("it does not begin as a bundle does")
    if key is None:
        findings.missing.append("no key was given: the bundle's own proves nothing of who signed (--key)")
        key = PublicKey.parse(embedded)
    try:
        records = witnessed(str(head.get("checkpoints", "")))
    except Refused as error:
        findings.tampered.append(f"the bundle's checkpoints: {error}")
        records = []
    checkpoints = history(records, key, findings, "the bundle", log)
    outside = [one for records in held for one in history(records, key, findings, "the witness", log)]
    if not checkpoints or checkpoints[-1].size != size:
        findings.tampered.append(f"no sound checkpoint covers the {size} entries of the bundle")
        return {"log": log, "size": size, "entries": 0, "checkpoints": len(checkpoints)}
    held_yet = [one for one in outside if (one.size, one.root) not in findings.given_up]
    known = [(one, "the bundle") for one in checkpoints] + [(one, "the witness") for one in held_yet]
    read = _whole if head.get("whole") is True else _parts
    return {"log": log, "size": size, "entries": read(given, known, checkpoints[-1], findings), "checkpoints": len(checkpoints)}


def _line(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Refused("a line of the bundle is no JSON") from error
    if not isinstance(found, dict):
        raise Refused("a line of the bundle is no object")
    return found


def _body(line: dict[str, Any]) -> bytes:
    if not isinstance(line.get("entry"), str):
        raise Refused("a line of the bundle has no entry")
    return str(line["entry"]).encode()


def _whole(lines: Iterable[str], known: list[tuple[Checkpoint, str]], newest: Checkpoint, findings: Findings) -> int:
    """All entries: the tree is made of them again."""
    walk = Walk(newest.origin, known, findings)
    for line in lines:
        walk.step(_body(_line(line)))
    walk.end()
    if walk.edge.size > newest.size:
        findings.tampered.append(f"the bundle has {walk.edge.size} entries, and its newest checkpoint covers {newest.size}")
    return walk.edge.size


def _parts(lines: Iterable[str], known: list[tuple[Checkpoint, str]], newest: Checkpoint, findings: Findings) -> int:
    """Some entries, each with its proof; a checkpoint held elsewhere must be one of the bundle's, since there is no tree to ask."""
    here = {(one.size, one.root) for one, whose in known if whose == "the bundle"}
    sizes = {size for size, _ in here}
    for one, whose in known:
        if (one.size, one.root) not in here:
            said = f"the checkpoint of {one.size} entries that {whose} has is not the bundle's"
            (findings.tampered if one.size in sizes or one.size > newest.size else findings.missing).append(said)
    count = 0
    for text in lines:
        count += 1
        line = _line(text)
        seq, steps, body = line.get("seq"), line.get("proof"), _body(line)
        if not isinstance(seq, int) or not isinstance(steps, list):
            raise Refused("a line of the bundle has no proof")
        try:
            proof = [decoded(str(step), "a hash of a proof", HASH) for step in steps]
            entry(body, seq, newest.origin)
        except Refused as error:
            findings.tampered.append(str(error))
            continue
        if not included(leaf_hash(body), seq, newest.size, proof, newest.root):
            findings.tampered.append(f"entry {seq} is not in the log that the checkpoint signs")
    return count


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="verify.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("bundle", type=Path, help="what `headrace audit export` wrote")
    parser.add_argument(
        "--key",
        metavar="KEY",
        help="the log's public key, got by another way than the bundle: a file such as key.pub, or the text `headrace-log/…+…+…` itself",
    )
    parser.add_argument("--checkpoint", type=Path, help="a witness's file, got by another way than the bundle")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print the result as JSON")
    findings, told = Findings(), dict[str, Any]()
    try:
        asked = parser.parse_args(arguments)
    except SystemExit as end:
        return USAGE if end.code else SOUND
    try:
        key = PublicKey.given(asked.key) if asked.key else None
        held = [witnessed(asked.checkpoint.read_text(encoding="utf-8"))] if asked.checkpoint else []
        with asked.bundle.open(encoding="utf-8", newline="\n") as lines:
            told = judge_bundle(lines, key, held, findings)
    except OSError as error:
        findings.missing.append(f"{error.filename}: {error.strerror}")
    except (Refused, UnicodeDecodeError) as error:
        findings.tampered.append(f"{error}")
    more = {"tampered": findings.tampered, "missing": findings.missing, "recovered": findings.recovered}
    result = {"verdict": findings.verdict, **told, **more}
    lines = [f"{findings.verdict}: {told.get('entries', 0)} entries, {told.get('checkpoints', 0)} checkpoints"]
    text = json.dumps(result, indent=2) if asked.as_json else "\n".join([*lines, *findings.told()])
    sys.stdout.write(f"{text}\n")
    return findings.code


if __name__ == "__main__":
    sys.exit(main())
