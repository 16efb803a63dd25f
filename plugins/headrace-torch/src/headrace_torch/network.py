"""The network: rows as Headrace encodes them to what the task answers, standardisation included; and the file that it is kept in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import nn

from headrace.hooks import Signature, Task

_FAR = 10.0
"""Standard deviations beyond which a number counts as this far."""
_NUMBER = 0
"""The width of an input that is a number; a category has as many places as values."""


@dataclass(frozen=True, slots=True)
class Shape:
    """All that a network is but its numbers: the width of each input (0 is a number), of each hidden layer, and of the answer."""

    task: Task
    inputs: tuple[tuple[str, int], ...]
    hidden: tuple[int, ...]
    outputs: int

    @classmethod
    def of(cls, task: Task, signature: Signature, hidden: Sequence[int], outputs: int) -> Shape:
        """For rows of this signature."""
        return cls(task, _widths(signature), tuple(hidden), outputs)

    def fits(self, signature: Signature) -> bool:
        """Whether rows of the signature are what the network was made for."""
        return self.inputs == _widths(signature)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Shape:
        """From a file's header; KeyError, TypeError or ValueError where it is none."""
        inputs = tuple((str(kind), int(width)) for kind, width in value["inputs"])
        return cls(value["task"], inputs, tuple(map(int, value["hidden"])), int(value["outputs"]))


def _widths(signature: Signature) -> tuple[tuple[str, int], ...]:
    return tuple((item.type, len(item.categories) if item.type == "category" else _NUMBER) for item in signature.inputs)


class Network(nn.Module):
    """Rows (n, k) float64 with NaN to (n, outputs): logits, or a standardised number.

    A number becomes (x - mean) / deviation of the training rows, within 10 deviations; where it is missing it becomes 0, which is the mean,
    and a second unit says that it is missing, if training rows lacked it, too: otherwise that unit is 0, since nothing was learned of it.
    A category becomes a unit for each value that training saw, all of them 0 where it is missing or has another value.
    """

    mean: torch.Tensor
    deviation: torch.Tensor
    lacked: torch.Tensor
    centre: torch.Tensor
    spread: torch.Tensor

    def __init__(self, shape: Shape, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        kinds = [kind for kind, _ in shape.inputs]
        self.numbers = [position for position, kind in enumerate(kinds) if kind == "number"]
        self.categories = [(position, width) for position, (kind, width) in enumerate(shape.inputs) if kind == "category"]
        count = len(self.numbers)
        self.register_buffer("mean", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("deviation", torch.ones(count, dtype=torch.float64))
        self.register_buffer("lacked", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("centre", torch.zeros(1, dtype=torch.float64))
        self.register_buffer("spread", torch.ones(1, dtype=torch.float64))
        width = 2 * count + sum(width for _, width in self.categories)
        layers: list[nn.Module] = []
        for units in shape.hidden:
            layers += [nn.Linear(width, units), nn.ReLU(), nn.Dropout(dropout)]
            width = units
        self.layers = nn.Sequential(*layers, nn.Linear(width, shape.outputs))

    def standardise(self, matrix: NDArray[np.float64], target: NDArray[np.float64]) -> None:
        """Learn from the training rows what is usual of each number, and of the answer where that is a number."""
        for place, position in enumerate(self.numbers):
            column = matrix[:, position]
            self.mean[place], self.deviation[place] = _usual(column)
            self.lacked[place] = float(np.isnan(column).any())
        if self.shape.task == "regression":
            self.centre[0], self.spread[0] = _usual(target)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """The last layer's units."""
        answer: torch.Tensor = self.layers(self._encoded(rows))
        return answer

    def _encoded(self, rows: torch.Tensor) -> torch.Tensor:
        numbers = rows[:, self.numbers]
        missing = torch.isnan(numbers)
        usual = torch.nan_to_num((numbers - self.mean) / self.deviation, nan=0.0).clamp(-_FAR, _FAR)
        units = [usual, missing * self.lacked]
        for position, width in self.categories:
            places = torch.arange(width, device=rows.device, dtype=rows.dtype)
            units.append((rows[:, position : position + 1] == places).to(rows.dtype))
        # What the layers reckon in: 32 bits where they are trained, 64 where they answer.
        return torch.cat(units, dim=1).to(next(self.parameters()).dtype)


def _usual(column: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard deviation of what is finite; a constant has the deviation 1."""
    finite = column[np.isfinite(column)]
    if not len(finite):
        return 0.0, 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = float(finite.mean()), float(finite.std())
    if not np.isfinite(mean):
        return 0.0, 1.0
    return mean, deviation if np.isfinite(deviation) and deviation > 0 else 1.0


def to_bytes(tensors: Mapping[str, torch.Tensor], header: Mapping[str, Any]) -> bytes:
    """Tensors as safetensors, with a header of JSON; the same values give the same bytes."""
    # One word of metadata: of several, safetensors does not keep the order.
    text = json.dumps(header, sort_keys=True)
    whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    return bytes(safetensors.torch.save(whole, metadata={"headrace": text}))


def from_bytes(data: bytes) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The tensors and the header; ValueError where it is no such file."""
    try:
        length = int.from_bytes(data[:8], "little")
        header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["headrace"])
        return safetensors.torch.load(data), header
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError("the file is no network of headrace-torch") from error


def model_bytes(network: Network, weights: Mapping[str, torch.Tensor] | None = None) -> bytes:
    """A network as it is stored, with its own numbers or with others."""
    return to_bytes(weights or network.state_dict(), asdict(network.shape))


def model_from(data: bytes) -> Network:
    """A network that was stored; ValueError where the bytes hold none."""
    tensors, header = from_bytes(data)
    try:
        shape = Shape.from_json(header)
        # On `meta` nothing is allocated: a header cannot ask for more memory than the file has numbers.
        with torch.device("meta"):
            network = Network(shape)
        network.load_state_dict(tensors, assign=True)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError("the file's numbers are not those of the network that it names") from error
    return network
