"""What takes the work that many can share, as runs and commands are told it."""

from __future__ import annotations

import re

from headrace.compiled.config import Config

ADDRESS = re.compile(r"(?:tcp|tls)://(?P<host>\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}")
"""Where a scheduler of Dask listens."""
_HERE = re.compile(r"localhost|127(?:\.\d{1,3}){3}|\[::1\]")


class DaskConfig(Config):
    """`workers` processes of this machine, or a cluster whose scheduler is at `address`, handed so many tasks at once."""

    workers: int
    address: str | None = None

    @property
    def far(self) -> bool:
        """Whether its workers may be on other machines."""
        return self.address is not None and not near(self.address)


class RunnerConfig(Config):
    """Which one it is."""

    dask: DaskConfig


def near(address: str) -> bool:
    """Whether only this machine can reach a scheduler."""
    found = ADDRESS.fullmatch(address)
    return found is not None and _HERE.fullmatch(found["host"]) is not None
