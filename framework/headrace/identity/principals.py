"""Principals: one for each person of this machine, recorded when first seen, and one for each part of ours that acts by itself."""

from __future__ import annotations

import getpass
import os
import re

from sqlmodel import select

from headrace.store import Sessions, clock
from headrace.store.tables import Principal


def local_principal(store: Sessions) -> str:
    """The person who runs this command, by the name of the operating system's user: `user:ana`; recorded when first seen."""
    name = f"user:{_os_user()}"
    query = select(Principal).where(Principal.name == name)
    with store.read() as session:
        known = session.exec(query).first()
    if known is None:
        with store.transaction(name, "create", f"principal {name}") as session:
            # Another command of the same person may have come first: look again under the lock.
            if session.exec(query).first() is None:
                session.add(Principal(name=name, kind="user", created_at=clock.wall()))
    return name


def service(name: str) -> str:
    """A part of ours that acts by itself: `service:train`."""
    return f"service:{name}"


def _os_user() -> str:
    try:
        found = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        found = str(os.getuid())
    return re.sub(r"[^\w.@-]+", "-", found)
