from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.diagnostics import HeadraceError
from headrace.secrets import Secrets


def test_references_are_replaced_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n", encoding="utf-8")
    given: dict[str, Any] = {"a": "env:TOKEN", "b": [{"c": "file:key"}], "d": 5, "e": "environment"}
    expected = {"a": "from the environment", "b": [{"c": "from a file"}], "d": 5, "e": "environment"}
    assert expected == Secrets(tmp_path, {"TOKEN": "from the environment"}).resolve(given)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("env:TOKEN", "the environment variable TOKEN is not set"),
        ("env:", "`env:` names no variable"),
        ("env:no name", "`env:no name` names no variable"),
        ("file:nowhere", "the file nowhere cannot be read: FileNotFoundError"),
        ("file:empty", "the file empty is empty"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(tmp_path: Path, reference: str, message: str) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(HeadraceError) as caught:
        Secrets(tmp_path, {}).resolve(reference)
    assert [("secret-missing", message)] == [(fault.id, fault.message) for fault in caught.value.report]


def test_what_was_read_is_kept_out_of_a_text_the_longest_first(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path, {"SHORT": "hush", "LONG": "hush-hush", "TINY": "is"})
    secrets.resolve(["env:SHORT", "env:LONG", "env:TINY"])
    assert secrets.redact("this is hush-hush, and hush") == "this is <env:LONG>, and <env:SHORT>"
