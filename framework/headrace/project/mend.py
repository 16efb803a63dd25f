"""Faults that can only be mended in one way, mended in the text: what is not part of the fault stays as it was written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headrace.diagnostics import Diagnostic, Edit, Report, render
from headrace.diagnostics.edits import apart, applied
from headrace.document import parse
from headrace.hooks import Plugins
from headrace.project.load import judge
from headrace.spec.decode import decode
from headrace.spec.wording import guessing

ROUNDS = 20
"""How often what a change has uncovered is looked at again."""
_MARK = b"\xef\xbb\xbf"
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mended:
    """What would be written, what it mends, and what it leaves."""

    before: dict[str, bytes]
    """Each changed file as it was read."""
    after: dict[str, bytes]
    """Each changed file as it would be."""
    mended: tuple[Diagnostic, ...]
    left: Report
    secrets: frozenset[str] = frozenset()
    """What was found to be a secret, before or after."""


@dataclass(slots=True)
class _Work:
    root: Path
    environment: str | None
    plugins: Plugins | None
    files: frozenset[str] | None
    before: dict[str, bytes] = field(default_factory=dict)
    now: dict[str, bytes] = field(default_factory=dict)
    refused: set[tuple[object, ...]] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)

    def look(self) -> Report:
        report = Report()
        judge(self.root, report, self.environment, plugins=self.plugins, instead=self.now)
        self.secrets |= render.secrets(report)
        return report

    def content(self, file: str) -> bytes:
        if file not in self.before:
            self.before[file] = self.now[file] = (self.root / file).read_bytes()
        return self.now[file]

    def text(self, file: str) -> str:
        return self.content(file).removeprefix(_MARK).decode("utf-8", "replace")


def mend(root: Path, environment: str | None = None, *, plugins: Plugins | None = None, files: frozenset[str] | None = None) -> Mended:
    """Mend what can be mended in the specs of a folder, or in some of its files; nothing is written.

    A change is taken only where its fault is gone, no other has come, and no comment is lost.
    """
    work, mended = _Work(root, environment, plugins, files), []
    report = work.look()
    for _ in range(ROUNDS):
        was = dict(work.now)
        done = _round(work, report)
        if not done:
            break
        seen = work.look()
        kept = _kept(work, done, report, seen, was)
        mended += kept
        report = seen if len(kept) == len(done) else work.look()
    changed = {file: text for file, text in work.now.items() if text != work.before[file]}
    return Mended({file: work.before[file] for file in changed}, changed, tuple(mended), report, frozenset(work.secrets))


def _kept(work: _Work, done: list[Diagnostic], before: Report, after: Report, was: Mapping[str, bytes]) -> list[Diagnostic]:
    """Those changes whose faults are gone from the whole; the files of the others are as they were."""
    old, new = (Counter(_said(d) for d in report) for report in (before, after))
    files = {d.change[0].span.file for d in done if new[_said(d)] >= old[_said(d)]}
    for file in files:
        work.now[file] = was.get(file, work.before[file])
    work.refused |= {_key(d) for d in done if d.change[0].span.file in files}
    return [d for d in done if d.change[0].span.file not in files]


def _said(diagnostic: Diagnostic) -> tuple[str, str, str]:
    return diagnostic.id, diagnostic.message, diagnostic.span.file if diagnostic.span is not None else ""


def _round(work: _Work, report: Report) -> list[Diagnostic]:
    """All changes that do not touch one another, file by file; one at a time where together they would do harm."""
    wanted: dict[str, list[Diagnostic]] = {}
    for diagnostic in report:
        file = _file(diagnostic.change) if diagnostic.certain and _key(diagnostic) not in work.refused else None
        if file in report.texts and (work.files is None or file in work.files):
            wanted.setdefault(file, []).append(diagnostic)
    return [done for file, found in wanted.items() if work.text(file) == report.texts[file] for done in _mend(work, file, found)]


def _mend(work: _Work, file: str, found: list[Diagnostic]) -> list[Diagnostic]:
    taken = apart(dict.fromkeys(d.change for d in found))
    together = [d for d in found if d.change in taken]
    before = work.content(file)
    if not _better(file, before, _written(before, together), together):
        kept: list[Diagnostic] = []
        for diagnostic in together:
            tried = [*kept, diagnostic]
            if _better(file, before, _written(before, tried), tried):
                kept = tried
            else:
                work.refused.add(_key(diagnostic))
        together = kept
    work.now[file] = _written(before, together)
    return together


def _file(change: tuple[Edit, ...]) -> str | None:
    files = {edit.span.file for edit in change}
    return files.pop() if len(files) == 1 else None


def _key(diagnostic: Diagnostic) -> tuple[object, ...]:
    return diagnostic.id, diagnostic.message, diagnostic.change


def _written(content: bytes, batch: list[Diagnostic]) -> bytes:
    mark = _MARK if content.startswith(_MARK) else b""
    text = content.removeprefix(_MARK).decode("utf-8")
    return mark + applied(text, {edit for d in batch for edit in d.change}).encode("utf-8")


def _better(file: str, before: bytes, after: bytes, batch: list[Diagnostic]) -> bool:
    """Whether a change mends its faults, and YAML reads the file as well as before, judged by the file alone."""
    old, new = _state(file, before), _state(file, after)
    if new.comments != old.comments or (new.syntax and new.first <= old.first):
        return False
    if old.syntax:
        return new.first > old.first
    if new.documents < old.documents:
        return False
    named = Counter((d.id, d.message) for d in batch if (d.id, d.message) in old.faults)
    # What was hidden below a wrong key or tag may come to light now; what was mended is gone, and nothing stands twice that did not.
    return all(new.faults[said] <= old.faults[said] - count for said, count in named.items()) and _twice(new) <= _twice(old)


def _twice(state: _State) -> int:
    return sum(count for (id_, _), count in state.faults.items() if id_ == "duplicate-key")


@dataclass(frozen=True, slots=True)
class _State:
    syntax: bool
    first: tuple[int, int]
    """Where reading the text stopped; beyond all text where it did not."""
    documents: int
    faults: Counter[tuple[str, str]]
    comments: Counter[str]


def _state(file: str, content: bytes) -> _State:
    report = Report()
    documents = parse(content, file, report)
    syntax = [d.span for d in report if d.span is not None and d.id != "duplicate-key"]
    with guessing():
        for node in documents:
            decode(node, report)
    faults = Counter((d.id, d.message) for d in report.found)
    first = min(((span.line, span.column) for span in syntax), default=(1 << 62, 0))
    comments = Counter(found.rstrip() for found in _COMMENT.findall(content.decode("utf-8", "replace")))
    return _State(bool(syntax), first, len(documents), faults, comments)
