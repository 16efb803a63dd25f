"""How an algorithm is called for a model, and how one that is made of others reaches them: those that its parameters name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from headrace.address import Path
from headrace.hooks.contracts import Algorithm, resolve
from headrace.hooks.inert import refuse_code
from headrace.hooks.own import findable
from headrace.hooks.plugins import Plugins
from headrace.hooks.values import Predictor, Signature
from headrace.hooks.watch import Watch
from headrace.spec.name import Registered
from headrace.spec.params import read_params
from headrace.spec.place import metadata

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Folds = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """An algorithm that is named with its parameters, and where in those of another: the path is empty for the outermost."""

    algorithm: str
    params: Mapping[str, Any] = field(default_factory=dict)
    path: Path = ()


def named(settings: BaseModel) -> Iterator[Chosen]:
    """The algorithms that parameters name, in their order."""
    yield from _within(settings, ())


def _within(value: Any, path: Path) -> Iterator[Chosen]:  # noqa: ANN401 - whatever a model holds
    match value:
        case BaseModel():
            for name, info in type(value).model_fields.items():
                held = getattr(value, name)
                if any(isinstance(mark, Registered) and mark == "algorithms" for mark in metadata(info.annotation, info)):
                    yield Chosen(held, dict(getattr(value, "params", {})), path)
                else:
                    yield from _within(held, (*path, info.alias or name))
        case tuple() | list():
            for position, item in enumerate(value):
                yield from _within(item, (*path, position))
        case _:
            return


def everything(plugins: Plugins, algorithm: str, params: Mapping[str, Any]) -> Iterator[Chosen]:
    """An algorithm and those that it is made of; of parameters that it does not take, itself alone."""
    yield Chosen(algorithm, params)
    known = plugins.algorithms.get(algorithm)
    if known is not None and known.components is not None:
        try:
            settings = read_params(resolve(known.params), params)
        except ValidationError:
            return
        yield from named(settings)


def modules(plugins: Plugins, algorithm: str, params: Mapping[str, Any]) -> list[str]:
    """The modules whose code makes the model: of the algorithms, and those of the user's own that they call."""
    findable(plugins.root)
    found: list[str] = []
    for item in everything(plugins, algorithm, params):
        known = plugins.algorithms.get(item.algorithm)
        found += [known.fit] if known is not None else []
        found += [str(item.params.get("python"))] if known is not None and known.python else []
    return [reference.partition(":")[0] for reference in found]


def fitted(  # noqa: PLR0917 - what `fit` of a contract is given
    plugins: Plugins,
    algorithm: Algorithm,
    matrix: NDArray[np.float64],
    target: NDArray[np.float64],
    signature: Signature,
    params: BaseModel,
    seed: int,
    *,
    watch: Watch | None = None,
    folds: Folds = (),
    group: NDArray[np.int64] | None = None,
) -> Predictor:
    """Call `fit` with what this algorithm takes; whatever it raises."""
    keywords: dict[str, Any] = {"signature": signature, "params": params, "seed": seed}
    if algorithm.watched:
        keywords["watch"] = watch
    if algorithm.components is not None:
        keywords["algorithms"] = Others(plugins)
    if algorithm.folds:
        keywords["folds"] = folds
    if algorithm.task == "ranking":
        keywords["group"] = group
    if algorithm.python:
        findable(plugins.root)
    model: Predictor = resolve(algorithm.fit)(matrix, target, **keywords)
    return model


def loaded(plugins: Plugins, algorithm: Algorithm, data: bytes, *, signature: Signature) -> Predictor:
    """Call `load` with what this algorithm takes; whatever it raises, and HeadraceError `unsafe-format` before it is called.

    What the environment lets in by name is read; the parts of an ensemble are not, since nothing says where each of them came from.
    """
    if algorithm.format not in plugins.unsafe:
        refuse_code(data, f"the model of `{algorithm.name}`")
    others = Others(replace(plugins, unsafe=frozenset()))
    keywords: dict[str, Any] = {"algorithms": others} if algorithm.components is not None else {}
    if algorithm.python:
        findable(plugins.root)
    model: Predictor = resolve(algorithm.load)(data, signature=signature, **keywords)
    return model


@dataclass(frozen=True, slots=True)
class Others:
    """The registered algorithms, as `Algorithms` promises them; one that is made of others itself is not among them."""

    plugins: Plugins

    def task(self, algorithm: str) -> str:
        """What it answers."""
        return self._known(algorithm).task

    def fit(
        self,
        algorithm: str,
        params: Mapping[str, Any],
        matrix: NDArray[np.float64],
        target: NDArray[np.float64],
        *,
        signature: Signature,
        seed: int,
    ) -> Predictor:
        """Train on (n, k) and (n,)."""
        known = self._known(algorithm)
        settings = read_params(resolve(known.params), params)
        return fitted(self.plugins, known, matrix, target, signature, settings, seed)

    def save(self, algorithm: str, predictor: Predictor) -> bytes:
        """As bytes."""
        data: bytes = resolve(self._known(algorithm).save)(predictor)
        return data

    def load(self, algorithm: str, data: bytes, *, signature: Signature) -> Predictor:
        """The inverse of `save`."""
        return loaded(self.plugins, self._known(algorithm), data, signature=signature)

    def _known(self, algorithm: str) -> Algorithm:
        known = self.plugins.algorithms.get(algorithm)
        if known is None:
            raise LookupError(f"no plugin offers the algorithm `{algorithm}`")
        if known.components is not None or known.folds:
            raise LookupError(f"`{algorithm}` is made of others, and cannot be a part of one that is")
        return known
