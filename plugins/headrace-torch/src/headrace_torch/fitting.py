"""How Headrace asks for a network: in this process, or in several; and the network as it answers."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.hooks import Signature, Task, Watch
from headrace_torch.params import Params

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from headrace_torch.network import Network

_AT_ONCE = 8192


class NotInstalledError(ImportError):
    """PyTorch is not there."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"`{name}` is not installed where this runs: `pip install headrace-torch` brings it, or install your build of torch first"
        )


@dataclass(frozen=True, slots=True)
class Perceptron:
    """A trained network, as it was trained and as it answers: with numbers of 64 bits, so that a row alone is answered as among others."""

    network: Network
    asked: Network

    @classmethod
    def of(cls, network: Network) -> Perceptron:
        """Ready to be asked."""
        return cls(network, copy.deepcopy(network).double().eval())

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (n, k) to probabilities of the positive class, (n,), or of every class, (n, c), or to numbers, (n,)."""
        import numpy as np
        import torch

        from headrace_torch.learning import exactly

        with exactly(), torch.inference_mode():
            parts = [self._answers(torch.tensor(matrix[at : at + _AT_ONCE])) for at in range(0, max(len(matrix), 1), _AT_ONCE)]
            return np.asarray(torch.cat(parts).numpy(), dtype=np.float64)

    def _answers(self, rows: torch.Tensor) -> torch.Tensor:
        units: torch.Tensor = self.asked(rows)
        match self.network.shape.task:
            case "binary":
                return units[:, 0].sigmoid()
            case "multiclass":
                return units.softmax(dim=1)
            case _:
                return units[:, 0] * self.asked.spread + self.asked.centre


def fit_classifier(
    matrix: NDArray[np.float64], target: NDArray[np.float64], *, signature: Signature, params: Params, seed: int, watch: Watch | None = None
) -> Perceptron:
    """Learn a yes or no from (n, k) and (n,)."""
    return _fit("binary", 1, matrix, target, signature=signature, params=params, seed=seed, watch=watch)


def fit_multiclass(
    matrix: NDArray[np.float64], target: NDArray[np.float64], *, signature: Signature, params: Params, seed: int, watch: Watch | None = None
) -> Perceptron:
    """Learn the codes 0 to c - 1 from (n, k) and (n,)."""
    return _fit("multiclass", int(target.max()) + 1, matrix, target, signature=signature, params=params, seed=seed, watch=watch)


def fit_regressor(
    matrix: NDArray[np.float64], target: NDArray[np.float64], *, signature: Signature, params: Params, seed: int, watch: Watch | None = None
) -> Perceptron:
    """Learn a number from (n, k) and (n,)."""
    return _fit("regression", 1, matrix, target, signature=signature, params=params, seed=seed, watch=watch)


def _fit(
    task: Task,
    outputs: int,
    matrix: NDArray[np.float64],
    target: NDArray[np.float64],
    *,
    signature: Signature,
    params: Params,
    seed: int,
    watch: Watch | None,
) -> Perceptron:
    _installed()
    from headrace_torch.learning import Job, Place, Rows, exactly, learn
    from headrace_torch.network import Shape, model_from
    from headrace_torch.workers import learn_by_workers, refuse_without_gpu

    refuse_without_gpu(params)
    job = Job(Shape.of(task, signature, params.hidden, outputs), params, seed, Rows(matrix, target))
    if params.workers == 1 and params.device == "cpu":
        with exactly():
            data = learn(job, Place(), watch or Watch())
    else:
        data = learn_by_workers(job, watch or Watch())
    return Perceptron.of(model_from(data))


def save(predictor: Perceptron) -> bytes:
    """The network as safetensors."""
    from headrace_torch.network import model_bytes

    return model_bytes(predictor.network)


def load(data: bytes, *, signature: Signature) -> Perceptron:
    """The network from safetensors; ValueError where it is none, or one for other inputs."""
    _installed()
    from headrace_torch.network import model_from

    network = model_from(data)
    if not network.shape.fits(signature):
        raise ValueError("the network was made for other inputs")
    return Perceptron.of(network)


def _installed() -> None:
    for name in ("torch", "safetensors"):
        try:
            __import__(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            raise NotInstalledError(name) from error
