"""What people write as keys of a source's checks who come from other tools that test data."""

from __future__ import annotations

from collections.abc import Collection

from headrace.document import Entry, Mapping, Scalar, Sequence
from headrace.spec.foreign_section import Instead, said, snake
from headrace.spec.wording import choice

_OPERATORS = {
    **dict.fromkeys(("gt", "greater_than", "more_than", "above", "exclusive_min", "exclusive_minimum"), ">"),
    **dict.fromkeys(("ge", "gte", "greater_than_or_equal", "greater_than_or_equal_to", "greater_or_equal", "at_least"), ">="),
    **dict.fromkeys(("min", "minimum", "min_value", "min_val", "lower", "lower_bound"), ">="),
    **dict.fromkeys(("lt", "less_than", "below", "exclusive_max", "exclusive_maximum"), "<"),
    **dict.fromkeys(("le", "lte", "less_than_or_equal", "less_than_or_equal_to", "less_or_equal", "at_most"), "<="),
    **dict.fromkeys(("max", "maximum", "max_value", "max_val", "upper", "upper_bound"), "<="),
}
"""By what else a bound is called, how a value is compared with it."""
_MISSING = ("not_null", "required", "expect_column_values_to_not_be_null", "not_empty", "no_nulls")
_OF_CHECKS = {
    **dict.fromkeys(("expect_column_values_to_be_between", "between", "accepted_range"), "range: [LEAST, GREATEST]"),
    **dict.fromkeys(("expect_column_values_to_be_in_set", "expect_column_distinct_values_to_be_in_set"), "values: [A, B]"),
    "expect_column_values_to_match_regex": "pattern: REGEX",
    "expect_table_row_count_to_be_between": "rows: [LEAST, GREATEST]",
    "row_count": "rows: [LEAST, GREATEST]",
}
_OF_TESTS = ("type", "test", "expectation_type", "expectation", "kwargs", "relationships", "test_name")


def of_check(entry: Entry, free: Collection[str], around: Mapping) -> Instead | None:
    """What a test of data is called here; None for a key that means nothing there, or stands in no check."""
    known = all(word in free or around.get(word) is not None for word in ("missing", "holds", "unique", "range"))
    if not known or "min" in free or "max" in free:
        return None  # a check is known by its keys, and a feature has some of them
    return _bounded(entry, free, around) or _tested(entry, around)


def _bounded(entry: Entry, free: Collection[str], around: Mapping) -> Instead | None:
    """All bounds of a check as the one thing that it says: two that may be reached as `range`, others as a condition."""
    bounds = [(other, _OPERATORS[word]) for other in around.entries if (word := snake(other.key)) in _OPERATORS]
    if entry not in [other for other, _ in bounds] or not all(isinstance(other.value, Scalar) for other, _ in bounds):
        return None
    names, column = [other.key for other, _ in bounds], around.get("column")
    least, greatest = ([said(other.value) for other, sign in bounds if sign == wanted] for wanted in (">=", "<="))
    if len(bounds) == 2 and len(least) == len(greatest) == 1 and "range" in free:  # noqa: PLR2004 - both ends
        return Instead(f"write `range: [{least[0]}, {greatest[0]}]`", explains=tuple(names))
    if "holds" not in free:
        return None
    name = said(column.value) if column is not None else "COLUMN"
    condition = " and ".join(f"{name} {sign} {said(other.value)}" for other, sign in bounds)
    place = choice(f"`{word}`" for word in (["column"] if column is not None else []) + names).replace(" or ", " and ")
    return Instead(f'write `holds: "{condition}"` in the place of {place}', explains=tuple(names))


def _tested(entry: Entry, around: Mapping) -> Instead | None:
    """A test by its name, with what it is given."""
    key, value = entry.key, entry.value
    if key not in _MISSING and key not in _OF_CHECKS and key not in _OF_TESTS:
        return None
    column = around.get("column")
    named = column.value if column is not None else value
    inner = around.get("kwargs") if key == "expectation_type" else entry
    asked = inner.value if inner is not None and isinstance(inner.value, Mapping) else None
    if asked is not None and (of := asked.get("column")) is not None:
        named, key = of.value, said(value) if key == "expectation_type" else key
    name = named.text if isinstance(named, Scalar) and isinstance(named.value, str) else "NAME"
    says = "missing: 0%" if key in _MISSING else _filled(_OF_CHECKS.get(key), asked)
    if says is None:
        return Instead("write one of range, values, pattern, missing, unique, rows and holds") if key in _OF_TESTS else None
    start = f"id: {name.replace('_', '-').casefold()}-{says.partition(':')[0]}, " if around.get("id") is None else ""
    whole = f"{{{start}column: {name}, {says}}}" if start and column is None else says
    return Instead(f"write `{whole}`", explains=("id", "kwargs") if start else ("kwargs",))


def _filled(says: str | None, asked: Mapping | None) -> str | None:
    """What a test says, with the values that it was given."""
    for word, key in (("LEAST", "min_value"), ("GREATEST", "max_value"), ("REGEX", "regex")):
        given = asked.get(key) if asked is not None else None
        says = says.replace(word, said(given.value)) if says is not None and given is not None else says
    listed = asked.get("value_set") if asked is not None else None
    if says is not None and listed is not None and isinstance(listed.value, Sequence):
        says = says.replace("A, B", ", ".join(said(item) for item in listed.value.items))
    return says
