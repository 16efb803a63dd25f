"""A version that is pinned computes what the version computed, whatever stood in it, and whatever its source reads by now."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from feature_values import AT
from hypothesis import given, settings
from hypothesis import strategies as st
from online_values import TYPES, source, views

from headrace import project as projects
from headrace.compiled import SourceConfig, ViewConfig
from headrace.compiler.sources import source_config
from headrace.compiler.views import view_config
from headrace.diagnostics import Report
from headrace.document import write
from headrace.features import pinned
from headrace.features.versions import Version, named
from headrace.spec import FeatureView, Source


def version(view: ViewConfig, of: SourceConfig, number: int = 3) -> Version:
    told = view.definition(of)
    return Version("id", "basket", number, named(told), told, "what is ${bought}", "user:test", AT)


def project(root: Path, documents: list[dict[str, Any]], arrived: str | None) -> projects.Project:
    columns = {name: {"type": kind} for name, kind in TYPES.items()}
    rest = [
        {"kind": "project", "name": "shop", "language": 1},
        {"kind": "source", "name": "sales", "uri": "sales.parquet", "columns": columns} | ({"available_at": arrived} if arrived else {}),
    ]
    (root / "specs").mkdir()
    (root / "specs" / "all.yaml").write_text("---\n".join(write(document) for document in [*rest, *documents]), encoding="utf-8")
    report = Report()
    found = projects.load(root, report)
    assert found is not None, [d.message for d in report]
    return found


@settings(max_examples=60, deadline=None)
@given(views, views, st.booleans())
def test_a_pinned_version_is_of_the_definition_that_was_recorded(view: ViewConfig, later: ViewConfig, moved: bool) -> None:  # noqa: FBT001
    then, now = source(), source().model_copy(update={"uri": "elsewhere.parquet"} if moved else {})
    old, new = version(view, then), version(later, now, 4)
    made = pinned.documents(old, today=new, source=now, spec={})
    same = not moved and view.available_at == later.available_at
    assert (1 if same else 2) == len(made)
    with tempfile.TemporaryDirectory() as folder:
        found = project(Path(folder), made, later.available_at)
        spec = found.get(FeatureView, "feature_view/basket@3")
        read = found.get(Source, spec.from_)
        config, told = view_config(spec, read), source_config(read)
    kept = pinned.recorded(config, told, [new, old])
    assert kept is not None
    assert old.digest == kept.digest
    assert view.computes() == {**config.computes(), "source": "sales"}
    assert then.reads() == told.reads()
    assert "what is ${bought}" == spec.description
