"""Multilayer perceptrons by PyTorch, trained by one process or several that share the rows; saved as safetensors, which hold data alone."""

from __future__ import annotations

from headrace.hooks import Algorithm, Task, hookimpl
from headrace_torch.params import Params

__all__ = ["ALGORITHMS", "Params", "headrace_algorithms"]


def _algorithm(name: str, task: Task, fit: str) -> Algorithm:
    return Algorithm(
        name=name,
        task=task,
        params="headrace_torch.params:Params",
        fit=f"headrace_torch.fitting:{fit}",
        save="headrace_torch.fitting:save",
        load="headrace_torch.fitting:load",
        format="headrace-torch-safetensors",
        watched=True,
    )


ALGORITHMS = (
    _algorithm("torch.classifier", "binary", "fit_classifier"),
    _algorithm("torch.multiclass", "multiclass", "fit_multiclass"),
    _algorithm("torch.regressor", "regression", "fit_regressor"),
)


@hookimpl
def headrace_algorithms() -> list[Algorithm]:
    """The algorithms of this plugin."""
    return list(ALGORITHMS)
