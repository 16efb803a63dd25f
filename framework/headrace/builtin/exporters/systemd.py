"""A model's server as a service of systemd: started at boot, started again, kept to its own folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.exporters import elsewhere
from headrace.hooks import Exporter, Server

UNIT = """\
# model/{model} of project {project}, exported by headrace.
# Install it as /etc/systemd/system/{name}.service; the project stands in {directory}, its packages in {python}.
# Its folder {directory}/.headrace must be there, and {user}'s.
{secrets}
[Unit]
Description=model/{model} of {project}, served by headrace
Documentation=man:systemd.service(5)
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=exec
User={user}
WorkingDirectory={directory}
{environment}ExecStart={python} -m headrace.serving {arguments}
{reload}KillMode=mixed
KillSignal=SIGTERM
TimeoutStopSec={kill}
Restart=on-failure
RestartSec=2
{memory}UMask=0027
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={directory}/.headrace
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
LockPersonality=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"""
_PATH = r"^/[A-Za-z0-9._/@-]+$"


class Params(BaseModel):
    """The parameters of `systemd`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    directory: str = Field(default=elsewhere.HOME, pattern=_PATH, examples=["/srv/models"], description="The project's folder.")
    python: str = Field(default=elsewhere.PYTHON, pattern=_PATH, examples=["/opt/venv/bin/python"], description="Its interpreter.")
    user: str = Field(default="headrace", pattern=r"^[a-z_][a-z0-9_-]*$", examples=["ml"], description="Who it runs as.")
    host: str = Field(
        default="127.0.0.1", pattern=r"^[0-9a-fA-F.:]+$", examples=["10.0.0.1"], description="The address that it listens on."
    )
    variables: tuple[elsewhere.Variable, ...] = elsewhere.VARIABLES
    anonymous: bool = Field(default=False, description="Whether nobody is asked for a key, where `serving.auth` is not declared.")


def export(server: Server, params: Params, folder: Path) -> None:
    """Write `headrace-MODEL.service`."""
    name = f"headrace-{server.model}"
    needed = elsewhere.references(server, params.variables)
    file = f"/etc/headrace/{server.model}.env"
    told = f"# Its secrets stand in {file}, a line NAME=VALUE each, readable by root alone: {', '.join(needed.variables)}\n"
    _, most, memory = elsewhere.replicas(server)
    declared = (server.serving.get("replicas") or {}).get("memory")
    several = most > 1 or declared is not None
    text = UNIT.format(
        model=server.model,
        project=server.workspace["project"],
        name=name,
        directory=params.directory,
        python=params.python,
        user=params.user,
        secrets=told if needed.variables else "",
        environment=f"EnvironmentFile={file}\n" if needed.variables else "",
        arguments=" ".join(elsewhere.arguments(server, host=params.host, workers=None, anonymous=params.anonymous)),
        # One process has nobody who would start its successor.
        reload="ExecReload=/bin/kill -HUP $MAINPID\n" if several else "",
        kill=elsewhere.KILL,
        memory=f"MemoryMax={memory * (most + 1)}\n" if declared is not None else "",
    )
    elsewhere.write(folder, {f"{name}.service": text})


EXPORTER = Exporter(
    name="systemd",
    export=f"{__name__}:export",
    params=f"{__name__}:Params",
    description="The model's server as a service of systemd, hardened.",
    of="server",
)
