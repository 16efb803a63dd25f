"""Training itself, the same in one process and in each of several: epoch by epoch, watched, taken up, ended early."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data.distributed import DistributedSampler

from headrace.hooks import EnoughError, Watch
from headrace.hooks.watch import LOSS
from headrace_torch.network import Network, Shape, from_bytes, model_bytes, to_bytes
from headrace_torch.params import Params

Weights = dict[str, torch.Tensor]
_AT_ONCE = 8192
"""Rows that are asked at once where nothing is learned of them."""


@dataclass(frozen=True)
class Rows:
    """A matrix (n, k) and its answers (n,)."""

    matrix: NDArray[np.float64]
    target: NDArray[np.float64]


@dataclass(frozen=True)
class Job:
    """What is to be learned of which rows."""

    shape: Shape
    params: Params
    seed: int
    rows: Rows


@dataclass(frozen=True)
class Place:
    """Which of the workers this process is, and what it reckons on."""

    rank: int = 0
    workers: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


@contextmanager
def exactly() -> Iterator[None]:
    """One thread, deterministic algorithms and a generator of its own, and afterwards what was before."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            yield
    finally:
        torch.use_deterministic_algorithms(mode=strict)
        torch.set_num_threads(threads)


def learn(job: Job, place: Place, watch: Watch) -> bytes:
    """The network as bytes. Every worker calls it; the first one's watch is told, those of the others are asked nothing.

    With as many workers, the same rows, parameters and seed give the same bytes, watched or not, and taken up from any checkpoint.
    """
    course = _Course(job, place)
    if watch.resume is not None:
        course.resume(watch.resume)
    for epoch in range(course.done + 1, job.params.epochs + 1):
        values = course.epoch(epoch, watch)
        wanted = course.agree(_told(course, epoch, values, watch) if place.rank == 0 else None)
        if wanted is not None:
            return _after(job, place, course, wanted)
        if place.rank == 0:
            watch.checkpoint(epoch, course.checkpoint())
    return model_bytes(course.network)


def _told(course: _Course, epoch: int, values: Mapping[str, float], watch: Watch) -> int | None:
    """After how many epochs the model is wanted, if it is enough."""
    loss = course.validate(watch.validation)
    try:
        watch.step(epoch, dict(values) if loss is None else {**values, LOSS: loss})
    except EnoughError as enough:
        return enough.steps
    return None


def _after(job: Job, place: Place, course: _Course, epochs: int) -> bytes:
    """The model as it was after so many epochs: the best and the newest are kept, any other is trained again."""
    if epochs >= course.done:
        return model_bytes(course.network)
    kept = course.best.weights if course.best is not None and course.best.epoch == epochs else None
    # The first worker alone has a best one: all train again, or none.
    if course.agree(epochs if kept is None else None) is None:
        return model_bytes(course.network, kept)
    return learn(replace(job, params=job.params.model_copy(update={"epochs": epochs})), place, Watch())


@dataclass(frozen=True)
class _Best:
    """The network of the epoch with the least loss on the validation rows."""

    epoch: int
    loss: float
    weights: Weights


class _Course:
    """A training that goes on: the network, its optimiser, and the best so far."""

    def __init__(self, job: Job, place: Place) -> None:
        self.job, self.place = job, place
        self.done = 0
        self.best: _Best | None = None
        torch.manual_seed(_mixed(job.seed))
        network = Network(job.shape, dropout=job.params.dropout)
        network.standardise(job.rows.matrix, job.rows.target)
        self.network = network.to(place.device)
        several = place.workers > 1
        gpu = [place.device] if place.device.type == "cuda" else None
        self._shared = DistributedDataParallel(self.network, device_ids=gpu, broadcast_buffers=False) if several else self.network
        self._optimizer = torch.optim.AdamW(self.network.parameters(), lr=job.params.learning_rate, weight_decay=job.params.weight_decay)
        self._sampler = DistributedSampler(range(len(job.rows.target)), place.workers, place.rank, seed=_mixed(job.seed))  # type: ignore[arg-type, var-annotated]

    def epoch(self, number: int, watch: Watch) -> dict[str, float]:
        """Go through the rows once, each worker through its share; the mean loss over all."""
        params, place = self.job.params, self.place
        # Order and dropout follow from seed, epoch and worker alone, so a training that is taken up needs no generator's state.
        self._sampler.set_epoch(number)
        torch.manual_seed(_mixed(self.job.seed, number, place.rank))
        order = np.fromiter(self._sampler, dtype=np.int64)
        share = -(-params.batch_size // place.workers)
        starts = range(0, len(order), share)
        self._shared.train()
        total, recent = torch.zeros(1, dtype=torch.float64, device=place.device), 0.0
        for batch, start in enumerate(starts, start=(number - 1) * len(starts) + 1):
            chosen = order[start : start + share]
            self._optimizer.zero_grad()
            loss = self._loss(self._shared, self.job.rows, chosen)
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            total += loss.detach().double() * len(chosen)
            recent += float(loss.detach())
            if batch % params.log_interval == 0:
                if place.rank == 0:
                    watch.within(batch, {"batch_loss": self._told(recent / params.log_interval)})
                recent = 0.0
        self.done = number
        if place.workers > 1:
            distributed.all_reduce(total)
        return {"loss": self._told(float(total) / (len(order) * place.workers))}

    def validate(self, validation: tuple[NDArray[np.float64], NDArray[np.float64]] | None) -> float | None:
        """The mean loss on the validation rows, where there are any; the network is kept if it is the best so far."""
        if validation is None or not len(validation[1]):
            return None
        rows = Rows(*validation)
        self.network.eval()
        with torch.no_grad():
            parts = [np.arange(at, min(at + _AT_ONCE, len(rows.target))) for at in range(0, len(rows.target), _AT_ONCE)]
            total = math.fsum(float(self._loss(self.network, rows, part)) * len(part) for part in parts)
        loss = self._told(total / len(rows.target))
        known = loss if math.isfinite(loss) else math.inf
        if self.best is None or known < self.best.loss:
            self.best = _Best(self.done, known, {name: value.detach().clone() for name, value in self.network.state_dict().items()})
        return loss

    def agree(self, wanted: int | None) -> int | None:
        """What the first worker says, in all of them."""
        if self.place.workers == 1:
            return wanted
        word = torch.tensor([-1 if wanted is None else wanted], dtype=torch.int64, device=self.place.device)
        distributed.broadcast(word, src=0)
        said = int(word)
        return None if said < 0 else said

    def checkpoint(self) -> bytes:
        """All that a training goes on from."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for place, state in self._optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{place}.{name}": value for name, value in state.items()}
        header: dict[str, object] = {"epoch": self.done, "best": None}
        if self.best is not None:
            tensors |= {f"best.{name}": value for name, value in self.best.weights.items()}
            header["best"] = {"epoch": self.best.epoch, "loss": self.best.loss}
        return to_bytes(tensors, header)

    def resume(self, data: bytes) -> None:
        """Go on from a checkpoint; ValueError where it is none."""
        tensors, header = from_bytes(data)
        parts: dict[str, Weights] = {"network": {}, "optimizer": {}, "best": {}}
        for name, value in tensors.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = value
        self.network.load_state_dict(parts["network"])
        state: dict[int, Weights] = {}
        for name, value in parts["optimizer"].items():
            place, _, word = name.partition(".")
            state.setdefault(int(place), {})[word] = value
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": state})
        self.done = int(header["epoch"])
        if (best := header["best"]) is not None:
            self.best = _Best(int(best["epoch"]), float(best["loss"]), parts["best"])

    def _loss(self, network: nn.Module, rows: Rows, chosen: NDArray[np.int64]) -> torch.Tensor:
        """The mean over rows: of the logarithmic loss, or of squared differences in standard deviations."""
        matrix = torch.from_numpy(rows.matrix[chosen]).to(self.place.device)
        target = torch.from_numpy(rows.target[chosen]).to(self.place.device)
        answers = network(matrix)
        match self.job.shape.task:
            case "binary":
                return nn.functional.binary_cross_entropy_with_logits(answers[:, 0], target.to(answers.dtype))
            case "multiclass":
                return nn.functional.cross_entropy(answers, target.long())
            case _:
                usual = (target - self.network.centre) / self.network.spread
                return nn.functional.mse_loss(answers[:, 0], usual.to(answers.dtype))

    def _told(self, loss: float) -> float:
        """A loss in the answer's own unit."""
        return loss * float(self.network.spread) ** 2 if self.job.shape.task == "regression" else loss


def _mixed(*parts: int) -> int:
    """A seed of several numbers that resembles none of its neighbours'."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=7).digest())
