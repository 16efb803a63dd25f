"""One run in a notebook: `with headrace.run("experiment") as run`, and what it logs."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextvars import ContextVar, Token
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from headrace import tracking
from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.notebook.place import opened
from headrace.store.kinds import TrackedStatus
from headrace.training.lineage import environment as installed

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from headrace.steps.workspace import Workspace

ACTIVE: ContextVar[Run | None] = ContextVar("ACTIVE", default=None)
"""The run that this thread of control is within; `autolog` logs into it."""


def run(
    experiment: str,
    *,
    name: str | None = None,
    model: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    parent: str | Run | None = None,
    environment: str | None = None,
) -> Run:
    """A run of an experiment, tracked for the length of a `with` block in the project that encloses the working directory.

    One that raises has failed, one that is interrupted was killed. HeadraceError: `not-compiled`, `other-environment`, `bad-record`.
    """
    return Run(experiment, name=name, model=model, params=params, tags=tags, parent=parent, environment=environment)


class Run:
    """A tracked run. What it logs is written at once, but metrics, which are written once a second and when the run ends."""

    def __init__(
        self,
        experiment: str,
        *,
        name: str | None = None,
        model: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        parent: str | Run | None = None,
        environment: str | None = None,
    ) -> None:
        self.id = tracking.new_id()
        self.experiment = experiment
        self._said = {"name": name, "model": model, "parent": parent.id if isinstance(parent, Run) else parent}
        self._params, self._tags = dict(params or {}), dict(tags or {})
        self._environment = environment
        self._workspace: Workspace | None = None
        self._recorder: tracking.Recorder | None = None
        self._token: Token[Run | None] | None = None

    def __repr__(self) -> str:
        return f"Run({self.id!r}, experiment={self.experiment!r})"

    def __enter__(self) -> Self:
        workspace = self._workspace = opened(self._environment)
        try:
            made_by = tracking.commit(workspace.root)
            digests = {"environment": workspace.store.blobs.put(installed()), **({} if made_by is None else made_by.to_json())}
            at = workspace.store.clock.now()
            with workspace.store.transaction(workspace.actor, "begin", f"run {self.id}") as session:
                process = tracking.Process.mine()
                tracking.begin(session, id=self.id, experiment=self.experiment, actor=workspace.actor, at=at, process=process, **self._said)
                tracking.log_params(session, self.id, self._params)
                tracking.set_tags(session, self.id, self._tags)
                tracking.write_digests(session, self.id, digests)
        except BaseException:
            workspace.close()
            self._workspace = None
            raise
        self._recorder = tracking.Recorder(workspace.store, self.id, workspace.actor)
        self._token = ACTIVE.set(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        workspace, recorder = self._open(), self._recorder
        if self._token is not None:
            ACTIVE.reset(self._token)
        status = TrackedStatus.FINISHED
        if error is not None:
            status = TrackedStatus.FAILED if isinstance(error, Exception) else TrackedStatus.KILLED
        said = None if error is None else f"{type(error).__name__}: {error}"
        try:
            if recorder is not None:
                recorder.close()
            with workspace.store.transaction(workspace.actor, "end", f"run {self.id}") as session:
                tracking.end(session, self.id, status, at=workspace.store.clock.now() if recorder is None else recorder.now(), error=said)
        finally:
            workspace.close()
            self._workspace = self._recorder = self._token = None

    def log_param(self, name: str, value: Any) -> None:  # noqa: ANN401 - anything that can be told
        """Log one param. HeadraceError `param-changed` where it was logged with another value."""
        self.log_params({name: value})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params. HeadraceError `param-changed` where one was logged with another value: nothing is logged then."""
        with self._writing("log") as session:
            tracking.log_params(session, self.id, params)

    def log_metric(self, name: str, value: float, step: int = 0) -> None:
        """Log one value of one metric."""
        self.step(step, {name: value})

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log the metrics of one step."""
        self.step(step, metrics)

    def step(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Log the metrics of one iteration, as training loops tell them."""
        self._open()
        if self._recorder is not None:
            self._recorder.step(iteration, metrics)

    def tag(self, **tags: Any) -> None:  # noqa: ANN401 - anything that can be told
        """Set tags; one that is there gets the new value."""
        with self._writing("tag") as session:
            tracking.set_tags(session, self.id, tags)

    def log_artifact(self, what: str | Path | bytes, name: str | None = None) -> str:
        """Keep a file, or bytes under a name, and give their digest; other bytes of the same name are its next version."""
        data = what if isinstance(what, bytes) else Path(what).read_bytes()
        called = name if name is not None or isinstance(what, bytes) else Path(what).name
        if called is None:
            raise HeadraceError(
                Diagnostic("bad-record", "bytes have no name of their own", help='run.log_artifact(data, name="model.txt")')
            )
        workspace = self._open()
        digest = workspace.store.blobs.put(data)
        at = workspace.store.clock.now()
        with self._writing("log") as session:
            tracking.link(session, self.id, called, digest, at=at, size=len(data))
        return digest

    def log_predictions(self, target: ArrayLike, prediction: ArrayLike, entity: ArrayLike | None = None) -> None:
        """Keep what was answered to held-out rows, so that `headrace runs compare` can test this run against others on the same rows.

        target, prediction and entity, which is the row's number where it is not given: shape (n,).
        """
        import pandas as pd

        number = range(len(pd.Series(target))) if entity is None else entity
        frame = pd.DataFrame({"entity": number, "time": 0, "target": target, "prediction": prediction})
        out = io.BytesIO()
        frame.to_parquet(out, index=False)
        self.log_artifact(out.getvalue(), tracking.REFERENCE)
        with self._writing("log") as session:
            tracking.write_digests(session, self.id, {tracking.HOLDOUT: tracking.holdout_digest(out.getvalue())})

    def _open(self) -> Workspace:
        if self._workspace is None:
            message = f"the run {self.id} is not open: it logs within its `with` block"
            raise HeadraceError(Diagnostic("run-not-open", message, help=f'with headrace.run("{self.experiment}") as run:'))
        return self._workspace

    def _writing(self, action: str) -> Any:  # noqa: ANN401 - a context manager of a session
        workspace = self._open()
        return workspace.store.transaction(workspace.actor, action, f"run {self.id}")
