"""A training in several processes under torchrun: they are started, followed, and gone when it is over, however it ends."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
import torch

from headrace.hooks import Watch
from headrace_torch.learning import Job, Place, Rows
from headrace_torch.network import Shape
from headrace_torch.params import Params
from headrace_torch.talk import HungUpError, follow, receive

_ARRAYS = ("matrix", "target", "validation_matrix", "validation_target")
_LOOK = 0.2
"""Seconds between two looks at whether torchrun still runs."""
_LEAVE = 60.0
"""Seconds that it has to end once the network is there, or a worker has failed; it gives a worker 30 before it kills it."""


class WorkerError(RuntimeError):
    """A worker failed, and with it the training."""


def refuse_without_gpu(params: Params) -> None:
    """RuntimeError where `cuda` is asked for and there are fewer GPUs than workers."""
    if params.device == "cpu":
        return
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if found < params.workers:
        wanted = "a GPU" if params.workers == 1 else f"{params.workers} GPUs, one for each of `workers`"
        raise RuntimeError(f"`device: cuda` needs {wanted}; PyTorch {torch.__version__} finds {found or 'none'} here")


def learn_by_workers(job: Job, watch: Watch) -> bytes:
    """The network that `params.workers` processes learn together; WorkerError where one of them fails."""
    with ExitStack() as ends:
        folder = Path(ends.enter_context(TemporaryDirectory(prefix="headrace-torch-")))
        _write(folder, job, watch)
        listener = ends.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(folder / "line"))
        listener.listen(job.params.workers)
        running = ends.enter_context(_running(folder, job.params))
        try:
            first = _called(ends, listener, running, job.params)
            for name in _ARRAYS:  # the workers have them open: nothing is left of the rows if this process is killed
                (folder / f"{name}.npy").unlink(missing_ok=True)
            model = follow(first, watch)
        except HungUpError:
            raise WorkerError(_why(folder, running, job.params)) from None
        if _ended(running) != 0:
            raise WorkerError(_why(folder, running, job.params))
        return model


def _write(folder: Path, job: Job, watch: Watch) -> None:
    arrays = {"matrix": job.rows.matrix, "target": job.rows.target}
    if watch.validation is not None:
        arrays |= {"validation_matrix": watch.validation[0], "validation_target": watch.validation[1]}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    if watch.resume is not None:
        (folder / "resume").write_bytes(watch.resume)
    said = {"shape": asdict(job.shape), "params": job.params.model_dump(mode="json"), "seed": job.seed}
    (folder / "job.json").write_text(json.dumps(said), encoding="utf-8")


def job_in(folder: Path) -> tuple[Job, Watch]:
    """What a worker is to learn, and by which rows it is watched; the rows stay in the files."""
    said: dict[str, Any] = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    matrix, target, *validation = [
        np.asarray(np.load(path, mmap_mode="r", allow_pickle=False)) for name in _ARRAYS if (path := folder / f"{name}.npy").exists()
    ]
    params = Params.model_validate_json(json.dumps(said["params"]))
    resume = (folder / "resume").read_bytes() if (folder / "resume").exists() else None
    watch = Watch((validation[0], validation[1]) if validation else None, resume=resume)
    return Job(Shape.from_json(said["shape"]), params, said["seed"], Rows(matrix, target)), watch


def place_of(params: Params) -> Place:
    """Which worker this process is, as torchrun says."""
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if params.device == "cuda" else torch.device("cpu")
    return Place(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), device)


@contextmanager
def _running(folder: Path, params: Params) -> Iterator[subprocess.Popen[bytes]]:
    """Torchrun with its workers; at the end none of them is left."""
    environment = os.environ | {
        # What this process imports, its workers can import, too.
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        # Without it cuBLAS is not deterministic.
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }
    if platform.system() == "Linux":
        environment["GLOO_SOCKET_IFNAME"] = environment["NCCL_SOCKET_IFNAME"] = "lo"
    command = [sys.executable, "-m", "headrace_torch.launch", str(folder), str(params.workers)]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)  # noqa: S603 - our own
    try:
        yield running
    finally:
        _kill(running)


def _kill(running: subprocess.Popen[bytes]) -> None:
    """The process and all that it started, at once."""
    try:
        whole = [*psutil.Process(running.pid).children(recursive=True), psutil.Process(running.pid)]
    except psutil.NoSuchProcess:
        whole = []
    for process in whole:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    running.wait()
    psutil.wait_procs(whole, timeout=_LEAVE)


def _called(ends: ExitStack, listener: socket.socket, running: subprocess.Popen[bytes], params: Params) -> socket.socket:
    """The line of the first worker, once all have called; HungUpError where torchrun ends before, WorkerError where it takes too long."""
    listener.settimeout(_LOOK)
    until = time.monotonic() + params.worker_timeout.total_seconds()
    lines: dict[int, socket.socket] = {}
    while len(lines) < params.workers:
        if running.poll() is not None:
            raise HungUpError("torchrun ended")
        if time.monotonic() > until:
            raise WorkerError(f"{len(lines)} of {params.workers} workers had started after {params.worker_timeout}")
        try:
            line, _ = listener.accept()
        except TimeoutError:
            continue
        ends.enter_context(line)
        line.settimeout(None)
        said, _ = receive(line)
        lines[int(said["rank"])] = line
    return lines[0]


def _ended(running: subprocess.Popen[bytes]) -> int | None:
    """What torchrun ends with; None where it does not, after a while."""
    try:
        return running.wait(_LEAVE)
    except subprocess.TimeoutExpired:
        return None


def _why(folder: Path, running: subprocess.Popen[bytes], params: Params) -> str:
    """Which worker failed first, and of what."""
    code = _ended(running)
    try:
        said = json.loads((folder / "failure.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        last = (folder / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        how = f"torchrun ended with {code}" if code is not None else f"torchrun did not end within {_LEAVE:.0f} s of a worker's end"
        return how + (f": {last[0]}" if last else "")
    return f"worker {said['rank']} (from 0) of {params.workers} failed: {said['message']}"
