"""The server itself: what an editor asks, and which function of this room answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lsprotocol import types as lsp
from pygls import uris
from pygls.lsp.server import LanguageServer

from headrace import __version__
from headrace.diagnostics import Diagnostic, Edit, Severity
from headrace.diagnostics.render import told
from headrace.lsp.completion import complete
from headrace.lsp.hover import hover, target
from headrace.lsp.outline import at
from headrace.lsp.place import Lines
from headrace.lsp.scene import Scene, registered, root_of
from headrace.lsp.symbols import symbols
from headrace.spec.vocabulary import Word

PAUSE = 0.15
"""How many seconds of silence after a change before a project is looked at."""
_SEVERITY = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.NOTE: lsp.DiagnosticSeverity.Information,
}
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Project:
    """What is remembered of a project between two requests."""

    words: Mapping[str, Mapping[str, Word]] | None = None
    found: dict[str, list[Diagnostic]] = field(default_factory=dict)
    """The faults that were published last, by file."""
    due: asyncio.TimerHandle | None = None
    change: int = 0


class Server(LanguageServer):
    """One language server over one connection."""

    def __init__(self, pause: float = PAUSE) -> None:
        super().__init__("headrace", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full)
        self.pause = pause
        self.projects: dict[Path, _Project] = {}
        self.running: set[asyncio.Task[None]] = set()

    def project(self, root: Path) -> _Project:
        """What is remembered of a project."""
        return self.projects.setdefault(root, _Project())

    def place(self, uri: str) -> tuple[Path, str] | None:
        """The project and the name of a document; None where it is no spec."""
        path = uris.to_fs_path(uri)
        return root_of(Path(path)) if path is not None else None

    def scene(self, root: Path) -> Scene:
        """A project with its open buffers."""
        texts = {}
        for document in self.workspace.text_documents.values():
            place = self.place(document.uri)
            if place is not None and place[0] == root:
                texts[place[1]] = document.source
        project = self.project(root)
        if project.words is None:
            project.words = registered(root)
        return Scene(root, texts, project.words)

    def lines(self, text: str) -> Lines:
        """A text's lines in the client's encoding."""
        return Lines.of(text, str(self.workspace.position_encoding or lsp.PositionEncodingKind.Utf16.value))

    def changed(self, uri: str) -> None:
        """Look at a document's project once nothing more has been typed for a while."""
        place = self.place(uri)
        if place is None:
            return
        project = self.project(place[0])
        project.change += 1
        if project.due is not None:
            project.due.cancel()
        project.due = asyncio.get_running_loop().call_later(self.pause, self._look, place[0])

    def _look(self, root: Path) -> None:
        task = asyncio.get_running_loop().create_task(self.look(root))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def look(self, root: Path) -> None:
        """Publish the faults of a whole project; what was typed meanwhile makes them old, and they are dropped."""
        project = self.project(root)
        change = project.change
        try:
            scene = self.scene(root)
            found = await asyncio.get_running_loop().run_in_executor(self.thread_pool, scene.check)
        except Exception:  # noqa: BLE001 - whatever a plugin does, the next change gets another try
            _log.exception("the project %s could not be looked at", root)
            return
        if change != project.change:
            return
        before, project.found = project.found, found
        texts = dict(scene.files())
        for file in sorted({*before, *found, *scene.texts}):
            self._publish(root, file, texts.get(file, ""), found.get(file, []))

    def _publish(self, root: Path, file: str, text: str, found: Iterable[Diagnostic]) -> None:
        lines = self.lines(text)
        diagnostics = [_diagnostic(fault, lines, root) for fault in found]
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(self.uri(root, file), diagnostics))

    def uri(self, root: Path, file: str) -> str:
        """A file as the client calls it."""
        known = next((d.uri for d in self.workspace.text_documents.values() if self.place(d.uri) == (root, file)), None)
        return known or uris.from_fs_path(str(root / file)) or ""

    def faults_at(self, root: Path, file: str, lines: Lines, place: lsp.Range) -> list[Diagnostic]:
        """The faults that touch a range."""
        return [fault for fault in self.project(root).found.get(file, []) if _touch(_range(fault, lines), place)]


def _range(fault: Diagnostic, lines: Lines) -> lsp.Range:
    return lines.span(fault.span) if fault.span is not None else lines.range(0, 0, 0, 0)


def _touch(one: lsp.Range, other: lsp.Range) -> bool:
    return (one.start.line, one.start.character) <= (other.end.line, other.end.character) and (
        other.start.line,
        other.start.character,
    ) <= (one.end.line, one.end.character)


def _diagnostic(fault: Diagnostic, lines: Lines, root: Path) -> lsp.Diagnostic:
    said = [told(fault.message), *(told(part) for part in (fault.caret, fault.help and f"help: {fault.help}") if part)]
    related = [
        lsp.DiagnosticRelatedInformation(
            lsp.Location(uris.from_fs_path(str(root / span.file)) or "", lsp.Range(*(lsp.Position(span.line - 1, 0),) * 2)), "here, too"
        )
        for span in fault.related
    ]
    return lsp.Diagnostic(
        _range(fault, lines),
        "\n".join(said),
        severity=_SEVERITY[fault.severity],
        code=fault.id,
        source="headrace",
        related_information=related or None,
    )


def server(pause: float = PAUSE) -> Server:
    """A server with all that it answers."""
    made = Server(pause)
    _follow(made)
    _answer(made)
    _act(made)
    return made


def _follow(made: Server) -> None:
    """What the editor tells us."""

    @made.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(ls: Server, params: lsp.DidOpenTextDocumentParams) -> None:
        ls.changed(params.text_document.uri)

    @made.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(ls: Server, params: lsp.DidChangeTextDocumentParams) -> None:
        ls.changed(params.text_document.uri)

    @made.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(ls: Server, params: lsp.DidCloseTextDocumentParams) -> None:
        ls.changed(params.text_document.uri)

    @made.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(ls: Server, params: lsp.DidSaveTextDocumentParams) -> None:
        place = ls.place(params.text_document.uri)
        if place is not None:
            # A project that now allows another plugin has other words.
            ls.project(place[0]).words = None
        ls.changed(params.text_document.uri)

    @made.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def moved(ls: Server, params: lsp.DidChangeWatchedFilesParams) -> None:
        del params
        for root, project in ls.projects.items():
            project.words = None
            ls.changed(uris.from_fs_path(str(root / "specs" / "headrace.yaml")) or "")


def _answer(made: Server) -> None:
    """What the editor asks of a place."""

    @made.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=[" ", ":", "/", "-", "{", "[", ".", '"']))
    def completion(ls: Server, params: lsp.CompletionParams) -> lsp.CompletionList:
        place = ls.place(params.text_document.uri)
        if place is None:
            return lsp.CompletionList(is_incomplete=False, items=[])
        text = ls.workspace.get_text_document(params.text_document.uri).source
        lines, scene = ls.lines(text), ls.scene(place[0])
        column = lines.column(params.position)
        asked = ls.client_capabilities.text_document
        item = asked.completion.completion_item if asked and asked.completion else None
        snippets = bool(item and item.snippet_support)
        found = complete(text, params.position.line, column, scene.vocabulary(), scene.around(), snippets=snippets)
        _as_counted(found, lines)
        return lsp.CompletionList(is_incomplete=False, items=found)

    @made.feature(lsp.TEXT_DOCUMENT_HOVER)
    def told(ls: Server, params: lsp.HoverParams) -> lsp.Hover | None:
        place = ls.place(params.text_document.uri)
        if place is None:
            return None
        text = ls.workspace.get_text_document(params.text_document.uri).source
        lines = ls.lines(text)
        faults = ls.faults_at(*place, lines, lsp.Range(params.position, params.position))
        found = hover(text, params.position.line, lines.column(params.position), ls.scene(place[0]), faults)
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, found)) if found is not None else None

    @made.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def definition(ls: Server, params: lsp.DefinitionParams) -> lsp.Location | None:
        place = ls.place(params.text_document.uri)
        if place is None:
            return None
        text = ls.workspace.get_text_document(params.text_document.uri).source
        outline, said = at(text, params.position.line, ls.lines(text).column(params.position))
        scene = ls.scene(place[0])
        found = target(outline, said, scene, scene.vocabulary()) if said is not None else None
        if found is None:
            return None
        there = ls.lines(dict(scene.files())[found.file])
        return lsp.Location(ls.uri(place[0], found.file), there.range(found.line, found.start, found.line, found.end))

    @made.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def outline(ls: Server, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        text = ls.workspace.get_text_document(params.text_document.uri).source
        return symbols(text, ls.lines(text)) if ls.place(params.text_document.uri) is not None else []


def _as_counted(items: Iterable[lsp.CompletionItem], lines: Lines) -> None:
    """Places of edits as the client counts them."""
    for item in items:
        if isinstance(item.text_edit, lsp.TextEdit):
            start, end = item.text_edit.range.start, item.text_edit.range.end
            item.text_edit.range = lines.range(start.line, start.character, end.line, end.character)


def _act(made: Server) -> None:
    """What the editor may do about a fault."""

    @made.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix]))
    def actions(ls: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        uri = params.text_document.uri
        place = ls.place(uri)
        if place is None:
            return []
        lines = ls.lines(ls.workspace.get_text_document(uri).source)
        texts = dict(ls.scene(place[0]).files())
        return [
            lsp.CodeAction(
                f"Write `{fault.replacement}`" if fault.replacement is not None else fault.help or "Mend it",
                kind=lsp.CodeActionKind.QuickFix,
                diagnostics=[_diagnostic(fault, lines, place[0])],
                is_preferred=fault.certain,
                edit=lsp.WorkspaceEdit(changes=_changes(fault.change, ls, place[0], texts)),
            )
            for fault in ls.faults_at(*place, lines, params.range)
            if fault.change
        ]


def _changes(edits: Iterable[Edit], ls: Server, root: Path, texts: Mapping[str, str]) -> dict[str, list[lsp.TextEdit]]:
    found: dict[str, list[lsp.TextEdit]] = {}
    for edit in edits:
        file = edit.span.file
        found.setdefault(ls.uri(root, file), []).append(lsp.TextEdit(ls.lines(texts.get(file, "")).span(edit.span), edit.text))
    return found
