"""The command line: which commands there are, loaded one at a time, and how their faults become exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from headrace import __version__
from headrace.diagnostics import Exit, HeadraceError

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "init": "Make a project: specs to start from, and a place to remember.",
    "validate": "Say what is wrong in the specs, all at once.",
    "compile": "Write the flows and serving configs that the specs mean.",
    "plan": "Say what would change, and what that costs.",
    "apply": "Carry the plan out.",
    "unlock": "Take away the lock of an apply that died.",
    "up": "Start Prefect, a worker and the model servers on this machine.",
    "run": "Start one of a model's flows, and wait for it.",
    "features": "Bring in the events that servers read features from.",
    "status": "Say where every model stands.",
    "show": "Print a spec as it is meant, defaults included.",
    "check": "Ask what must hold of the rows of sources.",
    "explain": "Explain a diagnostic or a field of the language.",
    "schema": "Print the JSON Schema of the specs, for editors.",
    "lsp": "Start the language server for an editor.",
    "serve": "Serve a model, or several, over HTTP.",
    "predict": "Ask a served model, or score every row of a file.",
    "keys": "Make, list, rotate and revoke the API keys of an environment.",
    "journal": "Show what a model's servers answered lately.",
    "subject": "Export or erase what is stored about a person.",
    "simulate": "Run a declared rollout on made-up traffic, and print how often it errs.",
    "experiment": "Say what a model's experiment shows.",
    "replay": "Serve history again, under a driven clock.",
    "tune": "Look at the search that chose a version's parameters.",
    "gates": "Report what the gates said of a version, and by which evidence.",
    "golden": "Record, list and replay a model's golden requests.",
    "models": "List models, their versions and aliases.",
    "card": "Write, check, show and compare the model cards of versions.",
    "runs": "Find, show and compare tracked runs.",
    "reproduce": "Make a version again, and prove that it is the same.",
    "audit": "Read the audit log, prove what stands in it, and check it.",
    "export": "Write a version into a folder: its files, or another form.",
    "approvals": "List what waits for approval, who may vote, and who has.",
    "approve": "Vote on a version that waits for approval, or on a plan.",
    "rollback": "Put the previous champion back.",
    "plugins": "List plugins, begin one, check whether they keep their contracts.",
}
"""Every command with its short help; the module `headrace.cli.NAME` holds it as `command`."""


class _Commands(click.Group):
    """Loads a command's module when it is called, and not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"headrace.cli.{cmd_name}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1, cutoff=0.5)
            meant = f" Did you mean `{near[0]}`?" if near else ""
            raise click.UsageError(f"there is no command `{args[0]}`.{meant} `headrace --help` lists them.", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="headrace")
def headrace() -> None:
    """The whole life of a machine-learning model, from YAML.

    \b
    A first walk, in an empty folder:
      headrace init
      headrace validate
      headrace plan
      headrace up          # in another terminal
      headrace apply

    \b
    Completion of commands, options and addresses, in your shell's own start-up file:
      eval "$(_HEADRACE_COMPLETE=bash_source headrace)"       # ~/.bashrc
      eval "$(_HEADRACE_COMPLETE=zsh_source headrace)"        # ~/.zshrc
      _HEADRACE_COMPLETE=fish_source headrace | source        # ~/.config/fish/config.fish
    """  # noqa: D301 - click's own mark


def _meant(error: click.BadParameter) -> str:
    """Which of an option's words was probably meant."""
    from difflib import get_close_matches

    given = error.message.split("'")[1:2]
    choices = getattr(error.param.type, "choices", ()) if error.param is not None else ()
    near = get_close_matches(given[0], [str(choice) for choice in choices], n=1) if given else []
    return f"Did you mean `{near[0]}`?" if near else ""


def _options(error: click.NoSuchOption) -> list[str]:
    """Which of a command's options was probably meant; the dashes, which all have, make none alike."""
    from difflib import get_close_matches

    known = [name for item in error.ctx.command.get_params(error.ctx) for name in item.opts] if error.ctx is not None else []
    words = [name.removeprefix("--") for name in known if name.startswith("--")]
    return [f"--{near}" for near in get_close_matches(error.option_name.lstrip("-"), words, n=1)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process with a code of `Exit`."""
    try:
        code = headrace.main(args=list(arguments) if arguments is not None else None, prog_name="headrace", standalone_mode=False)
    except (HeadraceError, OSError, click.exceptions.Exit, click.Abort, click.ClickException, KeyboardInterrupt) as error:
        code = _told(error)
    if arguments is None:
        _answered()
    sys.exit(int(code) if isinstance(code, int) else Exit.OK)


def _told(error: BaseException) -> int:
    """Say why a command ended, and give the code for it."""
    match error:
        case HeadraceError():
            from headrace.cli.view import print_error

            print_error(error)
            return error.code
        case BrokenPipeError():
            sys.stderr.close()
            return Exit.FAILED
        case OSError():
            from headrace.cli.view import print_error
            from headrace.diagnostics import Diagnostic

            where = f"{error.filename}: " if error.filename is not None else ""
            message = f"{where}{error.strerror or error}"
            print_error(HeadraceError(Diagnostic("file-trouble", message, help="look at its rights and at the disk")))
            return Exit.FAILED
        case click.exceptions.Exit():
            return error.exit_code
        case click.Abort():
            said = str(error.__cause__ or "")
            click.echo(f"Interrupted {said}." if said else "Interrupted.", err=True)
        case click.ClickException():
            return _misused(error)
    return Exit.INTERRUPTED


def _misused(error: click.ClickException) -> int:
    """Say how a command is called."""
    if isinstance(error, click.NoSuchOption):
        error = click.NoSuchOption(error.option_name, possibilities=_options(error), ctx=error.ctx)
    error.show()
    if isinstance(error, click.BadParameter) and (meant := _meant(error)):
        click.echo(meant, err=True)
    return Exit.USAGE if isinstance(error, click.UsageError) else Exit.FAILED


def _answered() -> None:
    """What a plugin prints from now on, as Python ends, is no part of the answer.

    Nor does Python have to look for cycles in all that is left: the process gives it back.
    """
    import gc
    from contextlib import suppress

    if "duckdb" not in sys.modules:  # which counts on stderr what of it was not taken away
        gc.freeze()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        os.dup2(2, 1)
        sys.stdout = sys.stderr
