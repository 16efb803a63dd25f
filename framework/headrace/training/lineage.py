"""What a model was made by: the digests of the code and of all that is installed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

import headrace
from headrace.store import digest


def code_digest(modules: Iterable[str] = ()) -> str:
    """The digest of this package's sources and of the modules that are named, such as an algorithm's of the project's own."""
    package = Path(headrace.__file__).parent
    files = {str(path.relative_to(package)): path for path in package.rglob("*.py")}
    for name in modules:
        spec = find_spec(name)
        if spec is not None and spec.origin is not None and not Path(spec.origin).is_relative_to(package):
            files[name] = Path(spec.origin)
    total = hashlib.sha256()
    for name, path in sorted(files.items()):
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return f"sha256:{total.hexdigest()}"


def environment_digest() -> str:
    """The digest of what is installed: every distribution with its version, sorted."""
    installed = sorted({f"{item.name.lower()}=={item.version}" for item in distributions() if item.name})
    return digest("\n".join(installed).encode())
