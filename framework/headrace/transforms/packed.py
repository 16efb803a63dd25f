"""A model's file where more than its algorithm belongs to it: what transforms learned, how answers are calibrated, its own bytes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from headrace.transforms.calibration import Calibration
from headrace.transforms.chain import Chain

_NAME = "headrace-model"
_VERSION = 1
_OURS = b"headrace-"
"""What the first line of every file of ours began with since there were any: none is handed to an algorithm."""
_FIRST = re.compile(rb"headrace-model (\d{1,9}) (\d{1,18}) (\d{1,18})\n")
"""The first line: the version, and the lengths of the JSON and of the algorithm's bytes, which stand after it in this order."""
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Packed:
    """The parts of a model's file: `data` are the algorithm's own bytes, as it saved them; reading them apart runs no code."""

    data: bytes
    chain: Chain | None = None
    calibration: Calibration | None = None


def pack(model: Packed) -> bytes:
    """The file; equal parts are equal files. Where there is nothing but the algorithm's own bytes, it is these."""
    told: dict[str, Any] = {}
    if model.chain is not None and model.chain.links:
        told["transforms"] = model.chain.to_json()
    if model.calibration is not None:
        told["calibration"] = model.calibration.to_json()
    if not told and not model.data.startswith(_OURS):
        return model.data
    header = json.dumps(told, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return b"%s %d %d %d\n%s%s" % (_NAME.encode(), _VERSION, len(header), len(model.data), header, model.data)


def unpack(data: bytes) -> Packed:
    """The inverse of `pack`; ValueError where a file that begins as ours do is not whole, is of another version, or holds anything else."""
    if not data.startswith(_OURS):
        return Packed(data)
    first = _FIRST.match(data[:_LONGEST])
    if first is None:
        message = "the file begins as no version of Headrace writes one now: train the model again"
        raise ValueError(message)
    version, header, inside = map(int, first.groups())
    if version != _VERSION:
        message = f"the file is of version {version}, and this version of Headrace reads {_VERSION}"
        raise ValueError(message)
    if len(data) != first.end() + header + inside:
        message = f"the file says that it has {first.end() + header + inside:,} bytes, and has {len(data):,}"
        raise ValueError(message)
    told = json.loads(data[first.end() : first.end() + header])
    try:
        if odd := sorted(told.keys() - {"transforms", "calibration"}):
            message = f"the file holds `{odd[0]}`, which this version of Headrace does not know"
            raise ValueError(message)
        return Packed(
            data[first.end() + header :],
            Chain.from_json(told["transforms"]) if "transforms" in told else None,
            Calibration.from_json(told["calibration"]) if "calibration" in told else None,
        )
    except (KeyError, TypeError, AttributeError) as error:
        message = f"what the file says of its parts is not as they are written: {type(error).__name__}: {error}"
        raise ValueError(message) from error


def format_of(data: bytes, inner: str) -> str:
    """What a file is, whose algorithm writes `inner`."""
    return f"{_NAME}+{inner}" if data.startswith(_OURS) else inner
