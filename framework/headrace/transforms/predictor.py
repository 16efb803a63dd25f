"""A model with its transforms and its calibration, asked as any model is: by the inputs that a request carries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.hooks import Algorithm, Plugins, Predictor, Signature, resolve
from headrace.hooks.composed import loaded
from headrace.transforms.calibration import Calibrated
from headrace.transforms.chain import Chain, Link, apart, placed, taken
from headrace.transforms.packed import unpack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class _Step:
    """A link as it is done: of which inputs it is, and by what."""

    link: Link
    of: str
    apply: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Transformed:
    """A predictor behind its transforms."""

    links: tuple[_Step, ...]
    predictor: Predictor

    def matrix(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        """The request's inputs, (m, k), as the algorithm sees them, (m, d)."""
        return _through(self.links, matrix)

    def predict(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        """The algorithm's own answers to (m, k)."""
        return self.predictor.predict(self.matrix(matrix))


def seen(plugins: Plugins, chain: Chain, matrix: NDArray[Any]) -> NDArray[np.float64]:
    """Rows, (m, k), as an algorithm behind the chain sees them, (m, d); HeadraceError as `transformed`."""
    return _through(_links(plugins, chain), matrix)


def read(plugins: Plugins, algorithm: Algorithm, data: bytes, *, signature: Signature) -> Predictor:
    """The model of a file, with all that belongs to it; what `unpack` and the algorithm's `load` raise, and the errors of `transformed`."""
    model = unpack(data)
    inner = model.chain.signature if model.chain is not None else signature
    predictor = loaded(plugins, algorithm, model.data, signature=inner)
    if model.chain is not None:
        predictor = transformed(plugins, model.chain, predictor)
    return Calibrated(predictor, model.calibration) if model.calibration is not None else predictor


def transformed(plugins: Plugins, chain: Chain, predictor: Predictor) -> Transformed:
    """A predictor behind a chain; HeadraceError `unknown-transform` where no plugin offers one of them."""
    return Transformed(_links(plugins, chain), predictor)


def _through(links: tuple[_Step, ...], matrix: NDArray[Any]) -> NDArray[np.float64]:
    import numpy as np

    numbers, texts = apart(matrix)
    for step in links:
        columns, values = step.link.columns, np.empty((len(numbers), 0))
        if columns:
            values = np.asarray(step.apply(taken(step.of, numbers, columns, texts), step.link.state), dtype=np.float64)
        numbers = placed(numbers, columns, values)
    return numbers


def _links(plugins: Plugins, chain: Chain) -> tuple[_Step, ...]:
    links = []
    for link in chain.links:
        known = plugins.transforms.get(link.transform)
        if known is None:
            raise HeadraceError(
                Diagnostic(
                    "unknown-transform",
                    f"the model was made with the transform `{link.transform}`, which no plugin offers here",
                    help=f"install its plugin; there are: {', '.join(sorted(plugins.transforms)) or 'none'}",
                )
            )
        links.append(_Step(link, known.of, resolve(known.apply)))
    return tuple(links)
