"""What the language says of itself."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from headrace.spec.quantity import Duration
from headrace.spec.reference import about, about_word, needed, paths


def test_a_field_of_a_list() -> None:
    found = about("model.rollout.steps.weight")
    assert found == {
        "path": "model.rollout.steps.weight",
        "type": "a percentage such as `5%`",
        "description": "The candidate's share.",
        "required": True,
        "default": None,
        "bounds": "more than 0%, less than 100%",
        "unit": None,
        "effect": "reconfigure",
        "later": False,
        "names": None,
        "chosen_by": None,
        "example": "weight: 5%",
        "cases": [],
        "keys": [],
        "docs": "reference/spec-model.md#rolloutsteps",
    }


def test_a_field_of_both_branches() -> None:
    assert ["by", "holdout", "stratify", "gap"] == [key["key"] for key in (about("model.training.split") or {})["keys"]]


def test_a_tag_lists_all_its_words() -> None:
    found = about("model.training.split.by") or {}
    assert ("`random` or `time`", True, ["by: random", "by: time"]) == (
        found["type"],
        found["required"],
        [case["where"] for case in found["cases"]],
    )


def test_a_key_of_one_branch_says_where_it_must_be() -> None:
    assert "required where `by: time`" == needed(about("model.training.split.gap") or {})
    assert "optional where `by: random`" == needed(about("model.training.split.stratify") or {})
    listed = {key["key"]: (key["required"], key.get("where")) for key in (about("model.training.split") or {})["keys"]}
    assert {"by": (True, None), "holdout": (True, None), "stratify": (False, "by: random"), "gap": (True, "by: time")} == listed


def test_a_key_that_branches_declare_otherwise_is_told_of_each() -> None:
    found = about("model.training.split.holdout") or {}
    assert [("a percentage such as `5%`", "more than 0%, less than 100%"), ("a duration such as `28d`", None)] == [
        (case["type"], case["bounds"]) for case in found["cases"]
    ]


@pytest.mark.parametrize("path", ["model.gates.min", "model.gates[quality].min", "model.gates[0].min", "model.gates.0.min"])
def test_an_item_may_be_named_by_id_or_by_position(path: str) -> None:
    assert "The least value that passes." == (about(path) or {})["description"]


@pytest.mark.parametrize("path", ["model.gates.mim", "model.gates[quality].mim", "model.gates[quality", "model.name[0]", "model.name.x"])
def test_a_near_miss_is_no_item(path: str) -> None:
    assert about(path) is None


def test_a_key_that_is_the_users_own() -> None:
    assert "yours" in (about("model.x-anchors.any") or {})["description"]


def test_a_field_under_free_keys() -> None:
    assert "Source" not in (about("source.columns.type") or {})["description"]


def test_a_key_says_whether_it_must_be_there() -> None:
    keys = (about("model.rollout.steps") or {})["keys"]
    assert [("weight", True), ("hold", True), ("then", False)] == [(key["key"], key["required"]) for key in keys]


class Params(BaseModel):
    """A plugin's."""

    wait: Duration = Field(default=timedelta(seconds=90), gt=timedelta(0), description="How long.")


def test_parameters_of_a_plugin_cost_what_their_section_costs() -> None:
    found = about("model.training.params.wait", Params)
    assert found is not None
    assert ("90s", "more than 0s", "retrain") == (found["default"], found["bounds"], found["effect"])
    assert ("wait", None) == ((about("model.training.params.wait") or {})["rest"], about_word("x", Params, "weight"))
    assert "x.wait" == (about_word("x", Params, "wait") or {})["path"]


def test_the_docs_tell_of_every_path_where_it_says() -> None:
    docs = Path(__file__).parents[2] / "framework" / "docs"
    lost = []
    for path in paths():
        page, _, heading = str((about(path) or {})["docs"]).partition("#")
        headings = {re.sub(r"[^\w\s-]", "", found) for found in re.findall(r"^#+ (.*)$", (docs / page).read_text(), re.MULTILINE)}
        if heading and heading not in headings:
            lost.append(path)
    assert [] == lost


def test_a_kind_alone() -> None:
    assert ("a document", "kind", "reference/spec-model.md") == tuple(
        (about("model") or {})[word] if word != "keys" else (about("model") or {})["keys"][0]["key"] for word in ("type", "keys", "docs")
    )


def test_what_is_no_field() -> None:
    assert (None, None, None) == (about("modle"), about("model.colour"), about("model.name.first"))


def test_every_field_has_a_description_and_an_example() -> None:
    """But for the tags, whose values say it."""
    bare = [path for path in paths() if path.rpartition(".")[2] not in ("kind", "by") and "." in path]
    poor = [path for path in bare if not ((about(path) or {})["description"] and (about(path) or {})["example"])]
    assert [] == poor
