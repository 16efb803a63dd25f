"""`headrace predict`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from headrace.cli.completing import models
from headrace.cli.place import json_option, root_option
from headrace.cli.serve import serving_config
from headrace.cli.view import show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report

if TYPE_CHECKING:
    from headrace.compiled import ServingConfig

PATIENCE = 30.0
"""Seconds that an answer may take."""


@click.command("predict")
@click.argument("model", required=False, shell_complete=models)
@click.option("--row", "text", help="The request, as a JSON object; a list of them is a batch.")
@click.option("--file", "file", type=click.File("r", encoding="utf-8"), help="A file with the request; `-` reads stdin.")
@click.option("--url", help="Where the server is; without it, the port of the spec on this machine.")
@root_option
@json_option
def command(model: str | None, text: str | None, file: IO[str] | None, url: str | None, root: Path, *, as_json: bool) -> None:
    """Ask a served MODEL.

    \b
    Example:
      headrace predict employment --row '{"person_id": 1, "age": 46, "education": "21"}'
      headrace predict employment --file rows.json
    """  # noqa: D301 - click's own mark
    if (text is None) == (file is None):
        raise click.UsageError("give the request by `--row` or by `--file`")
    body = _parse(text if text is not None else file.read() if file is not None else "")
    if url is None:
        config = serving_config(root, model)
        url = f"http://127.0.0.1:{config.port}"
        url += _below(url, config)
    show(_ask(url.rstrip("/"), body), _told, as_json=as_json)


def _below(url: str, config: ServingConfig) -> str:
    """Below which path the model is asked, where the server has several; one that is away is told of by the request itself.

    HeadraceError where the port belongs to another project's server.
    """
    import httpx

    try:
        told = httpx.get(f"{url}/metadata", timeout=PATIENCE, trust_env=False).json()
    except (httpx.HTTPError, ValueError):
        return ""
    below = ""
    if isinstance(told, dict) and isinstance(told.get("models"), dict) and config.model in told["models"]:
        told, below = told["models"][config.model], f"/models/{config.model}"
    found = (told.get("project"), told.get("model")) if isinstance(told, dict) else (None, None)
    if found != (config.project, config.model):
        raise HeadraceError(
            Diagnostic(
                "other-server",
                f"{url} answers for model/{found[1]} of project {found[0]}, not for model/{config.model} of project {config.project}",
                help="give each model a port of its own in its spec, `serving: {port: 8081}`, or name the server by `--url`",
            )
        )
    return below


def _told(answer: Mapping[str, Any]) -> str:
    """One line a prediction."""
    return "\n".join(
        f"{_said(one['prediction'])}  (model/{one['model']} version {one['version']}, {one['arm']})"
        + (f"  never seen in training: {', '.join(one['unseen'])}" if one["unseen"] else "")
        for one in answer.get("predictions", [answer])
    )


def _said(prediction: Any) -> str:  # noqa: ANN401 - a number, a class, or numbers by level
    match prediction:
        case dict():
            return ", ".join(f"{level}: {value:.6g}" for level, value in prediction.items())
        case int() | float():
            return f"{prediction:.6g}"
        case _:
            return str(prediction)


def _parse(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text)
    except ValueError as error:
        raise HeadraceError(
            Diagnostic("request-unreadable", f"the request is no JSON: {error}", help="write it in double quotes"), Exit.USAGE
        ) from None


def _ask(url: str, body: Any) -> Any:  # noqa: ANN401 - any JSON
    import httpx

    path, sent = ("/predict/batch", {"rows": body}) if isinstance(body, list) else ("/predict", body)
    try:
        headers = {"Content-Type": "application/json"}
        reply = httpx.post(url + path, content=json.dumps(sent).encode(), headers=headers, timeout=PATIENCE, trust_env=False)
        told = reply.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        fault = Diagnostic(
            "server-away",
            f"no model answers at {url}: {error or type(error).__name__}",
            help="start it: `headrace serve`, or `headrace up`",
        )
        raise HeadraceError(fault, Exit.FAILED) from None
    if reply.is_success:
        return told
    raise HeadraceError(_report(told, reply.status_code), Exit.FAILED)


def _report(problem: Any, status: int) -> Report:  # noqa: ANN401 - any JSON
    told: dict[str, Any] = problem if isinstance(problem, dict) else {}
    fault = str(told.get("type", "")).removeprefix("urn:headrace:") or "refused"
    lines = [f"`{item['field']}` {item['message']}" if item["field"] else f"the body {item['message']}" for item in told.get("errors", ())]
    return Report([Diagnostic(fault, line) for line in lines or [str(told.get("detail", f"the server answered {status}"))]])
