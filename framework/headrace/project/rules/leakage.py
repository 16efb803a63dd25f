"""Nothing that training sees could have been known only later."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.diagnostics import Diagnostic
from headrace.project.inputs import inputs
from headrace.project.scope import Scope, address_of
from headrace.spec import Model
from headrace.spec.quantity import write_duration
from headrace.spec.training import TimeSplit


def check(scope: Scope) -> Iterator[Diagnostic]:
    """The answer, the entity or the time as an input; a split whose newest training rows hold answers of the held-out time."""
    for model in scope.of(Model):
        here, section = address_of(model), model.features
        roles = {section.target.column: "target", section.entity: "entity", section.time: "time"}
        for item in inputs(scope, model):
            role = roles.get(item.column) or roles.get(item.name)
            if role is not None and item.path is not None:
                named = f"`{item.name}`" if item.name == item.column else f"`{item.name}` (column `{item.column}`)"
                message = f"{named} is the model's {role}, and cannot be its input"
                yield Diagnostic("label-leak", message, scope.where(here, item.path), help=f"remove `{item.name}` from `use`")
        split, delay = model.training.split, section.target.delay
        if isinstance(split, TimeSplit) and split.gap < delay:
            gap, needed = write_duration(split.gap), write_duration(delay)
            yield Diagnostic(
                "leaky-split",
                f"the split's gap {gap} is shorter than the answers' delay {needed}: training would see answers of the held-out time",
                scope.where(here, ("training", "split", "gap")),
                help=f"write `gap: {needed}`",
                replacement=needed,
                related=(scope.where(here, ("features", "target", "delay")),),
            )
