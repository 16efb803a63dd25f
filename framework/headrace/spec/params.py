"""How a plugin's parameters are read: as JSON, in the one way that the spec is checked by and a training is given them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)


def read_params(model: type[M], params: Mapping[str, Any]) -> M:
    """The parameters as the plugin's model has them, defaults included. Raises pydantic's ValidationError.

    JSON has lists where a model may have tuples and sets, and text where it may have durations: a strict model takes these from JSON alone.
    """
    return model.model_validate_json(orjson.dumps(params))
