"""What a partial plan may touch, and which words it was made by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from headrace.address import Address
from headrace.compiled import OF_PROJECT
from headrace.plan.change import Selection
from headrace.plan.wanted import Observed, Wanted
from headrace.spec import AnyKind, FeatureView, Model

WHOLE = frozenset(f"flows/{file}" for file in OF_PROJECT)
"""The compiled files that are of the whole project: every process may read them, so they always fit what was applied."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The addresses that a selection fits, and what they drag along.

    `reached` are models whose compiled files follow from something selected, and what was moved: half a rename would fit nothing.
    """

    selection: Selection
    addresses: frozenset[str]
    reached: frozenset[str] = frozenset()
    kept: Mapping[str, str] = field(default_factory=dict)
    """What was selected and left the files, but cannot go yet, with what stands in the way."""
    strangers: bool = False
    """Whether the project itself was selected, and with it what nobody asked for."""
    known: frozenset[str] = frozenset()
    """Every address there is or was."""

    def touches(self, address: str) -> bool:
        """Whether something may be done to an address."""
        return address in self.addresses or address in self.reached

    def file(self, path: str) -> bool:
        """Whether a compiled file may be written or deleted."""
        return path in WHOLE or any(is_of(path, address) for address in self.addresses | self.reached)

    def model(self, name: str) -> bool:
        """Whether what Prefect holds of a model may be touched."""
        address = f"model/{name}"
        return self.touches(address) or (self.strangers and address not in self.known)

    def wanted(self, all_: Wanted) -> Wanted:
        """The part of what Prefect should hold that may be touched."""
        return Wanted(
            {name: one for name, one in all_.deployments.items() if self.model(one.model)},
            {name: one for name, one in all_.automations.items() if self.model(one.model)},
        )

    def observed(self, all_: Observed) -> Observed:
        """The part of what Prefect holds that may be touched; the work pool is everybody's."""
        return replace(
            all_,
            deployments={name: one for name, one in all_.deployments.items() if self.model(one.model)},
            automations={name: one for name, one in all_.automations.items() if self.model(_model(name, one.model))},
        )


def _model(automation: str, model: str) -> str:
    """The model of an automation; one whose deployment is gone says it by its name, `headrace:PROJECT:MODEL:FLOW`."""
    parts = automation.split(":")
    return model or (parts[2] if len(parts) == 4 else "")  # noqa: PLR2004 - the four parts of the name


def is_of(path: str, address: str) -> bool:
    """Whether a compiled file is one of a model's own."""
    kind, _, model = address.partition("/")
    return kind == "model" and model_of(path) == key_of(model)


def model_of(path: str) -> str:
    """The model that a compiled file is named after, as `key_of` says it."""
    return key_of(PurePosixPath(path).name.split(".", 1)[0])


def key_of(model: str) -> str:
    """A model's name where `-` and `_` are one, as they are in the names of modules."""
    return model.replace("-", "_")


def uses(model: Model, specs: Mapping[Address, AnyKind]) -> Iterator[str]:
    """The addresses whose data a model is trained on."""
    yield model.features.rows
    for view in model.features.use:
        address = Address("feature_view", view)
        yield str(address)
        spec = specs.get(address)
        if isinstance(spec, FeatureView):
            yield spec.from_
