"""A tracker's functions, asked: params read with their secrets in place, and every fault told without them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.hooks import Tracker, resolve
from headrace.secrets import Secrets
from headrace.spec.params import read_params


@dataclass(frozen=True, slots=True)
class Asked:
    """A tracker that is ready to be asked."""

    tracker: Tracker
    params: BaseModel
    secrets: Secrets

    @contextmanager
    def faults(self) -> Iterator[None]:
        """What the tracker raises is `mirror-failed`; what is ours stays what it is."""
        try:
            yield
        except HeadraceError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            told = self.secrets.redact(str(error) or type(error).__name__)
            message = f"`{self.tracker.name}` failed: {told}"
            help_ = "mend what it says, and type the command again: what was done stays done"
            raise HeadraceError(Diagnostic("mirror-failed", message, help=help_), Exit.FAILED) from None


def asked(tracker: Tracker, params: Mapping[str, Any], root: Path) -> Asked:
    """HeadraceError: `secret-missing`, `bad-params`, `mirror-failed` where the plugin cannot be loaded."""
    secrets = Secrets(root)
    try:
        model: type[BaseModel] = resolve(tracker.params)
    except (Exception, SystemExit) as error:
        message = f"`{tracker.name}` cannot be loaded: {type(error).__name__}: {error}"
        raise HeadraceError(Diagnostic("mirror-failed", message), Exit.FAILED) from error
    try:
        read = read_params(model, secrets.resolve(params))
    except ValidationError as error:
        faults = "; ".join(f"`{'.'.join(map(str, item['loc']))}`: {secrets.redact(item['msg'])}" for item in error.errors())
        message = f"parameters of `{tracker.name}`: {faults}"
        raise HeadraceError(Diagnostic("bad-params", message, help="correct `tracking.params` of the environment, and compile")) from None
    return Asked(tracker, read, secrets)
