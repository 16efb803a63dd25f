"""What a network is trained by, as a spec says it; read without PyTorch."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from headrace.hooks import Duration

Width = Annotated[int, Field(ge=1, le=65_536)]


class Params(BaseModel):
    """A multilayer perceptron, AdamW over mini-batches, and the processes that share the work."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    hidden: tuple[Width, ...] = Field(
        default=(64, 32), max_length=32, description="Units of each hidden layer, in order, with ReLU after each; `[]` is a linear model."
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="The share of a hidden layer's units that is left out of a training step.")
    epochs: int = Field(default=20, ge=1, le=100_000, description="How often training goes through the rows, at most. A step is an epoch.")
    batch_size: int = Field(
        default=256, ge=1, description="Rows of one step of the optimiser, over all workers; each takes an equal share, rounded up."
    )
    learning_rate: float = Field(default=0.001, gt=0, le=10, description="AdamW's learning rate.")
    weight_decay: float = Field(default=0.01, ge=0, le=10, description="AdamW's weight decay.")
    workers: int = Field(
        default=1, ge=1, le=256, description="Processes that share the rows (DistributedDataParallel, by torchrun, on one machine)."
    )
    device: Literal["cpu", "cuda"] = Field(default="cpu", description="What trains; on `cuda` each worker takes a GPU of its own.")
    backend: Literal["gloo", "nccl"] = Field(default="gloo", description="What workers talk by: `gloo`, or `nccl` between GPUs.")
    worker_timeout: Duration = Field(
        default=timedelta(minutes=5), description="How long a worker may wait for the others before the training ends as failed."
    )
    log_interval: int = Field(default=100, ge=1, description="After how many batches the mean loss of these is told, within an epoch.")

    @field_validator("worker_timeout")
    @classmethod
    def _some_time(cls, value: timedelta) -> timedelta:
        if value < timedelta(seconds=1):
            raise ValueError("a worker needs a second at least")
        return value

    @model_validator(mode="after")
    def _between_gpus(self) -> Self:
        if self.backend == "nccl" and self.device == "cpu":
            raise ValueError("`nccl` works between GPUs alone, and `device` is `cpu`: say `gloo`, or `device: cuda`")
        return self
