"""What a fleet says of itself: a file that its workers, and who looks after them, can read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

METRICS = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable by which prometheus_client knows the folder that the counts of all workers are kept in."""
FILE = "fleet.json"


def folder(root: Path, model: str, port: int) -> Path:
    """Where the fleet of a model on a port keeps what it says."""
    return root / ".headrace" / "fleet" / f"{model}-{port}"


def write(where: Path, told: Mapping[str, Any]) -> None:
    """Whole, or not at all."""
    new = where / f".{FILE}"
    new.write_bytes(orjson.dumps(told, option=orjson.OPT_SORT_KEYS))
    new.replace(where / FILE)


def read(where: Path) -> dict[str, Any] | None:
    """What the fleet said last; None where there is none."""
    try:
        found: dict[str, Any] = orjson.loads((where / FILE).read_bytes())
    except (OSError, ValueError):
        return None
    return found


def running(root: Path, model: str) -> dict[int, dict[str, Any]]:
    """What the fleets of a model say that run on this machine now, by their ports; what one that was killed left behind is none."""
    # The fleet of a model `a-b` also begins with `a-`.
    here = [where for where in sorted((root / ".headrace" / "fleet").glob(f"{model}-*")) if where.name.rpartition("-")[0] == model]
    found = {int(where.name.rpartition("-")[2]): read(where) for where in here}
    return {port: said for port, said in found.items() if said is not None and _alive(said["supervisor"])}


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, and there
    return True


def folder_of_mine() -> Path | None:
    """The folder of the fleet that this process works in; None where it works alone."""
    where = os.environ.get(METRICS)
    return None if where is None else Path(where).parent


def mine() -> dict[str, Any] | None:
    """What the fleet that this process works in said last; None where it works alone."""
    where = folder_of_mine()
    return None if where is None else read(where)
