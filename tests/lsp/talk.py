"""An editor's side of the protocol: JSON-RPC with its headers, over the pipes of a real process."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

SERVER = [sys.executable, "-m", "headrace", "lsp"]


class Editor:
    """One conversation; every byte of stdout must be protocol."""

    def __init__(self, command: list[str] = SERVER, encodings: list[str] | None = None, *, snippets: bool = True) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
        )
        self.ids = itertools.count(1)
        self.told: list[dict[str, Any]] = []
        item = {"completion": {"completionItem": {"snippetSupport": snippets}}}
        capabilities = {"textDocument": item, "general": {"positionEncodings": encodings} if encodings else {}}
        self.able = self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities})["capabilities"]
        self.tell("initialized", {})

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        headers = {}
        while (line := self.process.stdout.readline()) != b"\r\n":
            name, colon, value = line.decode().partition(": ")
            assert colon, f"{line!r} is no protocol: {self.process.stderr.read() if self.process.stderr else ''}"
            headers[name] = value.strip()
        found: dict[str, Any] = json.loads(self.process.stdout.read(int(headers["Content-Length"])))
        return found

    def answer(self, method: str, params: object) -> dict[str, Any]:
        """The whole answer, an error included."""
        number = next(self.ids)
        self.send({"id": number, "method": method, "params": params})
        while True:
            message = self.read()
            if message.get("id") == number and "method" not in message:
                return message
            self.told.append(message)

    def ask(self, method: str, params: object) -> Any:
        found = self.answer(method, params)
        assert "error" not in found, found
        return found["result"]

    def tell(self, method: str, params: object) -> None:
        self.send({"method": method, "params": params})

    def wait(self, right: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first message that is right."""
        while True:
            for message in self.told:
                if right(message):
                    self.told.remove(message)
                    return message
            self.told.append(self.read())

    def published(self, path: Path, version: Callable[[list[dict[str, Any]]], bool] = lambda _: True) -> list[dict[str, Any]]:
        """The faults of a file, once they are as expected."""

        def right(message: dict[str, Any]) -> bool:
            params = message.get("params", {})
            return (
                message.get("method") == "textDocument/publishDiagnostics"
                and params["uri"] == path.as_uri()
                and version(params["diagnostics"])
            )

        found: list[dict[str, Any]] = self.wait(right)["params"]["diagnostics"]
        return found

    def open(self, path: Path, text: str | None = None) -> None:
        text = path.read_text() if text is None else text
        self.tell("textDocument/didOpen", {"textDocument": {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": text}})

    def change(self, path: Path, text: str) -> None:
        document = {"uri": path.as_uri(), "version": 2}
        self.tell("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})

    def at(self, method: str, path: Path, line: int, character: int) -> Any:
        where = {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": character}}
        return self.ask(f"textDocument/{method}", where)

    def end(self) -> int:
        """Its exit code after a polite end; stdout holds nothing more."""
        assert self.process.stdout is not None
        self.ask("shutdown", None)
        self.tell("exit", None)
        rest = self.process.stdout.read()
        assert rest == b"" or rest.startswith(b"Content-Length")
        return self.process.wait()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        self.process.wait()
