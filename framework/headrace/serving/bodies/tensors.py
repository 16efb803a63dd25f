"""The Open Inference Protocol's tensors: a request's become columns, and answers become tensors.

Source: github.com/kserve/open-inference-protocol, specification/protocol/inference_rest.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any

import orjson

from headrace.compiled import ServingConfig
from headrace.hooks import Task
from headrace.serving.bodies.columns import Columns, Reader
from headrace.serving.bulk import Told
from headrace.serving.problem import Refused

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLOATS = frozenset({"FP16", "FP32", "FP64"})
_WHOLES = {
    name: range(-(2 ** (bits - 1)), 2 ** (bits - 1)) for name, bits in (("INT8", 8), ("INT16", 16), ("INT32", 32), ("INT64", 64))
} | {name: range(2**bits) for name, bits in (("UINT8", 8), ("UINT16", 16), ("UINT32", 32), ("UINT64", 64))}
DATATYPES = (*sorted(_FLOATS), *_WHOLES, "BOOL", "BYTES")
"""The protocol's, without those of which JSON says nothing."""
LONGEST_ID = 200
"""Characters of a request's own id."""
_MATRIX = 2
"""Dimensions of one tensor with all inputs."""


@dataclass(frozen=True, slots=True)
class Inference:
    """A request: its own id, its rows, and the outputs that it wants."""

    id: str | None
    columns: Columns
    outputs: tuple[str, ...]


class Tensors:
    """Reads the requests of one model."""

    def __init__(self, config: ServingConfig, reader: Reader) -> None:
        self._config = config
        self._reader = reader
        self._inputs = {item.name: item for item in config.inputs}
        self._known = tuple(outputs(config.task))
        self._named = frozenset({config.entity, *self._inputs, *([config.group] if config.group is not None else [])})

    def read(self, body: bytes, fresh: Callable[[int], list[str]]) -> Inference:
        """A request's body; Refused (400, as the protocol has it) where it does not fit. `fresh` makes ids."""
        try:
            given = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise bad(f"the body is no JSON: {error.msg}") from None
        if not isinstance(given, dict):
            raise bad("the body must be a JSON object")
        id_ = given.get("id")
        if id_ is not None and (not isinstance(id_, str) or not 0 < len(id_) <= LONGEST_ID or "\0" in id_):
            raise bad(f"`id` must be a text of 1 to {LONGEST_ID} characters")
        tensors = given.get("inputs")
        if not isinstance(tensors, list) or not tensors:
            raise bad("`inputs` must be a list of tensors")
        columns: dict[str, Any] = {}
        for position, tensor in enumerate(tensors):
            for name, values in self._tensor(tensor, f"inputs[{position}]").items():
                if name in columns:
                    raise bad(f"inputs[{position}]: `{name}` is sent twice")
                columns[name] = values
        wanted = _outputs(given.get("outputs"), self._known)
        named = self._config.entity in columns

        def entities(size: int) -> list[str]:
            return fresh(size) if id_ is None else [f"{id_}:{row}" for row in range(size)]

        try:
            found = self._reader.read(columns, _in_tensor, None if named else entities)
        except Refused as refused:
            raise bad(refused.detail) from None
        return Inference(id_, found, wanted)

    def _tensor(self, given: Any, place: str) -> dict[str, Any]:  # noqa: ANN401 - any JSON
        """One tensor's columns: its own, or, of a matrix, those of all inputs."""
        tensor = _tensor_of(given, place)
        name, shape = tensor.name, tensor.shape
        if name in self._named:
            if any(size != 1 for size in shape[1:]):
                raise bad(f"{place}.shape of `{name}` must be [n] or [n, 1]")
            return {name: _truths(tensor.values) if tensor.datatype == "BOOL" else tensor.values}
        names = self._reader.names
        if len(shape) != _MATRIX or shape[1] != len(names):
            known = ", ".join(sorted(self._named))
            raise bad(f"{place}: `{name}` is no input of this model ({known}), and no matrix [n, {len(names)}] of all of them")
        if tensor.datatype == "BYTES":
            raise bad(f"{place}: a matrix of all inputs holds numbers, and `{name}` holds texts")
        return self._matrix(tensor.values, shape[0])

    def _matrix(self, values: list[Any], size: int) -> dict[str, Any]:
        import numpy as np

        matrix = np.array(values, dtype=np.float64).reshape(size, len(self._reader.names))
        return {
            name: np.ascontiguousarray(matrix[:, at]) if item.type == "number" else _plain(matrix[:, at])
            for at, (name, item) in enumerate(self._inputs.items())
        }


@dataclass(frozen=True, slots=True)
class _Tensor:
    """One tensor whose values, row by row, are as many as its shape wants, and of its datatype or None."""

    name: str
    shape: list[int]
    datatype: str
    values: list[Any]


def _tensor_of(given: Any, place: str) -> _Tensor:  # noqa: ANN401 - any JSON
    if not isinstance(given, dict):
        raise bad(f"{place} must be a tensor: an object with name, shape, datatype and data")
    name, shape, datatype, data = (given.get(key) for key in ("name", "shape", "datatype", "data"))
    if not isinstance(name, str) or not name:
        raise bad(f"{place}.name must be a text")
    if not isinstance(shape, list) or not shape or not all(type(size) is int and size >= 0 for size in shape):
        raise bad(f"{place}.shape of `{name}` must be a list of whole numbers")
    if datatype not in DATATYPES:
        raise bad(f"{place}.datatype of `{name}` must be one of {', '.join(DATATYPES)}")
    if not isinstance(data, list):
        raise bad(f"{place}.data of `{name}` must be a list: binary data beside the JSON is not taken")
    flat = _flat(data)
    if len(flat) != prod(shape):
        raise bad(f"{place}.data of `{name}` has {len(flat)} values, and its shape {shape} wants {prod(shape)}")
    return _Tensor(name, shape, datatype, _typed(flat, datatype, f"{place}.data of `{name}`"))


def _plain(values: NDArray[Any]) -> list[Any]:
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - NaN alone differs from itself


def _flat(data: list[Any]) -> list[Any]:
    """Rows within rows as one list: the protocol takes both."""
    while data and isinstance(data[0], list):
        if not all(isinstance(item, list) for item in data):
            raise bad("`data` mixes lists and values")
        data = list(chain.from_iterable(data))
    return data


def _typed(values: list[Any], datatype: str, place: str) -> list[Any]:
    """The values, where all are of the datatype or null, which stands for what is not known."""
    kinds = set(map(type, values)) - {type(None)}
    if datatype in _FLOATS:
        fits = kinds <= {float, int}
    elif datatype == "BOOL":
        fits = kinds <= {bool}
    elif datatype == "BYTES":
        fits = kinds <= {str}
    else:
        known = [value for value in values if value is not None]
        fits = kinds <= {int} and (not known or (min(known) in _WHOLES[datatype] and max(known) in _WHOLES[datatype]))
    if not fits:
        raise bad(f"{place} must be of {datatype}, or null")
    return values


def _truths(values: list[Any]) -> list[Any]:
    """A truth is 1 or 0, and of a category its text `1` or `0`."""
    return [None if value is None else int(value) for value in values]


def _outputs(given: Any, known: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ANN401 - any JSON
    """The names that a request wants, each once; all where it names none."""
    if given is None or given == []:
        return known
    if not isinstance(given, list) or not all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in given):
        raise bad("`outputs` must be a list of objects with a name")
    wanted = tuple(dict.fromkeys(item["name"] for item in given))
    if strange := [name for name in wanted if name not in known]:
        raise bad(f"`outputs`: `{strange[0]}` is no output of this model: there are {', '.join(known)}")
    return wanted


def _in_tensor(name: str, at: int | None) -> str:
    return name if at is None else f"{name}[{at}]"


def bad(message: str) -> Refused:
    """A request that is none of the protocol's."""
    return Refused(400, "bad-inference", message)


def outputs(task: Task) -> dict[str, str]:
    """What a model answers by the protocol: the datatype of each output."""
    first = {"prediction": "BYTES"} if task == "multiclass" else {"prediction": "FP64"}
    more = {"rank": "INT64"} if task == "ranking" else {"probabilities": "FP64"} if task == "multiclass" else {}
    return first | more | {"id": "BYTES", "arm": "BYTES", "version": "INT64", "entity": "BYTES"}


def answer(model: str, asked: Inference, told: Told) -> bytes:
    """The answer to a request: a tensor for each output that it wants; a row without a prediction has null, and `parameters` say why."""
    size = len(told)
    made: dict[str, Callable[[], dict[str, Any]]] = {
        "prediction": lambda: _prediction(told),
        "probabilities": lambda: _several("probabilities", told),
        "rank": lambda: _tensor("rank", "INT64", [size], list(told.ranks or [None] * size)),
        "id": lambda: _tensor("id", "BYTES", [size], list(told.ids)),
        "arm": lambda: _tensor("arm", "BYTES", [size], list(told.arms)),
        "version": lambda: _tensor("version", "INT64", [size], list(told.versions)),
        "entity": lambda: _tensor("entity", "BYTES", [size], list(told.entities)),
    }
    parameters = {
        **({"unseen": [[row, *names] for row, names in sorted(told.unseen.items())]} if told.unseen else {}),
        **({"errors": [[row, why] for row, why in sorted(told.errors.items())]} if told.errors else {}),
    }
    versions = set(told.versions)
    body: dict[str, Any] = {
        "model_name": model,
        **({"model_version": str(told.versions[0])} if len(versions) == 1 else {}),
        **({"id": asked.id} if asked.id is not None else {}),
        **({"parameters": parameters} if parameters else {}),
        "outputs": [made[name]() for name in asked.outputs],
    }
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


def _prediction(told: Told) -> dict[str, Any]:
    size = len(told)
    if told.task == "multiclass":
        return _tensor("prediction", "BYTES", [size], told.labels)
    if told.keys:
        return _several("prediction", told)
    return _tensor("prediction", "FP64", [size], told.outputs)


def _several(name: str, told: Told) -> dict[str, Any]:
    data: Any = [] if told.answers is None else told.answers.ravel()
    return _tensor(name, "FP64", [len(told), len(told.keys)], data, {"columns": list(told.keys)})


def _tensor(name: str, datatype: str, shape: Sequence[int], data: Any, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:  # noqa: ANN401 - a list, or float64
    return {"name": name, "shape": list(shape), "datatype": datatype, **({"parameters": parameters} if parameters else {}), "data": data}
