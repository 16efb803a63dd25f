"""What a project asks for that nothing runs by yet: said by `validate`, refused by all that would run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from headrace.address import Address
from headrace.diagnostics import Diagnostic, Report, Severity
from headrace.project.project import Project
from headrace.project.scope import Scope, question
from headrace.spec import AnyKind
from headrace.spec.later import written

_INSTEAD = {
    "kind: ensemble": "write the members into one model, under `algorithm: ensemble.voting_classifier` or `ensemble.stacking_classifier`"
}
"""What does the same today, by the word."""


def check(scope: Scope) -> Iterator[Diagnostic]:
    """One note a word, in the order of the files."""
    yield from scope.once(_all)


def _all(scope: Scope) -> tuple[Diagnostic, ...]:
    return tuple(_notes(scope))


@question
def _notes(scope: Scope) -> Iterator[Diagnostic]:
    for address, spec in sorted(scope.specs.items(), key=lambda item: item[0]):
        yield from _written(scope, address, spec)


@question
def _written(scope: Scope, address: Address, spec: AnyKind) -> Iterator[Diagnostic]:
    for later in written(spec):
        what = f"`{later.word}` is a word of the language that nothing runs by yet"
        if later.path == ("kind",):
            mend = _INSTEAD.get(later.word, "remove the document") + ", or keep it for `headrace validate` alone"
        elif later.value:
            mend = "write another value, or keep this one for `headrace validate` alone"
        else:
            mend = f"remove `{later.word}`, or keep it for `headrace validate` alone"
        place = scope.where(address, later.path, key=not later.value)
        yield Diagnostic("not-yet-supported", what, place, help=mend, severity=Severity.NOTE)


def unsupported(project: Project) -> Report:
    """The same as errors: with one of them, nothing may be compiled, planned, applied or run."""
    return Report([replace(found, severity=Severity.ERROR) for found in project.scope.once(_all)])
