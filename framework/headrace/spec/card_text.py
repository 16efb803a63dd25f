"""A model card's Markdown file as its parts, and what of a text was never written: templates, placeholders, a heading alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from headrace.spec.card import BY_NAME, HEADINGS, PARTS

FRONT = ("license", "contact", "review_due")
"""The keys between the two `---` at the file's beginning."""
LETTERS = 20
"""The fewest letters and digits that say something."""
DISTINCT = 8
"""The fewest of them that differ: fewer are a key that was held down."""
FEW = 2
"""So many words cannot repeat themselves."""

_PLACEHOLDER = re.compile(
    r"\b(?:todo|tbd|tbc|tba|fixme|xxx+|lorem\s+ipsum|to\s+be\s+(?:done|decided|defined|determined|written)|coming\s+soon|work\s+in\s+progress"
    r"|fill\s+(?:this|me)\s+in|(?:insert|your|add)\s+(?:text|description)\s+here)\b"
    r"|<[^<>@:\n]*\b(?:describe|insert|fill|your|name)\b[^<>@:\n]*>|\[(?:describe|insert|fill|your|more information needed)[^\]\n]*\](?!\()"
    r"|^\W*(?:\.{3,}|…|\?{2,})\W*$|(?:\.{3}|…)\s*\Z",
    re.IGNORECASE | re.MULTILINE,
)
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")

Kind = Literal["heading", "twice", "key", "license", "date", "front", "outside"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a card's file: its kind, the line and columns (from 1, the end exclusive), and in words."""

    kind: Kind
    line: int
    start: int
    end: int
    word: str
    message: str


@dataclass(frozen=True, slots=True)
class Prose:
    """What a person wrote under one heading, and the heading's line."""

    text: str
    line: int
    begins: int
    """The line of the text's first."""


@dataclass(frozen=True, slots=True)
class Written:
    """A card's file: its parts by name, what its front says, and its faults."""

    parts: Mapping[str, Prose] = field(default_factory=dict)
    front: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Unwritten:
    """Why a text says nothing yet, and where in it: the line from 0, the columns from 1."""

    why: str
    line: int = 0
    start: int = 1
    end: int = 1


def read(text: str) -> Written:
    """The parts of a card's file. Headings of the second level are parts; what stands below one, deeper headings too, is its text."""
    lines = text.removeprefix("\ufeff").splitlines()
    front, faults, first = _front(lines)
    parts: dict[str, Prose] = {}
    for name, line, body, begins, fault in _sections(lines, first):
        if fault is not None:
            faults.append(fault)
        elif name in parts:
            message = f"`{lines[line - 1].strip()}` stands twice: in line {parts[name].line} too"
            faults.append(Fault("twice", line, 1, len(lines[line - 1]) + 1, name, message))
        elif name:
            parts[name] = Prose(body, line, begins)
    return Written(parts, front, tuple(faults))


def unwritten(name: str, text: str, others: Mapping[str, str] | None = None) -> Unwritten | None:
    """Why a part's text says nothing, or None where it says something; `others` are the texts of the other parts."""
    bare = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL).strip()
    if not bare:
        return Unwritten("nothing is written")
    asks = BY_NAME[name].asks
    if asks is not None and _folded(asks) in _folded(bare):
        return Unwritten("the template's words stand there")
    if (found := _PLACEHOLDER.search(text)) is not None:
        before = text[: found.start()]
        column = found.start() - (before.rfind("\n") + 1) + 1
        word = " ".join(found[0].split())
        return Unwritten(f"`{word[:40]}` stands there", before.count("\n"), column, column + len(found[0].splitlines()[0]))
    said = [letter for letter in bare.casefold() if letter.isalnum()]
    if len(said) < LETTERS:
        return Unwritten(f"{len(said)} letters say too little")
    if len(set(said)) < DISTINCT or _repeats(bare):
        return Unwritten("it repeats itself and says nothing")
    same = next((other for other, told in (others or {}).items() if other != name and _folded(told) == _folded(bare)), None)
    return None if same is None else Unwritten(f"the same words stand under `{BY_NAME[same].title}`")


def license_fault(expression: str) -> str | None:
    """Why a text is no SPDX licence expression; None where it is one."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        canonicalize_license_expression(expression)
    except InvalidLicenseExpression as error:
        return str(error)
    return None


def _folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _repeats(text: str) -> bool:
    """Whether the same few words come again and again; scripts that set no spaces are one word, and are judged by their letters."""
    words = re.findall(r"\w+", text.casefold())
    return len(words) > FEW and len(set(words)) * 3 <= len(words)


def _front(lines: list[str]) -> tuple[dict[str, str], list[Fault], int]:
    """What stands between the two `---`, its faults, and how many lines that is."""
    if not lines or lines[0].strip() != "---":
        return {}, [], 0
    end = next((at for at, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if end is None:
        return {}, [Fault("front", 1, 1, 4, "---", "the front that begins with `---` does not end with one")], 1
    found: dict[str, str] = {}
    faults: list[Fault] = []
    for number, line in enumerate(lines[1:end], 2):
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not line.strip() or key.startswith("#"):
            continue
        start = len(line) - len(line.lstrip()) + 1
        value = value.strip("\"'")
        if not colon or key not in FRONT:
            faults.append(Fault("key", number, start, start + len(key), key, f"`{key[:60]}` is no key of a card's front"))
        elif value:
            found[key] = value
            faults += _of_value(key, value, number, line)
    return found, faults, end + 1


def _of_value(key: str, value: str, number: int, line: str) -> Iterator[Fault]:
    start = line.index(value, line.index(":")) + 1
    if key == "license" and (why := license_fault(value)) is not None:
        yield Fault("license", number, start, start + len(value), value, f"`{value[:60]}` is no SPDX licence expression: {why}")
    if key == "review_due":
        try:
            date.fromisoformat(value)
        except ValueError:
            yield Fault("date", number, start, start + len(value), value, f"`{value[:60]}` is no day")


def _sections(lines: list[str], first: int) -> Iterator[tuple[str, int, str, int, Fault | None]]:
    """Each part's name, its heading's line, its text, and that text's first line; or the fault of a heading that is none."""
    fence = ""
    at: list[tuple[str, int, Fault | None]] = []
    stray: int | None = None
    for number, line in enumerate(lines[first:], first + 1):
        mark = _FENCE.match(line)
        if mark is not None and not fence:
            fence = mark[1]
        elif mark is not None and mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not line.strip(" " + fence[0]):
            fence = ""
        heading = None if fence else _HEADING.match(line)
        if heading is not None and len(heading[1]) == 2:  # noqa: PLR2004 - the second level
            at.append(_named(heading, number))
        elif not at and heading is None and line.strip() and stray is None:
            stray = number
    ends = [number - 1 for _, number, _ in at[1:]] + [len(lines)]
    if stray is not None:
        message = "text stands before the first heading, where it belongs to no part"
        yield "", stray, "", stray, Fault("outside", stray, 1, len(lines[stray - 1]) + 1, "", message)
    for (name, number, fault), end in zip(at, ends, strict=False):  # without a heading there is one end, and nothing that ends
        body = lines[number:end]
        while body and not body[-1].strip():
            body.pop()
        blank = next((n for n, line in enumerate(body) if line.strip()), 0)
        yield name, number, "\n".join(body[blank:]), number + blank + 1, fault


def _named(heading: re.Match[str], number: int) -> tuple[str, int, Fault | None]:
    title = heading[2]
    part = HEADINGS.get(" ".join(title.casefold().split()))
    if part is not None:
        return part.name, number, None
    start = heading.start(2) + 1
    own = next((p for p in PARTS if p.asks is None and p.title.casefold() == title.casefold()), None)
    why = "is filled from what was recorded, and nobody writes it" if own is not None else "is no part of a model card"
    return "", number, Fault("heading", number, start, start + len(title), title, f"`{title[:60]}` {why}")
