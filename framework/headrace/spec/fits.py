"""Whether what stands in a document is a value of a type."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from headrace.document import Node
from headrace.spec.plain import plain


def fits(annotation: Any, field: FieldInfo | None, node: Node) -> bool:  # noqa: ANN401 - any annotation
    """Whether a field takes a node as it stands."""
    extra = tuple(field.metadata) if field is not None else ()
    try:
        _adapter(annotation, extra).validate_python(plain(node), strict=True, by_alias=True, by_name=False)
    except ValidationError:
        return False
    except TypeError:  # metadata that has no hash
        return True
    return True


@cache
def _adapter(annotation: Any, extra: tuple[Any, ...]) -> TypeAdapter[Any]:  # noqa: ANN401
    return TypeAdapter(Annotated[(annotation, *extra)] if extra else annotation)
