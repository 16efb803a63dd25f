"""Compiled files as they are found on disk: whose they are, and the one fault that is told where one cannot be read."""

from __future__ import annotations

import json
from pathlib import Path, PurePath
from typing import TypeVar

from pydantic import ValidationError

from headrace.compiled.config import Config
from headrace.compiled.serving import ServingConfig
from headrace.compiled.workspace import WorkspaceConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

HEADER = "# Compiled by headrace from "
"""How the first line of every compiled Python file begins."""
WORKSPACE = "headrace.json"
"""The file of the whole project, in `flows/`."""
BACKFILL = "backfill_.py"
"""The flow that brings in days of any view, where the environment has a runner; no model's name ends so."""
FLAGS = "flags.json"
"""The file of the project's flags, where it has any."""
OF_PROJECT = frozenset({WORKSPACE, BACKFILL, FLAGS})
"""The files of `flows/` that are of no model."""
_OF_A_MODEL = (".deploy.json", ".serving.json")
_FAULTS = 3
"""How many faults of one file are told."""

C = TypeVar("C", bound=Config)


def read_workspace(root: Path) -> WorkspaceConfig:
    """`flows/headrace.json` of a project's folder; HeadraceError as `read`."""
    return read(WorkspaceConfig, root / "flows" / WORKSPACE)


def read_serving(root: Path, model: str) -> ServingConfig:
    """`flows/NAME.serving.json` of a project's folder; HeadraceError as `read`."""
    return read(ServingConfig, root / "flows" / f"{model}.serving.json")


def read(kind: type[C], path: Path) -> C:
    """A compiled file; HeadraceError `not-compiled` where there is none, `config-unreadable` as `parse`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        message = f"{path} does not exist: it was never compiled"
        raise HeadraceError(Diagnostic("not-compiled", message, help="type `headrace compile`"), Exit.FAILED) from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    return parse(kind, text, path)


def parse(kind: type[C], text: str, path: PurePath | str) -> C:
    """The config that a compiled file holds; `path` is where it stands.

    HeadraceError `config-unreadable` where it is no JSON, lacks a key, holds another type, or was compiled for another model.
    """
    try:
        config = kind.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise _unreadable(path, _said(error)) from None
    model = of_model(PurePath(path).name)
    holds = getattr(config, "model", None)
    if model is not None and holds != model:
        raise _unreadable(path, f"it was compiled for model/{holds}")
    return config


def of_model(name: str) -> str | None:
    """The model that a file of this name is compiled for; None where it is for none."""
    return next((name.removesuffix(ending) for ending in _OF_A_MODEL if name.endswith(ending)), None)


def is_compiled(name: str, text: str) -> bool:
    """Whether a file of `flows/` was compiled, by what it says of itself; by another version, too."""
    if text.startswith(HEADER):
        return name.endswith(".py")
    model = of_model(name)
    try:
        value = json.loads(text) if model is not None or name == FLAGS else None
    except ValueError:
        return False
    return isinstance(value, dict) and "project" in value and (value.get("model") == model if name != FLAGS else "flags" in value)


def _said(error: ValidationError) -> str:
    found = [_fault(".".join(map(str, fault["loc"])), fault["type"], fault["msg"]) for fault in error.errors(include_url=False)]
    return "; ".join(found[:_FAULTS]) + (f"; and {len(found) - _FAULTS} more" if len(found) > _FAULTS else "")


def _fault(where: str, kind: str, message: str) -> str:
    match kind:
        case "missing":
            return f"`{where}` is missing"
        case _:
            return f"`{where}`: {message}" if where else message


def _unreadable(path: PurePath | str, why: str) -> HeadraceError:
    fault = Diagnostic("config-unreadable", f"{path} cannot be read: {why}", help="type `headrace compile` to write it again")
    return HeadraceError(fault, Exit.FAILED)
