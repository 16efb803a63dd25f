"""What is told of hooks is what their code declares: every contract with every field, and every value that crosses it."""

from dataclasses import fields, is_dataclass
from typing import get_args

import pytest

from headrace.cli.plugin_words import about_hook, text_of_hook
from headrace.hooks import AXES
from headrace.hooks.contracts import Item
from headrace.hooks.told import subjects, told


@pytest.mark.parametrize("kind", get_args(Item), ids=lambda kind: kind.__name__)
def test_every_field_of_a_contract_is_told(kind: type) -> None:
    found = told(kind.__name__)
    assert [item.name for item in fields(kind)] == [part.name for part in found.parts]
    assert found.hook == next(axis.hook for axis in AXES if axis.kind is kind)


@pytest.mark.parametrize(
    ("word", "crossing"),
    [
        ("exporter", {"Export", "Signature", "Input", "Server"}),
        ("gate", {"HeldOut", "Input", "Live", "Ruling", "Signature"}),
        ("transform", {"Input", "Prepared"}),
        ("rule", {"Finding"}),
        ("strategy", {"Rung"}),
        ("detector", {"Comparison"}),
        ("channel", {"Message"}),
        ("metric", set()),
        ("reader", set()),
    ],
)
def test_what_a_function_is_handed_is_told_with_its_contract(word: str, crossing: set[str]) -> None:
    found = about_hook(f"plugin.{word}")
    assert found is not None
    assert crossing == {other["class"] for other in found["crossing"]}
    text = text_of_hook(found)
    assert [] == [name for name in crossing if f"\n{name}:" not in text]


def test_every_value_has_its_fields() -> None:
    from headrace import hooks

    for name in set(subjects().values()):
        kind = getattr(hooks, name)
        wanted = [item.name for item in fields(kind) if not item.name.startswith("_")] if is_dataclass(kind) else []
        assert [] == [word for word in wanted if word not in {part.name for part in told(name).parts}], name


def test_the_axes_are_listed() -> None:
    found = about_hook("plugin")
    assert found is not None
    assert [f"plugin.{axis.word}" for axis in AXES] == list(found["axes"])
    assert "plugin.metric" in text_of_hook(found)


def test_no_word_of_the_language_is_taken() -> None:
    from headrace.diagnostics.codes import CODES
    from headrace.spec.reference import paths

    assert set() == {*subjects(), "plugin", "plugins", "hooks"} & {*CODES, *paths()}
