"""Expressions in values: `${var.rows}` and `${env.ROWS | 30000}`, replaced after parsing and before anything is judged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from headrace.diagnostics import Diagnostic, Report, Span
from headrace.document import FROM_SHELL, REPLACED, UNREADABLE, Entry, Node, Scalar, Sequence, inside, parse
from headrace.document import Mapping as MappingNode
from headrace.document import scalar as plain_scalar
from headrace.spec.wording import listed, nearest, short

MOST = 1024 * 1024
"""How many characters the expressions of one document may become."""

_QUOTED = re.compile(r"""\$\{([^|{}"']*)\|[ ]*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')[ ]*\}""")
_PLAIN = re.compile(r"\$\{([^|{}]*)(?:\|([^{}]*))?\}")
_VARIABLE = re.compile(r"(?<!\$)\$\{\s*var\.([A-Za-z_][A-Za-z0-9_-]*)")
_NAME = re.compile(r"(var|env)\.([A-Za-z_][A-Za-z0-9_-]*)")


def holds(text: str) -> bool:
    """Whether a text may hold an expression."""
    return "${" in text


@dataclass(frozen=True, slots=True)
class Use:
    """One expression of a scalar, and where its value came from."""

    name: str
    """`var.rows` or `env.ROWS`."""
    place: Span | None = None
    """Where the variable is given; None for the environment of the shell, and where the default was taken."""
    default: bool = False
    """Whether the default was taken."""

    @property
    def of_shell(self) -> bool:
        """Whether the environment of the shell decided it, by a value or by having none."""
        return self.name.startswith("env.")


@dataclass(frozen=True, slots=True)
class Names:
    """What an expression may name: variables with their places, and the environment of the shell."""

    variables: Mapping[str, Scalar]
    shell: Mapping[str, str]
    whole: bool = True
    """Whether all variables could be read, so that an absent one is truly absent."""


@dataclass(slots=True)
class Replacing:
    """Replaces the expressions of documents; faults go to the report, and what was used is kept by the place of its scalar."""

    names: Names
    report: Report
    uses: dict[Span, tuple[Use, ...]] = field(default_factory=dict)
    broken: bool = False
    """Whether something could not be replaced."""
    _left: int = MOST

    def document(self, node: Node, *, without: Iterable[str] = ()) -> Node:
        """A document with every expression replaced by its value; `kind`, `name` and what is left out stay as they are."""
        self.broken, self._left = False, MOST
        if not isinstance(node, MappingNode):
            return self._node(node)
        passed = {*without, *(entry.key for entry in node.entries if entry.key.startswith("x-"))}
        entries = [entry if entry.key in passed else self._entry(entry, identity=("kind", "name")) for entry in node.entries]
        return node if all(a is b for a, b in zip(entries, node.entries, strict=True)) else MappingNode(tuple(entries), node.span)

    def variables(self, node: MappingNode) -> MappingNode:
        """Variables, each replaced after those that it is made of; what is made of itself is a fault, and is worth nothing."""
        self.broken, self._left = False, MOST
        own = {entry.key: entry for entry in node.entries}
        known = dict(self.names.variables)
        self.names = Names(known, self.names.shell, self.names.whole)
        done: dict[str, Entry] = {}
        for start, first in [*own.items()]:
            trail: dict[str, Iterator[str]] = {} if start in done else {start: _made_of(first.value)}
            while trail:
                name = next(reversed(trail))
                below = next(trail[name], None)
                if below in trail:
                    self._circle([*list(trail)[list(trail).index(below) :], below], own)
                elif below is not None and below in own and below not in done:
                    trail[below] = _made_of(own[below].value)
                elif below is None:
                    del trail[name]
                    new = done[name] = self._entry(own[name], identity=())
                    if isinstance(new.value, Scalar) and (new.value.value is not None or new.value.style == UNREADABLE):
                        known[name] = new.value
        return MappingNode(tuple(done[name] for name in own), node.span)

    def _circle(self, names: list[str], own: dict[str, Entry]) -> None:
        first = names[0]
        said = [f"var.{name}" for name in names]
        path = " → ".join(said if len(said) <= _READ else [*said[:_READ], "…", said[-1]])
        self._break("reference-cycle", f"`var.{first}` is made of itself: {path}", own[first].value.span, "give one of them a value")
        value = own[names[-2]].value
        own[names[-2]] = own[names[-2]]._replace(value=Scalar(None, "", value.span, UNREADABLE))

    def _node(self, node: Node, *, identity: tuple[str, ...] = ()) -> Node:
        match node:
            case Scalar(value=str() as text):
                return self._scalar(node, text) if holds(text) else node
            case Scalar():
                return node
            case Sequence(items):
                changed = [self._node(item, identity=("id",)) for item in items]
                return node if all(a is b for a, b in zip(changed, items, strict=True)) else Sequence(tuple(changed), node.span)
            case MappingNode(entries):
                new = [self._entry(entry, identity=identity) for entry in entries]
                return node if all(a is b for a, b in zip(new, entries, strict=True)) else MappingNode(tuple(new), node.span)

    def _entry(self, entry: Entry, *, identity: tuple[str, ...]) -> Entry:
        value = entry.value
        if holds(entry.key):
            self._break("misplaced-expression", f"`{short(entry.key)}`: a key is never replaced", entry.key_span, "write the key itself")
            return entry._replace(value=Scalar(None, "", value.span, UNREADABLE))
        if entry.key in identity and isinstance(value, Scalar) and isinstance(value.value, str) and holds(value.value):
            message = f"`{entry.key}` says which thing this is, so an expression in it is never replaced"
            self._break("misplaced-expression", message, value.span, "write the value itself")
            return entry._replace(value=value._replace(value=None, style=UNREADABLE))
        new = self._node(value)
        return entry if new is value else entry._replace(value=new)

    def _break(self, id_: str, message: str, span: Span, help_: str, *, caret: str | None = None, fix: str | None = None) -> None:
        self.broken = True
        self.report.add(Diagnostic(id_, message, span, caret, help_, replacement=fix))

    def _scalar(self, node: Scalar, text: str) -> Scalar:
        parts: list[Scalar | str] = []
        used: list[Use] = []
        position, unreadable = 0, False
        while (start := text.find("${", position)) >= 0:
            if text.startswith("$", start - 1) and start > position:
                parts.append(f"{text[position : start - 1]}${{")
                position = start + 2
                continue
            match = _QUOTED.match(text, start) or _PLAIN.match(text, start)
            if match is None:
                said = text[start : start + 60]
                message = f"`{short(said)}` is no expression: its `}}` is missing, or it holds another `{{`"
                self._break("bad-expression", message, inside(node, start, len(text)), _mend(said))
                return node._replace(value=None, style=UNREADABLE)
            parts.append(text[position:start])
            found = self._value(node, match, used)
            unreadable = unreadable or found is None
            if found is not None:
                parts.append(found)
            position = match.end()
        parts.append(text[position:])
        if unreadable:
            self.broken = True
            return node._replace(value=None, style=UNREADABLE)
        return self._joined(node, [part for part in parts if part != ""], tuple(used))

    def _joined(self, node: Scalar, parts: list[Scalar | str], used: tuple[Use, ...]) -> Scalar:
        if used:
            self.uses[node.span] = used
        if len(parts) == 1 and isinstance(parts[0], Scalar):
            only = parts[0]
            from_shell = used[0].of_shell and not used[0].default
            return Scalar(only.value, only.text, node.span, FROM_SHELL if from_shell else REPLACED)
        empty = next((use for part, use in zip((p for p in parts if isinstance(p, Scalar)), used, strict=True) if part.value is None), None)
        if empty is not None:
            self._break("bad-expression", f"`{empty.name}` is nothing, and stands within text", node.span, "give it a value")
            return node._replace(value=None, style=UNREADABLE)
        texts = [part if isinstance(part, str) else part.value if isinstance(part.value, str) else part.text for part in parts]
        self._left -= sum(map(len, texts))
        if self._left < 0:
            message = f"the expressions of this document become more than {MOST:,} characters"
            if not any(d.id == "expressions-too-long" and d.message == message for d in self.report.found):
                self._break("expressions-too-long", message, node.span, "no spec needs that")
            self.broken = True
            return node._replace(value=None, style=UNREADABLE)
        joined = "".join(texts)
        return Scalar(joined, joined, node.span, REPLACED)

    def _value(self, node: Scalar, match: re.Match[str], used: list[Use]) -> Scalar | None:
        """What an expression is worth; None after a fault, and where its absence follows from one."""
        place = inside(node, match.start(), match.end())
        name = _NAME.fullmatch(match[1].strip())
        if name is None:
            self._no_name(match, place)
            return None
        known = self._known(name[1], name[2], place)
        if known is not None and known.style == UNREADABLE:
            return None  # what is wrong with it was said where it is given
        if known is not None:
            used.append(Use(name[0], known.span if name[1] == "var" else None))
            return known
        if match[2] is not None:
            used.append(Use(name[0], default=True))
            return self._default(match[2], place)
        if name[1] == "env" or self.names.whole:
            self._undefined(name, match[0], place)
        return None

    def _known(self, scope: str, name: str, place: Span) -> Scalar | None:
        if scope == "var":
            return self.names.variables.get(name)
        text = self.names.shell.get(name)
        return shell_value(text, place) if text else None

    def _default(self, text: str, place: Span) -> Scalar | None:
        aside = Report()
        found = parse(text.strip(), place.file, aside)
        if not text.strip():
            return Scalar(None, "", place)
        if aside.found or len(found) != 1 or not isinstance(found[0], Scalar):
            self._break(
                "bad-expression", f"the default `{short(text.strip())}` is no single value", place, "write one value, or text in quotes"
            )
            return None
        return found[0]._replace(span=place)

    def _no_name(self, match: re.Match[str], place: Span) -> None:
        said = match[1].strip()
        meant = f"var.{said}" if said in self.names.variables else f"env.{said}" if said in self.names.shell or said.isupper() else None
        scope = _SCOPE.fullmatch(said)
        if scope is not None:
            meant = f"{'env' if scope[1].startswith(('env', 'secret')) else 'var'}.{scope[2]}"
        meant = meant or nearest(said, [f"var.{name}" for name in self.names.variables])
        fix = match[0].replace(match[1], f"{meant} " if match[2] is not None else meant, 1) if meant and said else None
        of_shell = re.fullmatch(r"(?:env\.)?([A-Za-z_]\w*):?-(.*)", said)
        if of_shell is not None:
            fix = f"${{env.{of_shell[1]} | {of_shell[2].strip()}}}"
        self._break(
            "bad-expression",
            f"`{short(match[0])}` names nothing: an expression begins with `var.` or `env.`",
            place,
            f"write `{fix}`" if fix else "write `${var.NAME}` or `${env.NAME}`; a literal `${` is written `$${`",
            caret=f"did you mean `{meant}`?" if meant else None,
            fix=fix if place.end_column - place.column == len(match[0]) else None,
        )

    def _undefined(self, name: re.Match[str], written: str, place: Span) -> None:
        default = f"${{{name[0]} | DEFAULT}}"
        if name[1] == "env":
            meant = nearest(name[2], self.names.shell) if len(name[2]) > 2 else None  # noqa: PLR2004 - shorter is like anything
            message = f"the environment variable {name[2]} is not set"
            help_ = f"type `export {name[2]}=…`, or write `{default}`"
        else:
            meant = nearest(name[2], self.names.variables)
            message = f"there is no variable `{name[0]}`"
            there = listed(self.names.variables, "`var.{}`")
            scope = (
                f"in scope are {there}" if there else "no variables are in scope: `variables:` of the project or the environment gives some"
            )
            help_ = f"{scope}; or write `{default}`"
        fix = written.replace(name[2], meant, 1) if meant else None
        exact = place.line == place.end_line and place.end_column - place.column == len(written)
        caret = f"did you mean `{name[1]}.{meant}`?" if meant else None
        self._break("undefined-variable", message, place, help_, caret=caret, fix=fix if exact else None)


_SCOPE = re.compile(r"(vars|variables?|params?|environ|environment|env_var|secrets?)\.([A-Za-z_]\w*)")
"""What the two places of values are called elsewhere."""
_READ = 12
"""How much of a circle is told."""


def _made_of(node: Node) -> Iterator[str]:
    """The variables that a value names."""
    text = node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""
    return (match[1] for match in _VARIABLE.finditer(text))


def _mend(text: str) -> str:
    """What to write for an expression of another tool."""
    secret = re.match(r"\$\{\{\s*secrets\.(\w+)", text)
    return f"write `env:{secret[1]}`, in a field that takes a secret" if secret else "write `${var.NAME}` or `${env.NAME | DEFAULT}`"


def shell_value(text: str, place: Span) -> Scalar:
    """What a variable of the shell is worth: what its text would be without quotes in YAML; a number beyond 64 bits stays text."""
    value = plain_scalar.value(text)
    if isinstance(value, int) and not plain_scalar.LEAST <= value <= plain_scalar.GREATEST:
        value = text
    return Scalar(value, text, place)
