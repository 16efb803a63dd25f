"""A reader and a channel that hang are stopped, and what they were asked for has failed."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from headrace.compiled import ChannelConfig, SourceConfig
from headrace.diagnostics import HeadraceError, Report
from headrace.features.source import read_source
from headrace.hooks import ChannelType, Message, Plugins, Reader, load_plugins
from headrace.hooks.limit import OutOfTime
from headrace.notify.outbox import _send as send
from headrace.secrets import Secrets
from headrace.store.tables import Outbox

SOON = 0.05


class Params(BaseModel):
    pass


def hang(*_: Any) -> Any:
    while True:
        time.sleep(0.01)


HANG = f"{__name__}:hang"


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return load_plugins(None, Report(), allow=[])


COLUMNS = {"id": {"from": "id", "type": "int64"}}
SOURCE = {"uri": "a.slow", "columns": COLUMNS, "arrival": None, "fresh_within_seconds": None, "checks": ()}


def test_a_reader_that_hangs_leaves_its_source_unread(tmp_path: Path) -> None:
    (tmp_path / "a.slow").touch()
    slow = {"slow": Reader("slow", (".slow",), HANG, seconds=SOON)}
    with pytest.raises(HeadraceError, match=r"source-unreadable.*did not end within 0\.05 s"):
        read_source(tmp_path, "a", SourceConfig.model_validate(SOURCE), slow)


def test_a_channel_that_hangs_has_not_delivered(tmp_path: Path, plugins: Plugins) -> None:
    slow = replace(plugins, channels={"slow": ChannelType("slow", f"{__name__}:Params", HANG, seconds=SOON)})
    message = Message("f", "work", "degraded", "warning", "firing", "it fell", "", {}, datetime(2020, 1, 1, tzinfo=UTC))
    row = Outbox(id="m", channel="team", message=message.to_json())
    with pytest.raises(OutOfTime):
        send(slow, {"team": ChannelConfig(type="slow", params={})}, row, Secrets(tmp_path), tmp_path)
