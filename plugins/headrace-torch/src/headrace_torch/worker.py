"""One worker of a training, as torchrun starts it: it takes its place, learns with the others, and the first of them tells."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import distributed
from torch.distributed.elastic.multiprocessing.errors import record

from headrace.hooks import Watch
from headrace_torch.learning import exactly, learn
from headrace_torch.talk import Line
from headrace_torch.workers import job_in, place_of


@record
def main() -> None:
    """The worker of the folder that the command line names."""
    folder = Path(sys.argv[1])
    job, given = job_in(folder)
    place = place_of(job.params)
    line = Line.to(folder / "line", place.rank)
    if place.device.type == "cuda":
        torch.cuda.set_device(place.device)
    distributed.init_process_group(job.params.backend, timeout=job.params.worker_timeout)
    watch = line.watch(given) if place.rank == 0 else Watch(resume=given.resume)
    with exactly():
        model = learn(job, place, watch)
    distributed.destroy_process_group()
    if place.rank == 0:
        line.end(model)


if __name__ == "__main__":
    main()
