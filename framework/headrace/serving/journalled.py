"""The journal of one server by its config: the spool with its keys read, and what is told of it in metrics and metadata."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from headrace.compiled import JournalConfig, ServingConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.journal import Backlog, Spool, Terms, backlog, beside, shipping_now
from headrace.journal.personal import Personal, encryption_key
from headrace.journal.spool import SEGMENT_BYTES
from headrace.secrets import Secrets
from headrace.serving.workspace import Workspace
from headrace.store.clock import wall

_SEGMENTS = 8
"""A spool holds at least so many segments, so that what was shipped of it can be deleted."""
_SHORTEST = 16


def open_spool(config: ServingConfig, workspace: Workspace) -> Spool:
    """The spool; HeadraceError `secret-missing` or `personal-key` for a key, `journal-unwritable` for its folder."""
    journal = config.journal
    terms = Terms(
        segment_bytes=min(SEGMENT_BYTES, max(1, journal.bytes // _SEGMENTS)),
        max_bytes=journal.bytes,
        strict=journal.durability == "strict",
        drop=journal.full == "drop",
        personal=personal(config, Secrets(workspace.root)) if journal.personal else None,
    )
    log = journal.log
    try:
        # Before the first record: whoever ships it must know.
        beside.save(
            workspace.spool,
            beside.Beside(
                _absolute(workspace, journal.parquet),
                log.share if log is not None else 0.0,
                _absolute(workspace, log.file) if log is not None else None,
            ),
        )
        return Spool.open(workspace.spool, terms)
    except OSError as error:
        message = f"the journal of model/{config.model} cannot be kept in {workspace.spool}: {error.strerror or error}"
        raise HeadraceError(Diagnostic("journal-unwritable", message, help=f"ls -ld {workspace.spool}"), Exit.FAILED) from error


def spool_beside(spool: Spool, workspace: Workspace) -> Spool:
    """One more for the same folder, of what need not be journalled: half of the bytes are kept for what must be."""
    terms = spool.terms
    return Spool.open(workspace.spool, replace(terms, max_bytes=terms.max_bytes // 2, strict=False, drop=False))


def _absolute(workspace: Workspace, place: str | None) -> str | None:
    return place if place is None or "://" in place else str(workspace.root / place)


def keys(journal: JournalConfig, secrets: Secrets) -> dict[str, bytes]:
    """The keys of encryption by id, the first one first; HeadraceError `secret-missing`, `personal-key`."""
    found: dict[str, bytes] = {}
    for name, reference in journal.encryption_keys:
        try:
            found[name] = encryption_key(secrets.resolve(reference))
        except ValueError as error:
            raise _bad_key(f"the key `{name}` in {reference} is none: {error}") from None
    return found


def personal(config: ServingConfig, secrets: Secrets) -> Personal:
    """What becomes of personal columns, with its keys; HeadraceError `secret-missing`, `personal-key`."""
    journal = config.journal
    encrypting = keys(journal, secrets)
    hashing = b"" if journal.hash_key is None else str(secrets.resolve(journal.hash_key)).encode()
    used = set(journal.personal.values())
    if "hash" in used and len(hashing) < _SHORTEST:
        raise _bad_key(f"the key of hashes in {journal.hash_key} has fewer than {_SHORTEST} bytes: it could be guessed")
    if "encrypt" in used and not encrypting:
        raise _bad_key("columns are to be encrypted, and `encryption_keys` names no key")
    name, key = next(iter(encrypting.items()), ("", b""))
    return Personal(journal.personal, config.entity, hash_key=hashing, encryption_id=name, encryption_key=key)


def _bad_key(message: str) -> HeadraceError:
    return HeadraceError(Diagnostic("personal-key", message, help="openssl rand -base64 32"), Exit.INVALID)


class Told:
    """What is told of a journal; a collector of Prometheus's."""

    def __init__(self, config: ServingConfig, workspace: Workspace, spool: Spool) -> None:
        self._config = config
        self._workspace = workspace
        self._spool = spool
        self._last = Backlog(0, None)
        self._looked = wall()

    def look(self) -> int:
        """Ask the store how far it is; the bytes that it lacks. Raises as `Store.read`."""
        began = wall()  # what is written while it looks counts as later
        self._last = backlog(self._workspace.store, self._workspace.spool)
        self._looked = began
        return self._last.bytes

    @property
    def lag(self) -> float:
        """Seconds since the oldest record that the store lacks was written. Where the store did not answer lately, as far as is known."""
        now = wall()
        if self._last.oldest is not None:
            return max(0.0, (now - self._last.oldest).total_seconds())
        # All was shipped when it was last looked at; what came since may wait since then.
        waited = (now - self._looked).total_seconds()
        return waited if waited > 1 and self._spool.written_since(self._looked.timestamp()) else 0.0

    def metadata(self) -> dict[str, Any]:
        """For GET /metadata."""
        journal = self._config.journal
        return {
            "durability": journal.durability,
            "full": journal.full,
            "limit_bytes": journal.bytes,
            "bytes": self._spool.held,
            "dropped": self._spool.dropped,
            "refused": self._spool.refused,
            "lag_seconds": round(self.lag, 3),
            "shipper": shipping_now(self._workspace.spool),
            "personal": dict(journal.personal),
        }

    def collect(self) -> Iterator[Metric]:
        """For GET /metrics."""
        spool, model = self._spool, [self._config.model]
        for name, says, value in (
            ("headrace_journal_dropped", "Predictions that were not journalled, and may have been answered.", spool.dropped),
            ("headrace_journal_refused", "Records that could not be journalled, and whose caller was told so.", spool.refused),
        ):
            counter = CounterMetricFamily(name, says, labels=["model"])
            counter.add_metric(model, value)
            yield counter
        damaged = self._workspace.spool / "damaged"
        for name, says, number in (
            ("headrace_journal_bytes", "Bytes of the spool on disk.", spool.held),
            ("headrace_journal_limit_bytes", "The most bytes that the spool may hold.", spool.terms.max_bytes),
            ("headrace_journal_lag_seconds", "Age of the oldest record that is not in the store.", self.lag),
            ("headrace_journal_shipper_alive", "Whether a shipper works at the spool.", float(shipping_now(self._workspace.spool))),
            ("headrace_journal_damaged", "Damaged or refused records that are kept.", sum(1 for _ in damaged.glob("*"))),
        ):
            gauge = GaugeMetricFamily(name, says, labels=["model"])
            gauge.add_metric(model, number)
            yield gauge
