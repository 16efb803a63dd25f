"""What is kept of a training while it runs, in one file, so that it goes on where it was killed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_UNDER = ".headrace/checkpoints"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The file of one run. `key` is the digest of all that the model is made of: what was kept for another is passed over."""

    path: Path
    key: str

    @classmethod
    def of_run(cls, root: Path, run_id: str, key: str) -> Checkpoint:
        """Under the project's root."""
        return cls(root / _UNDER / f"{run_id}.checkpoint", key)

    def read(self) -> tuple[list[float], bytes] | None:
        """The losses of the steps so far, and the model as its algorithm keeps it; None where there is none of this key, or it is torn."""
        try:
            line, _, model = self.path.read_bytes().partition(b"\n")
            header = json.loads(line)
            if header["key"] != self.key or header["length"] != len(model):
                return None
            return list(map(float, header["losses"])), model
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, losses: Sequence[float], model: bytes) -> None:
        """In the place of the one before, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(f".{os.getpid()}.part")
        header = {"key": self.key, "length": len(model), "losses": list(losses)}
        with part.open("wb") as file:
            file.write(json.dumps(header).encode() + b"\n" + model)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)

    def drop(self) -> None:
        """The model is registered, and the file is of no more use."""
        self.path.unlink(missing_ok=True)
