"""A model's server by Docker Compose: the image of `docker`, and how one machine runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.exporters import docker, elsewhere
from headrace.hooks import Exporter, Server


class Params(BaseModel):
    """The parameters of `compose`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    image: str = Field(default="", pattern=r"^\S*$", description="The image's name; one made of its contents, where it is not given.")
    publish: str = Field(
        default="127.0.0.1", pattern=r"^[0-9a-fA-F.:]+$", examples=["10.0.0.1"], description="The machine's address that it answers on."
    )
    variables: tuple[elsewhere.Variable, ...] = elsewhere.VARIABLES
    anonymous: bool = Field(default=False, description="Whether nobody is asked for a key, where `serving.auth` is not declared.")


def export(server: Server, params: Params, folder: Path) -> None:
    """Write `compose.yaml`, and what `docker` writes."""
    head = f"# model/{server.model} of project {server.workspace['project']}, exported by headrace: docker compose up --build --detach\n"
    files = docker.built(server, params.image, anonymous=params.anonymous)
    elsewhere.write(folder, {**files, "compose.yaml": head + elsewhere.yaml(_compose(server, params))})


def _compose(server: Server, params: Params) -> dict[str, Any]:
    _, most, memory = elsewhere.replicas(server)
    needed = elsewhere.references(server, params.variables)
    mounts: list[dict[str, Any]] = [_state(server), *(_file(path) for path in needed.files)]
    address = f"[{params.publish}]" if ":" in params.publish else params.publish
    service = {
        "image": elsewhere.image(server, params.image),
        "build": {"context": "."},
        "init": True,
        "user": f"{elsewhere.USER}:{elsewhere.USER}",
        "ports": [f"{address}:{elsewhere.port(server)}:{elsewhere.port(server)}"],
        **({"environment": {name: f"${{{name}:?a secret}}" for name in needed.variables}} if needed.variables else {}),
        "volumes": mounts,
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108 - in memory, and the container's own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "healthcheck": {"test": ["CMD", *docker.health(server)], "interval": "5s", "timeout": "3s", "start_period": "60s", "retries": 3},
        "stop_signal": "SIGTERM",
        "stop_grace_period": f"{elsewhere.KILL}s",
        "restart": "unless-stopped",
        # While a process is replaced there is one more; the kernel ends what goes beyond.
        "deploy": {"resources": {"limits": {"memory": f"{-(-memory * (most + 1) // 2**20)}M"}}},
    }
    named: dict[str, Any] = {} if elsewhere.local(server) else {"volumes": {"state": {}}}
    return {"name": f"{server.workspace['project']}-{server.model}", "services": {"server": service}, **named}


def _state(server: Server) -> dict[str, Any]:
    """Where the journal's spool is; where the store is a file it is the project's own folder, which must be this machine's."""
    target = f"{elsewhere.HOME}/.headrace"
    if elsewhere.local(server):
        asked = f"the project's folder .headrace, writable by user {elsewhere.USER}"
        return {"type": "bind", "source": f"${{HEADRACE_STATE:?{asked}}}", "target": target}
    return {"type": "volume", "source": "state", "target": target}


def _file(path: str) -> dict[str, Any]:
    return {"type": "bind", "source": f"./{path}", "target": f"{elsewhere.HOME}/{path}", "read_only": True}


EXPORTER = Exporter(
    name="compose",
    export=f"{__name__}:export",
    params=f"{__name__}:Params",
    description="The model's server by Docker Compose: `compose.yaml`, and what `docker` writes.",
    of="server",
)
