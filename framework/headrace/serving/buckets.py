"""How many requests each caller may send: a bucket that fills at a rate, and that each request takes one from."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Any

from headrace.compiled import RateConfig
from headrace.serving.recent import Recent

MOST = 10_000
"""Callers whose buckets are kept. One that sent nothing while so many others did finds a full bucket when it comes back."""


class Buckets:
    """The buckets of one worker, in its memory; used by its event loop."""

    def __init__(self, rate: RateConfig, most: int = MOST) -> None:
        self._per_second = rate.per_second
        self._burst = float(rate.burst)
        self._kept: Recent[str, list[float]] = Recent(most)

    def take(self, who: str, now: float) -> float:
        """Take one, `now` in seconds that never go back: 0 where there was one, else in how many seconds there will be."""
        bucket = self._kept.get(who)
        if bucket is None:
            bucket = [self._burst, now]
            self._kept.put(who, bucket)
        left = min(self._burst, bucket[0] + (now - bucket[1]) * self._per_second)
        bucket[1] = now
        if left < 1.0:
            bucket[0] = left
            return (1.0 - left) / self._per_second
        bucket[0] = left - 1.0
        return 0.0


def address(client: Any) -> str:  # noqa: ANN401 - ASGI's: a host and a port, or None
    """Who a connection is from, as one caller: of IPv6 the network, since whoever has one address has all of its 64 bits."""
    host = str(client[0]) if client else ""
    if ":" not in host:
        return host
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(found, IPv6Address):
        return host
    return str(found.ipv4_mapped) if found.ipv4_mapped is not None else found.exploded[:19]
