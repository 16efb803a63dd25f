"""`kind: channel`: where a notification goes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import ChannelTypeName, Name, ParamsOf


class Channel(Spec):
    """One way to reach people or systems; the type's own keys stand under `params`."""

    kind: Literal["channel"]
    name: Name = field("The channel's name.", Effect.RECONFIGURE, example="ml-team")
    description: str = field("Who reads it.", Effect.METADATA, default="", example="the team's chat")
    type: ChannelTypeName = field("A channel type that a plugin registered: `webhook`, `log` …", Effect.RECONFIGURE, example="webhook")
    params: Annotated[dict[str, Any], ParamsOf("type")] = field(
        "The type's parameters; secrets as references such as `env:ONCALL_URL`.",
        Effect.RECONFIGURE,
        default={},
        example={"url": "env:ONCALL_URL"},
    )
