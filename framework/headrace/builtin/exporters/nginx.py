"""nginx in front of several servers of a model: it balances, passes over one that is gone, and asks another in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.exporters import elsewhere
from headrace.hooks import Exporter, Server

MAIN = """\
# A whole configuration, to try it: nginx -p FOLDER -c nginx.conf. Where nginx runs already, include {model}.conf in its `http`.
daemon off;
pid nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include {model}.conf;
}}
"""
SITE = """\
# model/{model} of project {project}, exported by headrace.
upstream {model} {{
    least_conn;
{servers}    keepalive 64;
}}

server {{
    listen {listen};
    # Whole bodies are read first: one that is slow holds up no server.
    client_max_body_size {body};
    client_body_timeout 10s;

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_connect_timeout 1s;
    proxy_read_timeout {timeout}s;
    # A server that is gone, or ends, is passed over. What was sent to one that died is not sent again by this.
    proxy_next_upstream error timeout http_503;
    proxy_next_upstream_tries 2;

    # A prediction may be asked for again: of two, one was never acknowledged.
    location ~ ^(/models/[^/]+)?/predict(/batch)?$ {{
        proxy_next_upstream error timeout http_503 non_idempotent;
        proxy_pass {scheme}://{model};
    }}

    # Each server tells its own metrics: ask them, not this.
    location = /metrics {{
        return 404;
    }}

    location / {{
        proxy_pass {scheme}://{model};
    }}
}}
"""
_ADDRESS = r"^[A-Za-z0-9.\[\]:_-]+:[0-9]{1,5}$"


class Params(BaseModel):
    """The parameters of `nginx`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    servers: tuple[Annotated[str, Field(pattern=_ADDRESS)], ...] = Field(
        default=(),
        max_length=64,
        strict=False,
        examples=[["10.0.0.1:8080", "10.0.0.2:8080"]],
        description="Where the model's servers answer.",
    )
    listen: str = Field(
        default="127.0.0.1:8000", pattern=r"^([A-Za-z0-9.\[\]:_-]+:)?[0-9]{1,5}$", examples=["8000"], description="Where nginx answers."
    )
    timeout: int = Field(default=10, ge=1, le=600, description="Seconds after which a server that does not answer is passed over.")


def export(server: Server, params: Params, folder: Path) -> None:
    """Write `MODEL.conf`, and an `nginx.conf` that it can be tried by."""
    servers = params.servers or (f"127.0.0.1:{elsewhere.port(server)}",)
    site = SITE.format(
        model=server.model,
        project=server.workspace["project"],
        servers="".join(f"    server {one} max_fails=1 fail_timeout=5s;\n" for one in servers),
        listen=params.listen,
        timeout=params.timeout,
        scheme=elsewhere.scheme(server),
        body=elsewhere.body(server),
    )
    elsewhere.write(folder, {f"{server.model}.conf": site, "nginx.conf": MAIN.format(model=server.model)})


EXPORTER = Exporter(
    name="nginx",
    export=f"{__name__}:export",
    params=f"{__name__}:Params",
    description="nginx in front of the model's servers: it balances, and passes over one that is gone.",
    of="server",
)
