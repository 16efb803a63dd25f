"""Torchrun for one training, `python -m headrace_torch.launch FOLDER WORKERS`: it writes down which worker failed first, and of what."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.run import get_args_parser, run


def main(folder: Path, workers: int) -> int:
    """Run them; 0 where all ended well."""
    arguments = [
        "--nnodes=1",
        f"--nproc-per-node={workers}",
        "--max-restarts=0",
        "--rdzv-backend=c10d",
        "--rdzv-endpoint=127.0.0.1:0",
        "--local-addr=127.0.0.1",
        f"--log-dir={folder / 'logs'}",
        "--module",
        "headrace_torch.worker",
        str(folder),
    ]
    try:
        run(get_args_parser().parse_args(arguments))  # type: ignore[no-untyped-call]
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        (folder / "failure.json").write_text(json.dumps({"rank": rank, "message": _message(failure)}), encoding="utf-8")
        return 1
    return 0


def _message(failure: ProcessFailure) -> str:
    """Of what a worker failed, in a line; torchrun has text of what wrote none, and a dict of what `record` wrote."""
    if failure.exitcode < 0:
        return f"it was ended by {failure.signal_name()}"
    said: str | dict[str, str] = failure.message
    return said if isinstance(said, str) else said["message"]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
