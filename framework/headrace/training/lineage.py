"""What a model was made by: the texts that say which code it was and all that was installed, and on which machine."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from importlib.util import find_spec
from pathlib import Path

import headrace


def code(modules: Iterable[str] = ()) -> bytes:
    """This package's sources and the modules that are named, such as an algorithm's of the project's own: a line each, with its digest."""
    package = Path(headrace.__file__).parent
    files = {str(path.relative_to(package)): path for path in package.rglob("*.py")}
    for name in modules:
        try:
            spec = find_spec(name)
        except ImportError:  # a user's own module may be gone, and then so is its line
            spec = None
        if spec is not None and spec.origin is not None and not Path(spec.origin).is_relative_to(package):
            files[name] = Path(spec.origin)
    lines = [f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n" for name, path in sorted(files.items())]
    return "".join(lines).encode()


def environment() -> bytes:
    """What is installed: every distribution with its version, a line each, sorted."""
    named = (_named(item) for item in distributions())
    return "\n".join(sorted({f"{name.lower()}=={version}" for name, version in named if name})).encode()


def _named(item: Distribution) -> tuple[str | None, str | None]:
    """Name and version as its metadata begins: the description behind it is most of it, and parsing that took a third of a second."""
    head = (item.read_text("METADATA") or "").partition("\n\n")[0]
    name, version = (re.search(rf"^{word}: *(.+?)\s*$", head, re.MULTILINE) for word in ("Name", "Version"))
    return (item.name, item.version) if name is None or version is None else (name[1], version[1])


def machine() -> dict[str, str]:
    """What the same code may compute otherwise on: the processor's architecture, the system and Python."""
    return {"architecture": platform.machine(), "system": platform.system(), "python": platform.python_version()}
