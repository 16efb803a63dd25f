"""The reference is what the package declares."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

GENERATE = Path(__file__).parents[2] / "framework" / "docs" / "reference" / "generate.py"


def pages() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("generate", GENERATE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, str] = module.pages()
    return found


PAGES = pages()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_reference_page_is_as_it_would_be_written_now(name: str) -> None:
    assert (GENERATE.parent / name).read_text(encoding="utf-8") == PAGES[name], "python framework/docs/reference/generate.py writes it"
