"""All that an environment remembers: its database at the newest schema, its blobs, its clock."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Engine

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.store import engine as engines
from headrace.store import migrations
from headrace.store.blobs import Blobs
from headrace.store.clock import Clock
from headrace.store.faults import translated
from headrace.store.sessions import Sessions


class Store(Sessions):
    """One environment's memory; `transaction` is the only way to write to it."""

    def __init__(self, engine: Engine, blobs: Blobs, root: Path) -> None:
        super().__init__(engine)
        self.blobs = blobs
        self.root = root
        self.info["root"] = root
        self.clock = Clock(self)

    @classmethod
    def open(cls, url: str, blobs: str, *, root: Path) -> Store:
        """Open a store, and make or migrate it first where it is not there or behind.

        `url`: SQLAlchemy's, or `env:NAME` or `file:PATH` for one with a password; a relative SQLite path and a relative folder of blobs are
        under `root`. Several processes may do this at once. Raises HeadraceError: store-url, store-unwritable, store-unreachable,
        store-newer, missing-variable.
        """
        root = root.resolve()
        engine = engines.connect(_resolved(url, root), root)
        with translated(engines.where(engine)):
            migrations.to_head(engine)
        return cls(engine, Blobs(_resolved(blobs, root), root=root), root)


def _resolved(text: str, root: Path) -> str:
    if text.startswith("file:") and not text.startswith("file://"):
        return _from_file(root / text.removeprefix("file:"))
    if not text.startswith("env:"):
        return text
    name = text.removeprefix("env:")
    value = os.environ.get(name)
    if not value:
        message = f"the environment variable {name} is not set, and the store's address is in it"
        raise HeadraceError(Diagnostic("missing-variable", message, help=f"export {name}=…"), Exit.INVALID)
    return value


def _from_file(path: Path) -> str:
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        message = f"the store's address is in {path.name}, which cannot be read: {type(error).__name__}"
        raise HeadraceError(Diagnostic("missing-variable", message, help=f"write it to {path}"), Exit.INVALID) from None
    if not value:
        message = f"the store's address is in {path.name}, which is empty"
        raise HeadraceError(Diagnostic("missing-variable", message, help=f"write it to {path}"), Exit.INVALID)
    return value
