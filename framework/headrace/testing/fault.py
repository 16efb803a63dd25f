"""One broken promise of a plugin, and how checks are carried out without one's failure hiding the next."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from headrace.hooks import AXES, Item, Origin, resolve
from headrace.hooks.fault import PluginFault
from headrace.hooks.judge import items
from headrace.spec.params import read_params
from headrace.spec.place import keys


@dataclass(frozen=True, slots=True)
class Broken:
    """One promise that a plugin does not keep: the check's word, and what was found."""

    check: str
    says: str

    def __str__(self) -> str:
        return f"{self.check}: {self.says}"


class Unmet(Exception):  # noqa: N818 - a finding, raised to leave a check early
    """What a check found."""


@dataclass(slots=True)
class Checks:
    """Findings of one plugin, check by check."""

    broken: list[Broken] = field(default_factory=list)

    def run(self, check: str, body: Callable[[], Iterator[str]]) -> None:
        """Carry out one check: each text that it gives is a broken promise, and so is whatever is raised."""
        try:
            self.broken.extend(Broken(check, says) for says in body())
        except Unmet as error:
            self.broken.append(Broken(check, str(error)))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            self.broken.append(Broken(check, f"it raised {type(error).__name__}: {error}"))


def registered(item: Item) -> Broken | None:
    """What is said of an item when it is registered: types, words, references, signatures."""
    axis = next(axis for axis in AXES if isinstance(item, axis.kind))
    try:
        items([item], axis, Origin("this plugin", "project"))
    except PluginFault as error:
        return Broken("registration", str(error))
    return None


def function(item: Any, part: str) -> Callable[..., Any]:  # noqa: ANN401 - one that names its implementation by a string
    """The implementation; Unmet where it cannot be imported or is no function."""
    reference = getattr(item, part)
    try:
        found = resolve(reference)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module may raise anything
        raise Unmet(f"`{part}` is `{reference}`, which cannot be imported: {type(error).__name__}: {error}") from None
    if not callable(found):
        raise Unmet(f"`{part}` is `{reference}`, which is no function but {type(found).__name__}")
    if inspect.iscoroutinefunction(found):
        raise Unmet(f"`{part}` is `{reference}`, which is async")
    return found  # type: ignore[no-any-return]


def params_model(item: Any) -> type[BaseModel]:  # noqa: ANN401 - one with parameters
    """The pydantic model of an item's parameters; Unmet where it is none."""
    try:
        found = resolve(item.params)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module may raise anything
        raise Unmet(f"`params` is `{item.params}`, which cannot be imported: {type(error).__name__}: {error}") from None
    if not isinstance(found, type) or not issubclass(found, BaseModel):
        raise Unmet(f"`params` is `{item.params}`, which is no pydantic model")
    return found


def params_are_closed(item: Any) -> Iterator[str]:  # noqa: ANN401 - one with parameters
    """A misspelt parameter must be refused, each must be described, and none may change afterwards."""
    model = params_model(item)
    if model.model_config.get("extra") != "forbid":
        yield 'a parameter that does not exist is accepted: write `model_config = ConfigDict(extra="forbid", frozen=True, strict=True)`'
    if not model.model_config.get("frozen"):
        yield "its parameters can be changed afterwards: write `frozen=True` in its `model_config`"
    if lacking := sorted(name for name, found in model.model_fields.items() if not found.description):
        yield f"nothing says what `{'`, `'.join(lacking)}` is: write `Field(description=…)`"


def examples(item: Any) -> dict[str, Any]:  # noqa: ANN401 - one with parameters
    """The first example of each parameter that has no default."""
    return {key: info.examples[0] for key, info in keys(params_model(item)).items() if info.is_required() and info.examples}


def settings(item: Any, params: Mapping[str, Any] | None) -> dict[str, Any]:  # noqa: ANN401 - one with parameters
    """Parameters to try an item with: those given, or the first examples of the fields that have no default; Unmet where they do not do."""
    model = params_model(item)
    given = dict(examples(item) if params is None else params)
    try:
        read_params(model, given)
    except ValueError as error:
        raise Unmet(f"`params` have neither defaults nor `examples` that do, so give `params`: {error}") from None
    return given


def tried(item: Item, body: Callable[[Checks], None]) -> list[Broken]:
    """All that is wrong with an item: how it is registered, then what checks find; what cannot be imported ends them."""
    if (wrong := registered(item)) is not None:
        return [wrong]
    checks = Checks()
    try:
        body(checks)
    except Unmet as error:
        return [*checks.broken, Broken("params" if "`params`" in str(error) else "import", str(error))]
    return checks.broken
