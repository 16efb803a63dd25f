"""What the language says of itself."""

from headrace.spec.reference import about, paths


def test_a_field_of_a_list() -> None:
    found = about("model.rollout.steps.weight")
    assert found == {
        "path": "model.rollout.steps.weight",
        "type": "a percentage such as `5%`",
        "description": "The candidate's share.",
        "required": True,
        "default": None,
        "unit": None,
        "effect": "reconfigure",
        "later": False,
        "example": "weight: 5%",
        "keys": [],
    }


def test_a_field_of_both_branches() -> None:
    assert ["by", "holdout", "stratify", "gap"] == [key["key"] for key in (about("model.training.split") or {})["keys"]]


def test_a_field_under_free_keys() -> None:
    assert "Source" not in (about("source.columns.type") or {})["description"]


def test_what_is_no_field() -> None:
    assert (None, None, None) == (about("modle"), about("model.colour"), about("model.name.first"))


def test_every_field_has_a_description_and_an_example() -> None:
    """But for the tags, whose values say it."""
    bare = [path for path in paths() if path.rpartition(".")[2] not in ("kind", "by") and "." in path]
    poor = [path for path in bare if not ((about(path) or {})["description"] and (about(path) or {})["example"])]
    assert [] == poor
