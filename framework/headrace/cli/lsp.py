"""`headrace lsp`: the language server for an editor."""

from __future__ import annotations

import os
import sys

import click


@click.command("lsp")
@click.option("--stdio", is_flag=True, help="Talk over stdin and stdout; this is what it does without the option, too.")
def command(*, stdio: bool) -> None:
    """Start the language server: faults, completion, explanations and fixes while specs are typed.

    An editor starts it and talks to it over stdin and stdout, in JSON-RPC; it has no `--json`, since it says nothing else. Its log goes to
    stderr.

    \b
    Example, and what an editor such as Neovim is told:
      headrace lsp
      vim.lsp.start({ name = "headrace", cmd = { "headrace", "lsp" } })
    """  # noqa: D301 - click's own mark
    del stdio
    from headrace.diagnostics import logs
    from headrace.lsp.server import server

    logs.configure("lsp")
    # Whatever a plugin prints goes to stderr: a byte that is no protocol would end the conversation.
    protocol = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    server().start_io(sys.stdin.buffer, protocol)
