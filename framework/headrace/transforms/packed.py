"""A model's file where transforms stand before the algorithm: what they learned, and then the algorithm's own bytes as they are."""

from __future__ import annotations

import json

from headrace.transforms.chain import Chain

_MARK = b"headrace-transforms 1\n"
"""The first line; then the length of the JSON in decimals and a line's end, the JSON, and the algorithm's bytes."""


def pack(chain: Chain, data: bytes) -> bytes:
    """The file of a model; equal chains and bytes are equal files. Without a link it is the algorithm's own file."""
    if not chain.links:
        return data
    told = json.dumps(chain.to_json(), sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return b"%s%d\n%s%s" % (_MARK, len(told), told, data)


def unpack(data: bytes) -> tuple[Chain | None, bytes]:
    """The inverse of `pack`; ValueError or KeyError where what stands after the first line is none of ours."""
    if not data.startswith(_MARK):
        return None, data
    length, _, rest = data[len(_MARK) :].partition(b"\n")
    size = int(length)
    if len(rest) < size:
        message = "the file ends before its transforms do"
        raise ValueError(message)
    return Chain.from_json(json.loads(rest[:size])), rest[size:]
