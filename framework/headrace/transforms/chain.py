"""Transforms one after another: what they learned of the training rows, and which inputs they leave."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.hooks import Input, Plugins, Prepared, Signature, Transform, resolve
from headrace.spec.params import read_params

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Transformation:
    """A transform as a flow asks for it: of these inputs, or of all that it can take."""

    id: str
    transform: str
    columns: Sequence[str] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """A transform that has learned: of these columns of what comes in, by position, it makes its `outputs`, which stand after the rest."""

    id: str
    transform: str
    columns: tuple[int, ...]
    outputs: tuple[Input, ...]
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chain:
    """Links in their order, and the signature of what comes out of the last."""

    links: tuple[Link, ...]
    signature: Signature

    def to_json(self) -> dict[str, Any]:
        """As it is kept in a model's file."""
        told = [{**asdict(link), "columns": list(link.columns), "outputs": Signature(link.outputs).to_json()} for link in self.links]
        return {"links": told, "signature": self.signature.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Chain:
        """The inverse of `to_json`."""
        links = [
            Link(**{**item, "columns": tuple(item["columns"]), "outputs": Signature.from_json(item["outputs"]).inputs})
            for item in value["links"]
        ]
        return cls(tuple(links), Signature.from_json(value["signature"]))


def learned(
    plugins: Plugins,
    steps: Sequence[Transformation],
    matrix: NDArray[Any],
    target: NDArray[np.float64],
    *,
    signature: Signature,
    seed: int,
) -> tuple[Chain, NDArray[np.float64]]:
    """Learn the steps one after another from training rows, (n, k) and (n,): the chain, and the rows as the algorithm sees them, (n, d).

    HeadraceError: `unknown-transform`, `bad-params`, `unknown-input`, `transform-failed`, `untransformed-text`.
    """
    matrix, texts = apart(matrix)
    links: list[Link] = []
    for step in steps:
        known = _known(plugins, step)
        columns = _columns(known, step, signature)
        given = taken(known.of, matrix, columns, texts)
        link, values = _link(known, step, columns, given, target, signature, seed)
        matrix = placed(matrix, columns, values)
        signature = Signature((*(item for i, item in enumerate(signature.inputs) if i not in columns), *link.outputs))
        _distinct(step, signature)
        links.append(link)
    if left := [item.name for item in signature.inputs if item.type == "text"]:
        message = f"the input `{left[0]}` is a text, and no transform makes numbers of it"
        raise HeadraceError(Diagnostic("untransformed-text", message), Exit.INVALID)
    return Chain(tuple(links), signature), matrix


def apart(matrix: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Rows as a signature encodes them, (n, k), as numbers alone, and their texts, (m,): in the numbers a text is its position there."""
    import numpy as np

    if matrix.dtype != object:
        return matrix, np.empty(0, dtype=object)
    held = [isinstance(cell, str) for cell in matrix[0]] if len(matrix) else [False] * matrix.shape[1]
    texts = matrix[:, held]
    numbers = np.empty(matrix.shape)
    numbers[:, np.logical_not(held)] = matrix[:, np.logical_not(held)]
    numbers[:, held] = np.arange(texts.size).reshape(texts.shape)
    return numbers, texts.ravel()


def taken(of: str, matrix: NDArray[np.float64], columns: Sequence[int], texts: NDArray[np.object_]) -> NDArray[Any]:
    """What a transform of such inputs is given of some columns: numbers, or the texts for which these stand."""
    import numpy as np

    values = matrix[:, list(columns)]
    return texts[values.astype(np.intp)] if of == "text" else values


def placed(matrix: NDArray[np.float64], columns: Sequence[int], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What comes after a step, (m, d), of what came before, (m, k), and what it made of its columns."""
    import numpy as np

    return np.hstack([np.delete(matrix, list(columns), axis=1), values])


def _known(plugins: Plugins, step: Transformation) -> Transform:
    known = plugins.transforms.get(step.transform)
    if known is None:
        raise HeadraceError(
            Diagnostic(
                "unknown-transform",
                f"no plugin offers the transform `{step.transform}` of step `{step.id}`",
                help=f"there are: {', '.join(sorted(plugins.transforms)) or 'none'}",
            ),
            Exit.INVALID,
        )
    return known


def _columns(known: Transform, step: Transformation, signature: Signature) -> tuple[int, ...]:
    """The positions that a step takes: those it names, or all of its kind."""
    kinds = ("number", "category") if known.of == "any" else (known.of,)
    fits = {item.name: i for i, item in enumerate(signature.inputs) if item.type in kinds}
    if step.columns is None:
        return tuple(fits.values())
    lacking = [name for name in step.columns if name not in fits]
    if lacking:
        kind = "number or category among the inputs" if known.of == "any" else f"{known.of} among the inputs"
        raise HeadraceError(
            Diagnostic(
                "unknown-input",
                f"transform `{step.id}`: `{lacking[0]}` is no {kind} that comes to it",
                help=f"there are: {', '.join(fits) or 'none'}",
            ),
            Exit.INVALID,
        )
    return tuple(fits[name] for name in step.columns)


def _link(  # noqa: PLR0917 - what one step needs
    known: Transform,
    step: Transformation,
    columns: tuple[int, ...],
    rows: NDArray[Any],
    target: NDArray[np.float64],
    signature: Signature,
    seed: int,
) -> tuple[Link, NDArray[np.float64]]:
    import numpy as np

    inputs = tuple(signature.inputs[i] for i in columns)
    if not inputs:
        return Link(step.id, step.transform, (), (), {}), np.empty((len(rows), 0))
    try:
        settings = read_params(resolve(known.params), step.params)
    except ValidationError as error:
        faults = "; ".join(f"`{'.'.join(map(str, item['loc']))}`: {item['msg']}" for item in error.errors())
        raise HeadraceError(Diagnostic("bad-params", f"parameters of `{step.transform}`: {faults}"), Exit.INVALID) from error
    try:
        given: Prepared = resolve(known.fit)(rows, target, inputs=inputs, params=settings, seed=seed)
        state = json.loads(json.dumps(dict(given.state), allow_nan=False))
        values = np.asarray(given.values, dtype=np.float64)
        again = np.asarray(resolve(known.apply)(rows[:1], state), dtype=np.float64)
    except Exception as error:  # a plugin may raise anything
        raise _failed(step, f"{type(error).__name__}: {error}") from error
    wanted = len(given.outputs)
    if values.shape != (len(rows), wanted) or again.shape[1:] != (wanted,):
        raise _failed(step, f"it names {wanted} inputs and makes {values.shape} in training, {again.shape} of a row")
    if np.isinf(values).any():
        raise _failed(step, "it makes infinite values")
    if odd := [item for item in given.outputs if item.type not in ("number", "category")]:
        raise _failed(step, f"the input `{odd[0].name}` that it makes is neither a number nor a category")
    return Link(step.id, step.transform, columns, given.outputs, state), values


def _distinct(step: Transformation, signature: Signature) -> None:
    names = [item.name for item in signature.inputs]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise _failed(step, f"it makes the input `{double[0]}`, which there is already")


def _failed(step: Transformation, why: str) -> HeadraceError:
    return HeadraceError(Diagnostic("transform-failed", f"the transform `{step.transform}` of step `{step.id}` failed: {why}"))
