"""A project: valid specs of a folder, with references that resolve and one environment chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TypeVar

from headrace import spec
from headrace.address import Address, Path
from headrace.diagnostics import Span
from headrace.hooks import Plugins
from headrace.project.inputs import ModelInput, inputs
from headrace.project.origin import Origin, Origins
from headrace.project.scope import Scope
from headrace.spec import Model
from headrace.spec.value import Use

S = TypeVar("S", bound=spec.Spec)


@dataclass(frozen=True, slots=True)
class Project:
    """All that a folder declares. Equal where the specs are, wherever they stand and however they are written."""

    root: FilePath = field(compare=False)
    project: spec.Project
    environment: spec.Environment
    scope: Scope = field(compare=False, repr=False)
    specs: dict[Address, spec.AnyKind]
    """Those of the chosen environment: overlays are merged, and other environments are left out."""
    origins: Origins = field(default_factory=Origins, compare=False, repr=False)

    @property
    def plugins(self) -> Plugins:
        """What the project's plugins add."""
        if self.scope.plugins is None:
            raise AssertionError("a project is made with its plugins")
        return self.scope.plugins

    @property
    def models(self) -> tuple[spec.Model, ...]:
        """The models, by name."""
        return self.scope.of(spec.Model)

    @property
    def sources(self) -> tuple[spec.Source, ...]:
        """The sources, by name."""
        return self.scope.of(spec.Source)

    @property
    def feature_views(self) -> tuple[spec.FeatureView, ...]:
        """The feature views, by name."""
        return self.scope.of(spec.FeatureView)

    @property
    def channels(self) -> tuple[spec.Channel, ...]:
        """The channels, by name."""
        return self.scope.of(spec.Channel)

    @property
    def backtests(self) -> tuple[spec.Backtest, ...]:
        """The backtests, by name."""
        return self.scope.of(spec.Backtest)

    @property
    def environments(self) -> tuple[spec.Environment, ...]:
        """The declared environments, by name."""
        return self.scope.of(spec.Environment)

    def get(self, kind: type[S], address: Address | str) -> S:
        """One spec by `kind/name`; KeyError where there is none."""
        found = self.scope.get(kind, address)
        if found is None:
            raise KeyError(str(address))
        return found

    def inputs(self, model: spec.Model) -> tuple[ModelInput, ...]:
        """A model's inputs in the order of its matrix."""
        return inputs(self.scope, model)

    def where(self, address: Address, path: Path = (), *, key: bool = False) -> Span:
        """Where a part of a spec stands in the files: its value, or its key; the nearest part that is written, for a default."""
        return self.scope.where(address, path, key=key)

    def origin(self, address: Address, path: Path = ()) -> Origin:
        """Where a value came from: a line, an overlay, a variable, the shell, or a default."""
        found, spec = self.origins.of(self.scope, address, path), self.specs[address]
        if found.place is None and path[:2] == ("rollout", "steps") and isinstance(spec, Model) and spec.rollout is not None:
            return Origin(given=spec.rollout.strategy)
        if found.place is None and address.kind == "feature_view" and path[2:] == ("where",):
            by = (*path[:2], "by")
            return Origin(self.where(address, by)) if self.scope.node(address, by) is not None else found
        return found

    def from_shell(self, address: Address) -> tuple[tuple[Path, tuple[Use, ...]], ...]:
        """The values of a document that the environment of the shell decided (`${env.NAME}`), each with its path."""
        return tuple(self.origins.from_shell(self.scope, address))
