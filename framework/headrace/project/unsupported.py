"""What a project asks for that nothing runs by yet: said by `validate`, refused by all that would run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from headrace.address import Address
from headrace.diagnostics import Diagnostic, Report, Severity
from headrace.project.project import Project
from headrace.project.scope import Scope, address_of
from headrace.spec import FeatureView, Model
from headrace.spec.later import written


def check(scope: Scope) -> Iterator[Diagnostic]:
    """One note a word, in the order of the files."""
    for address, spec in sorted(scope.specs.items(), key=lambda item: item[0]):
        for later in written(spec):
            what = f"`{later.word}` is a word of the language that nothing runs by yet"
            if later.path == ("kind",):
                mend = "remove the document, or keep it for `headrace validate` alone"
            elif later.value:
                mend = "write another value, or keep this one for `headrace validate` alone"
            else:
                mend = f"remove `{later.word}`, or keep it for `headrace validate` alone"
            place = scope.where(address, later.path, key=not later.value)
            yield Diagnostic("not-yet-supported", what, place, help=mend, severity=Severity.NOTE)
    for model in scope.of(Model):
        yield from _joins(scope, model)


def unsupported(project: Project) -> Report:
    """The same as errors: with one of them, nothing may be compiled, planned, applied or run."""
    return Report([replace(found, severity=Severity.ERROR) for found in check(project.scope)])


def _joins(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    for name in model.features.use:
        view = scope.get(FeatureView, Address("feature_view", name))
        ours = (model.features.entity, model.features.time)
        if view is None or view.from_ == model.features.rows or (view.entity, view.time) != ours:
            continue
        rows = model.features.rows
        message = f"{address_of(view)} reads {view.from_}, and the model's rows come from {rows}: nothing joins the two yet"
        place = scope.where(address_of(model), ("features", "use", name), key=True)
        mend = f"write `from: {rows}` in a view of these rows, or keep it for `headrace validate` alone"
        related = (scope.where(address_of(view), ("from",)),)
        yield Diagnostic("not-yet-supported", message, place, help=mend, severity=Severity.NOTE, related=related)
