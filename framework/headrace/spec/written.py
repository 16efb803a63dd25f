"""A spec as a user would write it, defaults included."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from headrace.spec.place import keys


def written(spec: BaseModel) -> dict[str, Any]:
    """Plain values by the keys of the language, in its order; what is not given and has no default is left out."""
    dumped: dict[str, Any] = spec.model_dump(mode="json", by_alias=True)
    found: dict[str, Any] = _given(spec, dumped)
    return found


def _given(value: Any, dumped: Any) -> Any:  # noqa: ANN401 - the language's values
    if isinstance(value, BaseModel):
        names = {info: name for name, info in type(value).model_fields.items()}
        pairs = ((key, getattr(value, names[info]), dumped[key]) for key, info in keys(type(value)).items())
        return {key: _given(inner, text) for key, inner, text in pairs if inner is not None}
    if isinstance(value, tuple):
        return [_given(inner, text) for inner, text in zip(value, dumped, strict=True)]
    if isinstance(value, dict):
        return {key: _given(inner, dumped[key]) for key, inner in value.items()}
    return dumped
