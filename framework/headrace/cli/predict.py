"""`headrace predict`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import click

from headrace.cli.asking import VARIABLE, credential, trust
from headrace.cli.completing import models
from headrace.cli.place import json_option, root_option
from headrace.cli.serve import serving_config
from headrace.cli.view import show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report

if TYPE_CHECKING:
    from ssl import SSLContext

    from headrace.compiled import ServingConfig

PATIENCE = 30.0
"""Seconds that an answer may take."""


class _Share(click.ParamType[float]):
    """A percentage, as a spec has it."""

    name = "PERCENT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - click's
        from headrace.spec.quantity import percentage

        try:
            found = percentage(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not 0 <= found <= 1:
            self.fail(f"`{value}` is not between 0% and 100%", param, ctx)
        return found


_OF_INPUT = ("output", "output_table", "table", "key", "which", "chunk", "workers", "max_bad", "duplicates", "resume", "overwrite")


def _refuse_idle(ctx: click.Context) -> None:
    """UsageError for an option of scoring that would do nothing to a request."""
    from click.core import ParameterSource

    for name in _OF_INPUT:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            (option,) = [item.opts[0] for item in ctx.command.params if item.name == name]
            raise click.UsageError(f"`{option}` belongs to `--input`; a server is asked by `--row` or `--file` alone")


@click.command("predict")
@click.argument("model", required=False, shell_complete=models)
@click.option("--row", "text", help="The request to a server, as a JSON object; a list of them is a batch.")
@click.option("--file", "file", type=click.File("r", encoding="utf-8"), help="A file with the request; `-` reads stdin.")
@click.option("--url", help="Where the server is; without it, the port of the spec on this machine.")
@click.option("--input", "read", metavar="FILE|URL|source/NAME", help="Rows to score here, without a server.")
@click.option("--output", metavar="FILE|URL", help="Where the answers go: `.parquet` or `.csv`, or a database.")
@click.option("--output-table", metavar="NAME", help="Which table, where `--output` is the URL of a database.")
@click.option("--table", help="Which table, where `--input` is the URL of a database.")
@click.option("--key", metavar="COLUMN", help="What identifies a row; the model's entity, where it is not given.")
@click.option("--version", "which", default="champion", show_default=True, help="The version that answers: a number or an alias.")
@click.option("--chunk", type=click.IntRange(1), default=100_000, show_default=True, help="How many rows are held at a time.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="How many processes score.")
@click.option("--max-bad", type=_Share(), default="1%", show_default=True, help="The greatest share of rows that may be bad.")
@click.option(
    "--duplicates", type=click.Choice(["refuse", "first"]), default="refuse", show_default=True, help="Of a key that stands twice."
)
@click.option("--resume", is_flag=True, help="Go on with a run for this output that was killed; begin, where there is none.")
@click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
@root_option
@json_option
def command(  # noqa: PLR0917 - click gives them by name
    model: str | None,
    text: str | None,
    file: IO[str] | None,
    url: str | None,
    read: str | None,
    output: str | None,
    output_table: str | None,
    table: str | None,
    key: str | None,
    which: str,
    chunk: int,
    workers: int,
    max_bad: float,
    duplicates: Literal["refuse", "first"],
    root: Path,
    *,
    resume: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Ask a served MODEL, or score every row of a file, a table or a source without a server.

    A server that asks for a key is given the one that $HEADRACE_API_KEY holds.

    \b
    Examples:
      headrace predict employment --row '{"person_id": 1, "age": 46, "education": "21"}'
      headrace predict employment --file rows.json
      headrace predict employment --input source/census_later --output scores.parquet --resume
    """  # noqa: D301 - click's own mark
    if sum(given is not None for given in (text, file, read)) != 1:
        raise click.UsageError("give the request by `--row` or by `--file`, or the rows to score by `--input`")
    if read is not None:
        from headrace.cli.scoring import Wanted, score

        if output is None:
            raise click.UsageError("say where the answers go, by `--output`")
        wanted = Wanted(read, output, output_table, table, key, which, chunk, workers, max_bad, duplicates, resume, overwrite)
        score(root, model, wanted, as_json=as_json)
        return
    _refuse_idle(click.get_current_context())
    body = _parse(text if text is not None else file.read() if file is not None else "")
    trusted: SSLContext | None = None
    if url is None:
        config = serving_config(root, model)
        url, trusted = config.url, trust(root, config.model)
        url += below(url, config, trusted)
    show(ask(url.rstrip("/"), body, trusted), _told, as_json=as_json)


def below(url: str, config: ServingConfig, trusted: SSLContext | None) -> str:
    """Below which path the model is asked, where the server has several; one that is away is told of by the request itself.

    HeadraceError where the port belongs to another project's server.
    """
    import httpx

    try:
        # Without a key: it may be a stranger.
        reply = httpx.get(f"{url}/metadata", timeout=PATIENCE, trust_env=False, verify=trusted or True)
        told = reply.json()
    except (httpx.HTTPError, ValueError):
        return ""
    if reply.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return ""  # what it answers the request with says more
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


def ask(url: str, body: Any, trusted: SSLContext | None) -> Any:  # noqa: ANN401 - any JSON
    """What a server answers to a row, or to a list of them; HeadraceError `server-away`, and what it refuses."""
    import httpx

    path, sent = ("/predict/batch", {"rows": body}) if isinstance(body, list) else ("/predict", body)
    try:
        headers = {"Content-Type": "application/json", **credential()}
        content = json.dumps(sent).encode()
        reply = httpx.post(url + path, content=content, headers=headers, timeout=PATIENCE, trust_env=False, verify=trusted or True)
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
    if fault == "unauthenticated":
        return Report(
            [Diagnostic(fault, str(told.get("detail")), help=f"export {VARIABLE}=…; `headrace keys create --name NAME` makes one")]
        )
    lines = [f"`{item['field']}` {item['message']}" if item["field"] else f"the body {item['message']}" for item in told.get("errors", ())]
    return Report([Diagnostic(fault, line) for line in lines or [str(told.get("detail", f"the server answered {status}"))]])
