"""A flag serves variants that it has."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.address import Path
from headrace.diagnostics import Diagnostic
from headrace.project.rules.experiment import whole_shares
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Flag
from headrace.spec.flag import FlagRule
from headrace.spec.wording import nearest


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All flags."""
    for flag in scope.of(Flag):
        yield from _types(scope, flag)
        yield from _default(scope, flag)
        yield from _rules(scope, flag)


@question
def _types(scope: Scope, flag: Flag) -> Iterator[Diagnostic]:
    kinds = {name: _kind(value) for name, value in flag.variants.items()}
    first = next(iter(kinds.values()))
    for name, kind in kinds.items():
        if kind != first:
            message = f"variant `{name}` is a {kind}, and the one before is a {first}: code asks a flag for values of one type"
            yield Diagnostic("mixed-variants", message, scope.where(address_of(flag), ("variants", name)), help=f"write a {first}")
            return


def _kind(value: object) -> str:
    match value:
        case bool():
            return "truth value"
        case str():
            return "text"
        case _:
            return "number"


@question
def _default(scope: Scope, flag: Flag) -> Iterator[Diagnostic]:
    yield from _variant(scope, flag, ("default",), flag.default)


@question
def _rules(scope: Scope, flag: Flag) -> Iterator[Diagnostic]:
    for position, rule in enumerate(flag.rules):
        yield from _answer(scope, flag, ("rules", position), rule)
        yield from _of_variant(scope, flag, ("rules", position), rule)
        yield from _split(scope, flag, ("rules", position), rule)


@question
def _answer(scope: Scope, flag: Flag, path: Path, rule: FlagRule) -> Iterator[Diagnostic]:
    here = address_of(flag)
    if (rule.variant is None) == (rule.split is None):
        said = "has both `variant` and `split`" if rule.variant is not None else "serves nothing"
        place = scope.where(here, (*path, "split") if rule.variant is not None else path, key=True)
        yield Diagnostic("flag-rule", f"rule `{rule.id}` {said}: a rule has one answer", place, help="write `variant: NAME`")


@question
def _of_variant(scope: Scope, flag: Flag, path: Path, rule: FlagRule) -> Iterator[Diagnostic]:
    if rule.variant is not None:
        yield from _variant(scope, flag, (*path, "variant"), rule.variant)


@question
def _split(scope: Scope, flag: Flag, path: Path, rule: FlagRule) -> Iterator[Diagnostic]:
    here = address_of(flag)
    if rule.split is not None:
        yield from whole_shares(scope, here, (*path, "split"), rule.split.values())
        for name in rule.split:
            yield from _variant(scope, flag, (*path, "split", name), name, key=True)
        if flag.unit is None:
            message = f"rule `{rule.id}` deals shares, and the flag does not say by what"
            yield Diagnostic(
                "flag-rule", message, scope.where(here, (*path, "split"), key=True), help="write for example `unit: person_id`"
            )


@question
def _variant(scope: Scope, flag: Flag, path: Path, name: str, *, key: bool = False) -> Iterator[Diagnostic]:
    if name in flag.variants:
        return
    meant = nearest(name, flag.variants)
    yield Diagnostic(
        "unknown-variant",
        f"{address_of(flag)} has no variant `{name}`",
        scope.where(address_of(flag), path, key=key),
        caret=f"did you mean `{meant}`?" if meant else None,
        help=f"write `{meant}`" if meant else f"its variants are {', '.join(flag.variants)}",
        replacement=meant,
    )
