"""What a server looks at before it listens: that each secret it names is there, and that its keys and its certificate can be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from headrace.compiled import ServingConfig, TlsConfig, WorkspaceConfig
from headrace.diagnostics import HeadraceError, Report
from headrace.secrets import Secrets
from headrace.spec.secret import REFERENCE


def check(workspace: WorkspaceConfig, configs: Sequence[ServingConfig], root: Path, certificate: TlsConfig | None) -> None:
    """HeadraceError with all of it at once: `secret-missing`, `personal-key`, `certificate-unreadable`.

    Whoever starts workers asks this first: each of them would find the same after seconds, end, and be started again.
    """
    faults = [fault for fault in _faults(workspace, configs, root, certificate) if fault is not None]
    if faults:
        found = {(item.id, item.message): item for fault in faults for item in fault.report}
        raise HeadraceError(Report(list(found.values())), faults[0].code)


def _faults(
    workspace: WorkspaceConfig, configs: Sequence[ServingConfig], root: Path, certificate: TlsConfig | None
) -> Iterator[HeadraceError | None]:
    secrets = Secrets(root)
    for reference in (workspace.store, workspace.blobs, workspace.online):
        if REFERENCE.fullmatch(reference):
            yield _missing(secrets, reference)
    for config in configs:
        if (tracing := config.access.tracing) is not None:
            for reference in (tracing.endpoint, *tracing.headers.values()):
                yield _missing(secrets, reference)
        yield from _of_journal(config, secrets)
    if certificate is not None:
        from headrace.serving import tls

        try:
            tls.context(certificate, root)
        except HeadraceError as fault:
            yield fault


def _of_journal(config: ServingConfig, secrets: Secrets) -> Iterator[HeadraceError | None]:
    journal = config.journal
    if not journal.personal:
        return
    references = [reference for _, reference in journal.encryption_keys] + ([] if journal.hash_key is None else [journal.hash_key])
    lacking = [fault for reference in references if (fault := _missing(secrets, reference)) is not None]
    yield from lacking
    if not lacking:
        from headrace.serving.journalled import personal

        try:
            personal(config, secrets)
        except HeadraceError as fault:
            yield fault


def _missing(secrets: Secrets, reference: str) -> HeadraceError | None:
    try:
        secrets.resolve(reference)
    except HeadraceError as fault:
        return fault
    return None


def told(error: HeadraceError) -> Iterator[str]:
    """A fault that ended a server, line by line, as its log has it."""
    for item in error.report:
        yield f"{item.severity}[{item.id}]: {item.message}"
        if item.help is not None:
            yield f"  = help: {item.help}"
