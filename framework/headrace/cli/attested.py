"""`headrace models verify` and `sign`: whether a version is what was registered, and by whom that was signed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, model_of, open_workspace, root_option
from headrace.cli.view import show, table
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.registry import Version
    from headrace.steps.workspace import Workspace

_WORDS = {"passed": "ok", "failed": "FAILED", "unsigned": "unsigned"}


@click.command("verify")
@click.argument("version", metavar="MODEL[@VERSION]", shell_complete=models)
@click.option(
    "--key",
    "keys",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A public key that must have signed, as a PEM file: Ed25519 for provenance, EC for `sign`. Again for more.",
)
@click.option("--strict", is_flag=True, help="Refuse what nobody signed.")
@environment_option
@root_option
@json_option
def verify(version: str, keys: tuple[Path, ...], environment: str | None, root: Path, *, strict: bool, as_json: bool) -> None:
    """Check a version against what was registered: manifest, every blob that it names, and its signed provenance.

    MODEL is `employment` or `model/employment`; VERSION a number, an alias or `latest`, and `champion` where it is not given. Its
    provenance must be signed by the project's own key, or by `--key`, and what `headrace models sign` signed, by an EC key that is given.
    What was altered or is gone is told, all of it, and the command is refused (exit 4). `--json` prints the statement as it was signed,
    and the key, so that others can check it without this project.

    \b
    Examples:
      headrace models verify employment
      headrace models verify employment@3 --key signing.pub --strict --json
    """  # noqa: D301 - click's own mark
    from headrace import registry
    from headrace.identity import signing

    with open_workspace(root, environment) as workspace:
        found = version_of(workspace, version)
        given = [signing.public(path) for path in keys]
        own = [key for key in given if isinstance(key, signing.Verifier)]
        trusted = own[-1] if own else signing.trusted(workspace.store.root)
        checks = registry.checked(workspace.store, found, trusted, [key for key in given if not isinstance(key, signing.Verifier)])
        signed = registry.statement_of(workspace.store, found)
    result = {
        "model": found.model,
        "version": found.number,
        "checks": [{"id": item.id, "state": item.state, "said": item.said} for item in checks],
        "statement": None if signed is None else json.loads(signed),
        "key": None if trusted is None else trusted.pem,
    }
    show(result, _text, as_json=as_json)
    bad = [item.id for item in checks if item.state == "failed" or (strict and item.state == "unsigned")]
    if bad:
        fault = Diagnostic("not-verified", f"{found} is not what was registered: {', '.join(bad)}", help="put it back from a backup")
        raise HeadraceError(fault, Exit.REFUSED)


@click.command("sign")
@click.argument("version", metavar="MODEL[@VERSION]", shell_complete=models)
@click.option(
    "--key",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The EC private key, as a PEM file that only you can read.",
)
@environment_option
@root_option
@json_option
def sign(version: str, key: Path, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Sign a version as OpenSSF signs models: its file and its manifest, by a key of your own, without a network.

    The signature is kept with the version, beside its provenance; `headrace models verify --key` takes the public half. It needs the extra
    `signing`.

    \b
    Example:
      headrace models sign employment@3 --key sign.pem
    """  # noqa: D301 - click's own mark
    from headrace.registry import signed

    with open_workspace(root, environment) as workspace:
        found = version_of(workspace, version)
        keyid = signed.sign(workspace.store, found, key, actor=workspace.actor)
    result = {"model": found.model, "version": found.number, "key": keyid}
    show(result, lambda told: f"model/{told['model']} v{told['version']} is signed by the key {told['key'][:12]}.", as_json=as_json)


def version_of(workspace: Workspace, text: str) -> Version:
    """The version that is meant by `MODEL` or `MODEL@VERSION`; HeadraceError `unknown-model`, `no-version`."""
    from headrace import registry

    named, _, which = text.partition("@")
    model = model_of(workspace.config, named)
    with workspace.store.read() as session:
        return registry.find(session, model, which or registry.CHAMPION)


def _text(result: Mapping[str, Any]) -> str:
    rows: list[tuple[str, ...]] = [(f"  {item['id']}", _WORDS[item["state"]], item["said"]) for item in result["checks"]]
    return "\n".join([f"model/{result['model']} v{result['version']}", table(rows, ("  of it", "", "what was found"))])
