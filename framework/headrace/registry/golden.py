"""The golden requests that a version was let through by: asked again by whoever is about to let it answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.hooks import Answers, Signature
from headrace.hooks.golden import Golden, Said, read_golden, replayed
from headrace.registry.loading import Loaded
from headrace.registry.version import Version
from headrace.store import Store, events
from headrace.store.events import EventKind

KIND = "golden"
"""The kind of gate whose verdict names the requests."""
_JUDGED = (EventKind.GATES_JUDGED, EventKind.CANDIDATE_PASSED, EventKind.CANDIDATE_REJECTED)


def replay(store: Store, version: Version, answer: Callable[[Mapping[str, Any]], Said]) -> int:
    """Ask `answer` the requests of every golden gate that the version passed when it was last judged; how many these are.

    HeadraceError: `golden-answers` where more are answered otherwise than the gate allows, and as `Blobs.get` where they are lost.
    """
    asked = 0
    for told in _passed(store, version):
        golden = _read(store, version, told)
        given = [answer(request.inputs) for request in golden.requests]
        signature = Signature.from_json(version.manifest.get("signature", ()))
        off = list(replayed(golden, given, Answers.of(version.manifest), signature))
        if len(off) > int(told.get("max", 0)):
            message = f"{version} answers {len(off):,} of its {len(given):,} golden requests otherwise: {off[0].id}: {off[0].says}"
            help_ = "install the libraries that it was trained with, or type `headrace run train`"
            raise HeadraceError(Diagnostic("golden-answers", message, help=help_), Exit.REFUSED)
        asked += len(given)
    return asked


def _passed(store: Store, version: Version) -> Iterator[Mapping[str, Any]]:
    """The evidence of each golden gate that the version passed, of its last judgement."""
    with store.read() as session:
        log = events.log(session, version.model, _JUDGED)
    last = next((item.payload for item in reversed(log) if item.payload.get("number") == version.number), {})
    for gate in last.get("gates", ()):
        if gate.get("metric") == KIND and gate.get("passed") and gate.get("evidence", {}).get("digest"):
            yield gate["evidence"]


def _read(store: Store, version: Version, told: Mapping[str, Any]) -> Golden:
    try:
        return read_golden(store.blobs.get(told["digest"]))
    except ValueError as error:
        message = f"the golden requests of {version} cannot be read: {error}"
        raise HeadraceError(
            Diagnostic("golden-answers", message, help="type `headrace run judge` to judge it again"), Exit.REFUSED
        ) from None


def answers_to(loaded: Loaded, rows: Sequence[Mapping[str, Any]]) -> list[Said]:
    """What a version says to each row, asked one by one as a server asks it; why there is no answer, where there is none."""
    return [_answer(loaded, row) for row in rows]


def _answer(loaded: Loaded, row: Mapping[str, Any]) -> Said:
    answers = loaded.answers
    try:
        values, _ = loaded.signature.encode_row(row)
        given = loaded.predictor.predict(loaded.signature.matrix((values,)))
        why = answers.fault(given, 1)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and a row may be none of this version's
        return f"{type(error).__name__}: {error}"
    if why is not None:
        return f"the model {why}"
    return dict(zip(answers.keys, given[0].tolist(), strict=True)) if answers.keys else float(given[0])
