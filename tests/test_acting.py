"""A case that expects what does not happen fails, and so does one that leaves out what happens."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from acting import Acting

STORE = "from headrace.store import Store\n"


@pytest.fixture
def acting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Acting:
    monkeypatch.chdir(tmp_path)
    return Acting(tmp_path, monkeypatch, capfd.readouterr, ExitStack())


@pytest.mark.parametrize(
    ("info", "text"),
    [
        ("console", "$ headrace validate\n# exit 3\n# error: [no-specs]\n"),
        ("console", '$ headrace validate --json\n# exit 3\n# error: [no-specs] "no folder"\n'),
        ("console", "$ export A=b\n$ test $A = b\n$ false\n# exit 1\n"),
        ("python", STORE + 'Store.open("sqlite://", "blobs", root=root)  # error: [store-url] "in memory"\n'),
        ("python", "assert root.is_dir()\n"),
    ],
)
def test_what_happens_as_expected_passes(acting: Acting, info: str, text: str) -> None:
    acting.act(info, text)


@pytest.mark.parametrize(
    ("info", "text"),
    [
        ("console", "$ headrace validate\n"),
        ("console", "$ headrace validate\n# error: [no-specs]\n"),
        ("console", "$ headrace validate\n# exit 3\n"),
        ("console", "$ headrace validate\n# exit 3\n# error: [no-model]\n"),
        ("console", "$ headrace validate\n# exit 3\n# warning: [no-specs]\n"),
        ("console", '$ headrace validate\n# exit 3\n# error: [no-specs] "a spec too many"\n'),
        ("console", "$ headrace explain no-specs\n# error: [no-specs]\n"),
        ("console", "$ false\n"),
        ("python", STORE + 'Store.open("sqlite://", "blobs", root=root)\n'),
        ("python", STORE + '# error: [store-url]\nStore.open("sqlite://", "blobs", root=root)\n'),
        ("python", STORE + 'Store.open("sqlite://", "blobs", root=root)  # error: [store-busy]\n'),
        ("python", STORE + 'Store.open("sqlite://", "blobs", root=root)  # error: [store-url] "on the moon"\n'),
        ("python", "root  # error: [store-url]\n"),
        ("python", "assert not root.is_dir()\n"),
    ],
)
def test_what_happens_otherwise_fails(acting: Acting, info: str, text: str) -> None:
    with pytest.raises(AssertionError):
        acting.act(info, text)
