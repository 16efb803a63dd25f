"""What a server's OpenAPI document says is what it does: no answer that it does not tell of, and never a failure of its own."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.generation.modes import GenerationMode
from serving_process import CONFIG, Served, project, served

from headrace.compiled import ServingConfig
from headrace.serving.openapi import document
from headrace.serving.schema import Schema

pytestmark = [pytest.mark.slow, pytest.mark.alone]

HELD = [checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance]
READ = ServingConfig.model_validate(CONFIG)
DOCUMENT = document(READ, Schema(READ))
API = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {f"{found.ok().method.upper()} {found.ok().path}": found.ok() for found in API.get_all_operations()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = project(tmp_path_factory.mktemp("described"))
    made.alias("champion", made.register())
    with served(made) as running:
        yield running
        assert b"Traceback" not in running.log.read_bytes()
    made.store.close()


def test_the_document_is_the_server_s(server: Served) -> None:
    assert DOCUMENT == server.request("GET", "/openapi.json")[1]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_answer_is_one_that_the_document_tells_of(server: Served, name: str) -> None:
    operation = OPERATIONS[name]
    good, bad = (operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE))

    @given(data=st.data())
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    def hold(data: Any) -> None:
        case = data.draw(good if operation.body == [] or data.draw(st.booleans()) else bad)
        answer = case.call(base_url=f"http://127.0.0.1:{server.port}")
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)
        case.validate_response(answer, checks=HELD)

    hold()
