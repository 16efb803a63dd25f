"""What a model was made by: the texts that say which code it was and all that was installed, and on which machine."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from importlib.metadata import distributions
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
    installed = sorted({f"{item.name.lower()}=={item.version}" for item in distributions() if item.name})
    return "\n".join(installed).encode()


def machine() -> dict[str, str]:
    """What the same code may compute otherwise on: the processor's architecture, the system and Python."""
    return {"architecture": platform.machine(), "system": platform.system(), "python": platform.python_version()}
