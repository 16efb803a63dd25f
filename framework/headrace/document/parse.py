"""Text to nodes in one pass over PyYAML's events: nothing is composed, constructed or expanded that was not counted first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from sys import intern
from typing import Any

import yaml

from headrace.diagnostics import Diagnostic, Report, Span
from headrace.diagnostics.edits import applied
from headrace.document import fault, further, scalar, text
from headrace.document.node import Entry, Mapping, Node, Scalar, Sequence

DEEPEST = 100
"""How deep collections may nest."""
MOST = 100_000
"""How many nodes a file may have, aliases expanded."""
_COMMA = "within `{}` and `[]` a `,` ends a value"
_SHOWN = 40
"""How much of a number a message repeats."""
_tuple: Any = tuple.__new__
"""Makes a named tuple in a third of the time that its own constructor takes; there are a hundred of them a file."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where it is there; its events are the same as the pure-Python parser's, which costs ten times as much."""


def parse(data: str | bytes, file: str, report: Report, *, loader: Any = LOADER) -> tuple[Node, ...]:  # noqa: ANN401
    """The documents of a file that could be read; faults go to the report with their places, and the text under `file`."""
    clean = text.readable(data, file, report)
    if clean is None:
        return ()
    return _parsed(clean, file, report, loader, further.MOST)


def _parsed(clean: str, file: str, report: Report, loader: Any, left: int) -> tuple[Node, ...]:  # noqa: ANN401
    builder = _Builder(file, clean, report)
    try:
        builder.read(clean, loader)
    except _TooMuchError:
        return ()
    except yaml.MarkedYAMLError as error:
        if builder.broken:  # else it follows from what was said of this document already
            return tuple(builder.documents)
        found = fault.syntax(error, clean, file, flow=builder.in_flow)
        report.add(found)
        by = further.past(found) if left else None
        if by is None:
            return tuple(builder.documents)
        return _past(clean, file, report, loader, left, by)
    return tuple(builder.documents) if text.tabs(clean, file, builder.quoted, report) else ()


def _past(clean: str, file: str, report: Report, loader: Any, left: int, by: further.Past) -> tuple[Node, ...]:  # noqa: ANN401, PLR0917
    """The documents of a text read past a fault, and the faults that follow it."""
    aside = Report()
    changed = _parsed(applied(clean, [by.edit]), file, aside, loader, left - 1)
    told = {(found.id, found.span) for found in report.found}
    report.extend(found for found in further.faults(aside.found, by) if (found.id, found.span) not in told)
    return further.nodes(changed, by)


class _TooMuchError(Exception):
    """A limit was passed; the fault is in the report."""


@dataclass(slots=True)
class _Open:
    """A collection that is not closed yet."""

    event: Any
    mapping: bool
    before: int
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    merged: list[Mapping] = field(default_factory=list)
    key: Scalar | None = None
    height: int = 1


@dataclass(slots=True)
class _Builder:
    file: str
    text: str
    report: Report
    documents: list[Node] = field(default_factory=list)
    quoted: list[Scalar] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Node, int, int]] = field(default_factory=dict)
    total: int = 0
    broken: bool = False
    quiet: tuple[int, int] = (0, 0)
    """Up to where (line, column) an unquoted expression was already named."""

    def read(self, clean: str, loader: Any) -> None:  # noqa: ANN401
        """Every event of a text: as `yaml.parse`, without asking before each whether there is one."""
        source = loader(clean)
        following = source.get_event
        try:
            while True:
                event = following()
                kind = type(event)
                if kind is yaml.ScalarEvent and self.stack and event.tag is None and event.anchor is None:
                    self._word(event)
                elif kind is yaml.StreamEndEvent:
                    return
                else:
                    self.take(event)
        finally:
            source.dispose()

    def _word(self, event: Any) -> None:  # noqa: ANN401
        """A scalar without tag or anchor within a collection, as `take` would take it: two events of three are one."""
        top, written, start, end = self.stack[-1], intern(event.value), event.start_mark, event.end_mark
        style, at_key = event.style or "", top.mapping and top.key is None
        # A key is always text: what value it would be is not asked.
        value = written if style or at_key else scalar.value(written)
        large = type(value) is int and not scalar.LEAST <= value <= scalar.GREATEST
        if large or "(" in written or ")" in written or self.total >= MOST:
            self.take(event)
            return
        self.total += 1
        span = _tuple(Span, (self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1))
        node: Scalar = _tuple(Scalar, (value, written, span, style))
        if style:
            self.quoted.append(node)
        if at_key:
            top.key = node
        elif top.key is None:
            top.items.append(node)
        else:
            key, top.key = top.key, None
            self._value(top, key, node)

    def take(self, event: Any) -> None:  # noqa: ANN401
        # By its exact type, the most frequent first: a match of classes asks each of them in turn, for every word of every file.
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._count(event, 1)
            if event.tag is not None:
                self._tag(event)
            node = self._scalar(event)
            if node.style:
                self.quoted.append(node)
            self._put(node, 0, 1, event.anchor)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._open(event, mapping=kind is yaml.MappingStartEvent)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._close(event)
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent:
            self.anchors, self.broken = {}, False
            if event.version or event.tags:
                self._break("yaml-directive", "a `%` line has no place in a spec", self._span(event), "remove the line")

    def _span(self, event: Any) -> Span:  # noqa: ANN401
        start, end = event.start_mark, event.end_mark
        span: Span = _tuple(Span, (self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1))
        return span

    def _break(self, id_: str, message: str, span: Span, help_: str) -> None:
        """A fault after which the rest is read, but this document is not used."""
        self.broken = True
        self.report.add(Diagnostic(id_, message, span, help=help_))

    def _count(self, event: Any, nodes: int) -> None:  # noqa: ANN401
        self.total += nodes
        if self.total > MOST:
            message = f"{self.file} has more than {MOST:,} values once its aliases are expanded"
            self.report.add(Diagnostic("too-many-nodes", message, self._span(event), help="split the file, or write fewer aliases"))
            raise _TooMuchError

    def _too_deep(self, event: Any) -> None:  # noqa: ANN401
        self.report.add(
            Diagnostic("too-deep", f"collections nest deeper than {DEEPEST} levels", self._span(event), help="no spec needs that")
        )
        raise _TooMuchError

    def _tag(self, event: Any) -> None:  # noqa: ANN401
        span = self._span(event)
        if event.tag.startswith("!"):
            self.broken = True
            self.report.add(fault.unquoted(self.text, self.file, span.line, span.column, "`!` begins a tag in YAML", flow=self.in_flow))
        else:
            name = event.tag.removeprefix("tag:yaml.org,2002:")
            self._break("yaml-tag", f"the tag `!!{name[:60]}` is refused: a field says what its value is", span, "remove the tag")

    def _scalar(self, event: Any) -> Scalar:  # noqa: ANN401
        # The same words stand in every file: they are kept once.
        style, span, written = event.style or "", self._span(event), intern(event.value)
        value = written if style else scalar.value(written)
        node: Scalar = _tuple(Scalar, (value, written, span, style))
        if type(value) is int and not scalar.LEAST <= value <= scalar.GREATEST and not self._at_key():
            said = written if len(written) <= _SHOWN else f"{written[:_SHOWN]}…"
            self._break("integer-too-large", f"{said} has more than 64 bits", span, "write a smaller one; if it is text, put it in quotes")
        if style or written.count("(") == written.count(")") or not self.in_flow:
            return node
        place = (span.line, span.column)
        if place >= self.quiet:
            self.broken = True
            found = fault.unquoted(self.text, self.file, span.line, span.column, _COMMA, flow=True)
            self.report.add(found)
            self.quiet = (found.span.line, found.span.end_column) if found.span else place
        return node

    @property
    def in_flow(self) -> bool:
        """Whether what comes next stands in `{}` or `[]`."""
        return bool(self.stack) and bool(self.stack[-1].event.flow_style)

    def _at_key(self) -> bool:
        """Whether what comes next is a key, which is always text."""
        return bool(self.stack) and self.stack[-1].mapping and self.stack[-1].key is None

    def _open(self, event: Any, *, mapping: bool) -> None:  # noqa: ANN401
        self._count(event, 1)
        if event.tag is not None:
            self._tag(event)
        if len(self.stack) >= DEEPEST:
            self._too_deep(event)
        self.stack.append(_Open(event, mapping, self.total - 1))

    def _close(self, event: Any) -> None:  # noqa: ANN401
        top = self.stack.pop()
        opened, closed = top.event.start_mark, event.end_mark
        start, end = (opened.line + 1, opened.column + 1), (closed.line + 1, closed.column + 1)
        if not top.event.flow_style:
            # A block ends, for YAML, where the next thing begins; for a reader, where its last child ends.
            last = top.entries[next(reversed(top.entries))].value if top.entries else top.items[-1] if top.items else None
            closed = top.event.end_mark
            end = (last.span.end_line, last.span.end_column) if last else (closed.line + 1, closed.column + 1)
        place: Span = _tuple(Span, (self.file, *start, *max(end, start)))
        node: Node
        if top.mapping:
            for source in top.merged:
                for entry in source.entries:
                    top.entries.setdefault(entry.key, entry)
            node = _tuple(Mapping, (tuple(top.entries.values()), place))
        else:
            node = _tuple(Sequence, (tuple(top.items), place))
        self._put(node, top.height, self.total - top.before, top.event.anchor)

    def _alias(self, event: Any) -> None:  # noqa: ANN401
        if event.anchor not in self.anchors:
            message = f"no anchor `&{event.anchor}` stands before this alias"
            self._break("unknown-anchor", message, self._span(event), f'if it is text, write "*{event.anchor}"')
            self._count(event, 1)
            self._put(Scalar(None, "", self._span(event)), 0, 1, None)
            return
        node, height, size = self.anchors[event.anchor]
        if len(self.stack) + height > DEEPEST:
            self._too_deep(event)
        self._count(event, size)
        self._put(node, height, size, None)

    def _put(self, node: Node, height: int, size: int, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = (node, height, size)
        if not self.stack:
            if not self.broken and not (isinstance(node, Scalar) and node.text == "" and not node.style):
                self.documents.append(node)
            return
        top = self.stack[-1]
        if height >= top.height:
            top.height = height + 1
        if not top.mapping:
            top.items.append(node)
        elif top.key is None:
            self._key(top, node)
        else:
            key, top.key = top.key, None
            self._value(top, key, node)

    def _key(self, top: _Open, node: Node) -> None:
        if isinstance(node, Scalar):
            top.key = node
            return
        inner = node.entries[0].key if isinstance(node, Mapping) and len(node.entries) == 1 else ""
        shell = re.fullmatch(r"(?:env|secrets|vars)\.(\w+)", inner)
        mend = "if this is `${…}` or a template, put it in quotes"
        if shell is not None:
            mend = f'write `env:{shell[1]}` where it is a secret, and "${{env.{shell[1]}}}" where it is none'
        self._break("yaml-key", "a key is a word, not a list or a mapping", node.span, mend)
        top.key = Scalar(None, "", node.span)

    def _value(self, top: _Open, key: Scalar, node: Node) -> None:
        if key.text == "<<" and not key.style:
            self._merge(top, key, node)
            return
        if key.text in top.entries:
            first = top.entries[key.text].key_span
            message = f"`{key.text}` stands twice: in line {first.line} and in line {key.span.line}"
            self.report.add(Diagnostic("duplicate-key", message, key.span, help="remove one of them", related=(first,)))
            return
        top.entries[key.text] = _tuple(Entry, (key.text, key.span, node))

    def _merge(self, top: _Open, key: Scalar, node: Node) -> None:
        sources = node.items if isinstance(node, Sequence) else (node,)
        for source in sources:
            if isinstance(source, Mapping):
                top.merged.append(source)
            else:
                self._break("yaml-merge", "`<<` merges mappings, and this is none", key.span, "write `<<: *ANCHOR` of a mapping")
                return


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it."""
    yield node
    match node:
        case Sequence(items):
            for item in items:
                yield from walk(item)
        case Mapping(entries):
            for entry in entries:
                yield from walk(entry.value)
        case Scalar():
            pass
