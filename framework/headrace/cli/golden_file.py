"""What golden requests are made of, for `headrace golden`: the journal, a file of rows, the specs, and a server that is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from ssl import SSLContext

    from sqlmodel import Session

    from headrace.compiled import ServingConfig
    from headrace.hooks.golden import Golden, Said
    from headrace.project import Project
    from headrace.registry import Loaded
    from headrace.store import Store

_LOOKED = 20
"""So many answers of the journal are looked at for each request that is wanted: many are alike, or about inputs that were encrypted."""


def journalled(store: Store, loaded: Loaded, last: int, tolerance: float) -> Golden:
    """The newest different requests that a version answered, with what it answered; HeadraceError `golden-requests` where there is none."""
    from sqlmodel import col, select

    from headrace.store.tables import Prediction

    version = loaded.version
    names = {item.name for item in loaded.signature.inputs}
    found: dict[str, dict[str, Any]] = {}
    mine = (Prediction.model == version.model, Prediction.version == version.number, col(Prediction.error).is_(None))
    with store.read() as session:
        for row in session.exec(select(Prediction).where(*mine).order_by(col(Prediction.seq).desc()).limit(last * _LOOKED)):
            if len(found) < last and row.inputs.keys() == names and all(isinstance(value, _PLAIN) for value in row.inputs.values()):
                inputs = _plain(row.inputs)
                said = row.answer if row.answer is not None else row.output
                found.setdefault(json.dumps(inputs, sort_keys=True), {"id": row.id, "inputs": inputs, "expect": said})
    if not found:
        message = f"the journal has no answer of {version} with all of its inputs readable"
        raise _unusable(message, "ask it first, ship the journal with `headrace up`, or give rows with `--from FILE`")
    return _golden(list(found.values()), tolerance)


_PLAIN = (int, float, str, type(None))
"""What an input is where nobody encrypted it."""


def _plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers as numbers, whole ones too."""
    return {name: float(value) if isinstance(value, bool | int) else value for name, value in inputs.items()}


def answered_now(loaded: Loaded, data: bytes, name: str, tolerance: float) -> Golden:
    """Rows of a file with what a version answers to them now; HeadraceError `golden-requests` where one has no answer."""
    from headrace import registry

    told = [_row(item, name) for item in _rows(data, name)]
    if not told:
        raise _unusable(f"{name} has no request", 'write a list of inputs, such as `[{"age": 19}]`')
    given = registry.answers_to(loaded, [row["inputs"] for row in told])
    if (bad := next((said for said in given if isinstance(said, str)), None)) is not None:
        raise _unusable(f"{loaded.version} does not answer a request of {name}: {bad}", "leave it out, or mend it")
    return _golden([{**row, "expect": said} for row, said in zip(told, given, strict=True)], tolerance)


def _rows(data: bytes, name: str) -> list[Any]:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise _unusable(f"{name} is no JSON: {error}", "write a list of inputs in JSON") from None
    found = found.get("requests") if isinstance(found, dict) else found
    if not isinstance(found, list):
        raise _unusable(f"{name} holds no list of requests", 'write a list of inputs, or `{"requests": [...]}`')
    return found


def _row(item: Any, name: str) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    inputs = item.get("inputs", item) if isinstance(item, dict) else None
    if not isinstance(inputs, dict):
        raise _unusable(f"a request of {name} is no object of inputs", 'write each as `{"age": 19, "region": null}`')
    named = {"id": item["id"]} if isinstance(item.get("id"), str) and inputs is not item else {}
    return {**named, "inputs": _plain(inputs)}


def _golden(requests: Sequence[Mapping[str, Any]], tolerance: float) -> Golden:
    from headrace.hooks.golden import read_golden

    try:
        return read_golden(json.dumps({"tolerance": tolerance, "requests": requests}).encode())
    except ValueError as error:
        raise _unusable(f"these are no golden requests: {error}", "inputs are numbers, texts and null") from None


def written(golden: Golden) -> bytes:
    """The file, a line a request, so that a change of one is a change of one line."""
    lines = [json.dumps(one.model_dump(exclude_none=True) | {"inputs": one.inputs}, ensure_ascii=False) for one in golden.requests]
    return (f'{{"tolerance": {golden.tolerance:g}, "requests": [\n  ' + ",\n  ".join(lines) + "\n]}\n").encode()


def read_file(path: Path) -> Golden:
    """A file of golden requests; HeadraceError `golden-requests` where it cannot be read."""
    from headrace.hooks.golden import read_golden

    try:
        return read_golden(path.read_bytes())
    except OSError as error:
        raise _unusable(f"{path} cannot be read: {error.strerror}", "`headrace golden record` writes one") from None
    except ValueError as error:
        raise _unusable(f"{path} holds no golden requests: {error}", "`headrace golden record` writes some") from None


def declared(project: Project, root: Path) -> Iterator[dict[str, Any]]:
    """Each gate of golden requests of the specs, with what its file holds, or why it holds nothing."""
    for model in project.models:
        for gate in model.gates:
            if gate.gate == "golden":
                file = str(gate.params["file"])
                told = {"model": model.name, "gate": gate.id, "file": file, "max": int(gate.params.get("max", 0))}
                try:
                    held = read_file(root / file)
                except HeadraceError as error:
                    yield {**told, "requests": 0, "tolerance": None, "why": str(error.report.found[0].message)}
                else:
                    yield {**told, "requests": len(held.requests), "tolerance": held.tolerance, "why": None}


def last_asked(session: Session, model: str, gate: str) -> dict[str, Any] | None:
    """Which version a gate was last asked about, and whether it passed."""
    from sqlmodel import col, select

    from headrace.store.tables import Verdict

    query = select(Verdict).where(Verdict.model == model, Verdict.gate == gate).order_by(col(Verdict.id).desc()).limit(1)
    row = session.exec(query).first()
    return None if row is None else {"version": row.number, "passed": row.passed, "at": row.at.isoformat(), "reason": row.reason}


@dataclass(frozen=True, slots=True)
class Asking:
    """A running server, asked row by row."""

    url: str
    entity: str
    trusted: SSLContext | None

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> list[Said]:
        """What it answers to each; HeadraceError `server-away` where nobody does. Why it refuses one is no answer."""
        return [self._ask(row) for row in rows]

    def _ask(self, row: Mapping[str, Any]) -> Said:
        from headrace.cli.predict import ask

        try:
            told = ask(self.url, {**row, self.entity: "golden"}, self.trusted)
        except HeadraceError as error:
            if error.report.found[0].id == "server-away":
                raise
            return str(error.report.found[0].message)
        said = told.get("probabilities") or told["prediction"]
        return said if isinstance(said, dict | str) else float(said)


def asked_of(config: ServingConfig, root: Path, url: str) -> Asking:
    """The server at a URL; at the port of the spec, proven by its certificate, where the URL is `here`."""
    from headrace.cli.asking import trust
    from headrace.cli.predict import below

    if url != "here":
        return Asking(url.rstrip("/"), config.entity, None)
    trusted = trust(root, config.model)
    return Asking(config.url + below(config.url, config, trusted), config.entity, trusted)


def _unusable(message: str, help_: str) -> HeadraceError:
    return HeadraceError(Diagnostic("golden-requests", message, help=help_), Exit.FAILED)
