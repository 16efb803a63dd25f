"""What the exports of a server share: its arguments, its references to secrets, what it must reach, and its project's files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field

from headrace.hooks import Server

HOME = "/srv/headrace"
"""The project's folder where the server runs."""
PYTHON = "/opt/headrace/bin/python"
"""Its interpreter there."""
USER = 10001
"""The user and the group that it runs as."""
DRAIN, GRACE, KILL = 5, 20, 30
"""Seconds for which it says that it ends before it stops accepting, for what is then in flight and the journal, and until it is killed."""
MEMORY = 2**30
"""Bytes of one process, where the spec does not say."""

_PORTS = {"http": 80, "https": 443, "s3": 443, "gs": 443, "postgresql": 5432}
"""Of URLs that name none."""

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


@dataclass(frozen=True, slots=True)
class References:
    """Where secrets come from: environment variables, and files by their paths in the project's folder."""

    variables: tuple[str, ...]
    files: tuple[str, ...]


VARIABLES = Field(
    default=(),
    strict=False,
    examples=[["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]],
    description="Environment variables that it needs beside those that the spec names, such as what opens the blobs.",
)


def references(server: Server, more: Sequence[str] = ()) -> References:
    """What the server itself reads, and more variables; what flows and channels need is not its."""
    told = [server.workspace.get(key) for key in ("store", "blobs", "online")]
    found = set(_texts([*told, server.serving]))
    return References(
        tuple(sorted({*more, *(text.removeprefix("env:") for text in found if re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", text))})),
        tuple(
            sorted(text.removeprefix("file:") for text in found if text.startswith("file:") and not PurePosixPath(text[5:]).is_absolute())
        ),
    )


def reached(server: Server) -> list[int]:
    """The TCP ports of what the spec names by its URL: the store, blobs, online events, the key set of tokens, traces, journalled files."""
    access, journal = server.serving.get("access") or {}, server.serving.get("journal") or {}
    told = [server.workspace.get(key) for key in ("store", "blobs", "online")]
    told += [
        ((access.get("auth") or {}).get("jwt") or {}).get("jwks"),
        (access.get("tracing") or {}).get("endpoint"),
        journal.get("parquet"),
    ]
    urls = [urlsplit(text) for text in told if isinstance(text, str) and "://" in text]
    return sorted({port for url in urls if (port := url.port or _PORTS.get(url.scheme.partition("+")[0])) is not None})


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _texts(item)


def key_of(path: str) -> str:
    """The key by which a secret file stands in a Secret."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path).strip("-")


def arguments(server: Server, *, host: str, workers: int | None, anonymous: bool) -> list[str]:
    """What follows `python -m headrace.serving`; `workers` where something else counts them.

    ValueError where the server would refuse to listen there: nobody would be asked who they are.
    """
    given = [f"flows/{server.model}.serving.json", "--host", host, "--port", str(port(server))]
    given += [] if workers is None else ["--workers", str(workers)]
    return [*given, "--drain", str(DRAIN), "--grace", str(GRACE), *_allowed(server, host, anonymous=anonymous)]


def _allowed(server: Server, host: str, *, anonymous: bool) -> list[str]:
    access = server.serving.get("access", {})  # not printed where nothing is said of it
    if host in ("127.0.0.1", "::1"):
        return []
    if access.get("auth") is None and not anonymous:
        said = f"model/{server.model} asks nobody for a key, and would listen on every address: declare `serving.auth`, or say "
        raise ValueError(f"{said}`--param anonymous=true` where what is in front of it asks")
    open_ = [] if access.get("auth") is not None else ["--allow", "anonymous"]
    return open_ if access.get("tls") is not None else [*open_, "--allow", "plain-http"]


def port(server: Server) -> int:
    """The port that it answers on."""
    return int(server.serving["port"])


def scheme(server: Server) -> str:
    """`https` where it answers nothing else."""
    return "https" if (server.serving.get("access") or {}).get("tls") is not None else "http"


def replicas(server: Server) -> tuple[int, int, int]:
    """The least and the most processes, and the bytes of each."""
    told = server.serving.get("replicas") or {}
    return told.get("min", 1), told.get("max", 1), told.get("memory") or MEMORY


def mib(size: int) -> str:
    """A size as Kubernetes writes it, rounded up."""
    return f"{-(-size // 2**20)}Mi"


def body(server: Server) -> int:
    """The most bytes that it takes of a request's body."""
    return int((server.serving.get("limits") or {}).get("body", 2**20))


def local(server: Server) -> list[str]:
    """What of the server's project only this machine has, in words; a reference may be anything."""
    found = []
    store, blobs = str(server.workspace["store"]), str(server.workspace["blobs"])
    if store.startswith("sqlite"):
        found.append(f"the store `{store}` is a file of one machine")
    if "://" not in blobs and not blobs.startswith(("env:", "file:")):
        found.append(f"the blobs `{blobs}` are a folder of one machine")
    return found


def shared(server: Server) -> None:
    """ValueError where other machines could not reach what the server needs."""
    if found := local(server):
        said = f"{' and '.join(found)}: other machines need a database and a URL, such as `store: env:STORE_URL` of PostgreSQL and"
        raise ValueError(f"{said} `blobs: s3://bucket/blobs` in the environment that is compiled")


def image(server: Server, given: str) -> str:
    """The image that is meant: the given one, or one named after what it is made of."""
    if given:
        return given
    digest = sha256()
    for path, data in sorted(server.files.items()):
        digest.update(f"{path}\0{len(data)}\0".encode() + data)
    digest.update("\n".join(server.requirements).encode())
    return f"{server.workspace['project']}-{server.model}:{digest.hexdigest()[:12]}"


def yaml(*documents: Mapping[str, Any]) -> str:
    """Documents as they are read: in their order, texts quoted where they must be."""
    import yaml as pyyaml

    dumped = [pyyaml.safe_dump(dict(one), sort_keys=False, width=140, allow_unicode=True) for one in documents]
    return "---\n".join(dumped)


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files by their paths in the folder."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
