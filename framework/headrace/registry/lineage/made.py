"""What one version was made of: its data and the sources behind, views, spec, code, environment, commit, plugins, parts, and its run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, col, select

from headrace.registry.lineage.graph import Edge, Graph, Node
from headrace.registry.version import Version
from headrace.store import tables
from headrace.store.featured import FeatureVersion
from headrace.store.kinds import EventKind, TrackedKind
from headrace.store.tracked import TrackedValue

_SHORT = 12
_CAUSES = {EventKind.RETRAINING_REQUESTED: "retraining", EventKind.ALERT_FIRED: "alert"}


class Found:
    """Nodes and edges as they are come by; what is said twice is once."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: set[Edge] = set()

    def node(self, kind: str, id: str, label: str, **told: Any) -> str:  # noqa: A002, ANN401 - the node's word; JSON
        """Add a node that is not there, and give its id."""
        self.nodes.setdefault(id, Node(kind, id, label, {key: value for key, value in told.items() if value is not None}))
        return id

    def edge(self, start: str, end: str, role: str = "") -> None:
        """Add an edge."""
        self.edges.add(Edge(start, end, role))

    def graph(self) -> Graph:
        """As it stands."""
        return Graph.of(self.nodes.values(), self.edges)


def version_id(version: Version) -> str:
    """`model/churn@7`."""
    return f"model/{version.model}@{version.number}"


def short(digest: str) -> str:
    """The first digits, as a person compares them."""
    return digest.rpartition(":")[2][:_SHORT]


def made(session: Session, version: Version, run: tables.Run | None, found: Found) -> None:
    """Everything that a version was made of, up to the rows of its sources."""
    manifest = version.manifest
    id_ = found.node(
        "version",
        version_id(version),
        f"model/{version.model} v{version.number}",
        algorithm=version.algorithm,
        model=version.model_digest,
        manifest=version.manifest_digest,
        at=version.created_at.isoformat(),
    )
    ran = _run(session, version, run, found)
    found.edge(ran, id_, "registered")
    rows = manifest.get("rows") or {}
    digests = manifest["digests"]
    label = f"rows {short(digests['data'])}" + (
        f" ({rows['train']:,} + {rows['holdout']:,})" if "train" in rows and "holdout" in rows else ""
    )
    data = found.node(
        "data", f"data/{digests['data']}", label, digest=digests["data"], rows=dict(rows) or None, as_of=manifest.get("as_of")
    )
    found.edge(data, ran, "trained on")
    for kind in ("spec", "code", "environment"):
        found.edge(found.node(kind, f"{kind}/{digests[kind]}", f"{kind} {short(digests[kind])}", digest=digests[kind]), ran, kind)
    for name, held in sorted(manifest.get("sources", {}).items()):
        source = found.node("source", f"source/{name}", f"source/{name}")
        content = found.node("content", f"source/{name}@{held}", f"source/{name} {short(held)}", digest=held)
        found.edge(source, content, "held")
        found.edge(content, data, "read")
    _views(session, run, data, found)
    _beside(manifest, ran, id_, found)


def _run(session: Session, version: Version, run: tables.Run | None, found: Found) -> str:
    began = None if run is None else run.started_at
    label = f"run {version.run_id[:_SHORT]}" + (f" ({run.flow}, {began:%Y-%m-%d %H:%M})" if run is not None else "")
    ran = found.node("run", f"run/{version.run_id}", label, started_at=None if began is None else began.isoformat())
    query = select(TrackedValue).where(TrackedValue.run_id == version.run_id, TrackedValue.kind == TrackedKind.DIGEST)
    told = {row.name: row.text for row in session.exec(query) if row.name in {"commit", "dirty"} and row.text}
    if "commit" in told:
        commit = found.node("commit", f"commit/{told['commit']}", f"commit {told['commit'][:_SHORT]}", commit=told["commit"])
        found.edge(commit, ran, "checked out" + (", with changes" if "dirty" in told else ""))
    if run is not None and run.cause is not None:
        _caused(session, run.cause, ran, found)
    return ran


def _caused(session: Session, cause: str, of: str, found: Found) -> None:
    """What the log says that a run, or an event, was caused by, as far back as it goes."""
    seen = set[str]()
    while cause not in seen:
        seen.add(cause)
        event = session.exec(select(tables.Event).where(tables.Event.id == cause)).first()
        if event is None:
            return
        kind = _CAUSES.get(event.kind, "event")
        named = event.payload.get("trigger") or event.payload.get("alert")
        what = f"{event.kind.value} {named}" if named else event.kind.value
        id_ = found.node(
            kind, f"event/{event.id}", f"{what} ({event.at:%Y-%m-%d %H:%M})", at=event.at.isoformat(), reason=event.payload.get("reason")
        )
        found.edge(id_, of, "caused")
        if event.cause is None:
            return
        cause, of = event.cause, id_


def _views(session: Session, run: tables.Run | None, data: str, found: Found) -> None:
    """The applied definitions of the views that the rows came through, where the run wrote them down."""
    for view, held in sorted((run.details.get("views") or {}).items() if run is not None else ()):
        query = select(FeatureVersion).where(FeatureVersion.view == view, FeatureVersion.digest == held)
        row = session.exec(query.order_by(col(FeatureVersion.number).desc())).first()
        id_, label = (
            (f"feature_view/{view}@{row.number}",) * 2 if row is not None else (f"feature_view/{view}@{held}", f"feature_view/{view}")
        )
        found.edge(found.node("view", id_, label, digest=held), data, "computed")


def _beside(manifest: Mapping[str, Any], ran: str, id_: str, found: Found) -> None:
    for name, release in sorted((manifest.get("plugins") or {}).items()):
        found.edge(found.node("plugin", f"plugin/{name}@{release}", f"{name} {release}"), ran, "plugin")
    for part in manifest.get("components") or ():
        node = found.node("part", f"part/{part['digest']}", f"{part['id']}: {part['algorithm']}", digest=part["digest"])
        found.edge(node, id_, "part")
