"""A model's server as an image: a Dockerfile, and beside it all that it is built of."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.exporters import elsewhere
from headrace.hooks import Exporter, Server

WHEELS = """\
Packages that stand on no index: put their wheels here, and the build finds them.
"""
DOCKERFILE = """\
# syntax=docker/dockerfile:1
# model/{model} of project {project}, exported by headrace. Build it in this folder: docker build --tag {image} .

FROM python:{python}-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN ["python", "-m", "venv", "/opt/headrace"]
COPY requirements.lock /build/requirements.lock
COPY wheels /build/wheels
# The lock names every package, so nothing else is fetched for one of them.
RUN ["/opt/headrace/bin/pip", "install", "--no-deps", "--find-links", "/build/wheels", "--requirement", "/build/requirements.lock"]

FROM python:{python}-slim-bookworm
# LightGBM's OpenMP.
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/headrace /opt/headrace
WORKDIR {home}
COPY project .
RUN ["install", "--directory", "--owner={user}", "--group={user}", "{home}/.headrace"]
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
USER {user}:{user}
EXPOSE {port}
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD {health}
ENTRYPOINT ["{python_path}", "-m", "headrace.serving"]
CMD [{arguments}]
"""


class Params(BaseModel):
    """The parameters of `docker`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    image: str = Field(default="", pattern=r"^\S*$", description="The image's name; one made of its contents, where it is not given.")
    anonymous: bool = Field(default=False, description="Whether nobody is asked for a key, where `serving.auth` is not declared.")


def export(server: Server, params: Params, folder: Path) -> None:
    """Write `Dockerfile`, `requirements.lock`, `.dockerignore`, and what is copied into the image."""
    elsewhere.write(folder, built(server, params.image, anonymous=params.anonymous))


def built(server: Server, image: str, *, anonymous: bool) -> dict[str, str | bytes]:
    """The files that an image is built of, by their paths."""
    given = elsewhere.arguments(server, host="0.0.0.0", workers=None, anonymous=anonymous)  # noqa: S104 - of a container, whose ports are published one by one
    text = DOCKERFILE.format(
        model=server.model,
        project=server.workspace["project"],
        image=elsewhere.image(server, image),
        python=server.python,
        home=elsewhere.HOME,
        user=elsewhere.USER,
        port=elsewhere.port(server),
        health=_listed(health(server)),
        python_path=elsewhere.PYTHON,
        arguments=_listed(given)[1:-1],
    )
    return {
        "Dockerfile": text,
        ".dockerignore": "*\n!requirements.lock\n!wheels\n!project\n",
        "requirements.lock": "".join(f"{item}\n" for item in server.requirements),
        "wheels/README": WHEELS,
        **{f"project/{path}": data for path, data in server.files.items()},
    }


def health(server: Server) -> list[str]:
    """What asks the server whether it is ready, from beside it: its certificate is of another name."""
    ask = "import ssl, urllib.request as r; r.urlopen('{}', timeout=2{})"
    url = f"{elsewhere.scheme(server)}://127.0.0.1:{elsewhere.port(server)}/health/ready"
    return [elsewhere.PYTHON, "-c", ask.format(url, ", context=ssl._create_unverified_context()" if url.startswith("https") else "")]


def _listed(words: list[str]) -> str:
    import json

    return json.dumps(words)


EXPORTER = Exporter(
    name="docker",
    export=f"{__name__}:export",
    params=f"{__name__}:Params",
    description="The model's server as an image: a Dockerfile with all that it is built of.",
    of="server",
)
