"""Model cards in the forms of others: each is read by what reads that form, and no word of a person becomes more than text."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from huggingface_hub import ModelCard

from headrace import registry
from headrace.builtin.exporters import card, card_cyclonedx, card_html, card_huggingface, card_toolkit
from headrace.governance.card import Alert, Card, Data, Evaluation, Feature, Identity, Judged, Model, Monitoring, Result, Source, Text
from headrace.hooks import Export
from headrace.testing.exporter import a_version, check_exporter

SCHEMA = json.loads((Path(__file__).parent / "model_card_toolkit_v0_0_2.json").read_text())["schema"]
EXPORTERS = [module.EXPORTER for module in (card, card_cyclonedx, card_html, card_huggingface, card_toolkit)]
EVIL = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> [go](javascript:alert(1)) [on](&#106;avascript:alert(1)) [see](https://a.example/x)"
    "\n\n[ref]: javascript:alert(1)\n\n- one | two\n- three\n\n### Deeper\nmore"
)
DIGEST = "sha256:" + "ab" * 32


def carded(text: str = "It ranks customers for the retention team.", **instead: object) -> Export:
    """A version with a card that has something in every part that a form tells of."""
    results = (Result(gate="quality", metric="roc_auc", passed=True, mode="block", reason="r", value=0.91, low=0.9, high=0.92, n=400),)
    identity = {"owner": "growth", "description": f"Who leaves? {text}", "contact": "growth@example.org", "license": "Apache-2.0"} | instead
    found = Card(
        card_version=2,
        risk="high",
        required={},
        identity=Identity(
            name="churn", version=7, model_digest=DIGEST, manifest_digest=DIGEST, run="r", created_at="2026-05-17", **identity
        ),
        purpose=Text(text=text),
        data=Data(text=text, digest=DIGEST, rows={"train": 8}, sources=(Source(name="orders", digest=DIGEST),), sensitive=("age",)),
        model=Model(algorithm="lightgbm.classifier", task="binary", features=(Feature(name="age", type="number"),), params={"n": 3}),
        evaluation=Evaluation(metrics={"roc_auc": 0.91}, baseline={"roc_auc": 0.7}, results=results),
        fairness=Judged(text=text, results=results),
        limitations=Text(text=text),
        tradeoffs=Text(text=text),
        ethics=Text(text=text),
        monitoring=Monitoring(text=text, alerts=(Alert(id="a", when="drift.share > 0.1", severity="warning", notify=("channel/ml",)),)),
    )
    requirements = ("headrace==0.1.0", "Ruamel.Yaml==0.18", "torch==2.1+cpu", "broken")
    return replace(a_version(), card=found.to_json(), card_digest=found.digest, card_status="approved", requirements=requirements)


def exported(exporter, version: Export, folder: Path) -> str:
    written = registry.export(version, exporter, {}, folder)
    (name,) = written.files
    return (folder / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("exporter", EXPORTERS, ids=lambda one: one.name)
def test_every_form_keeps_the_contract_with_a_card_and_without(exporter) -> None:
    assert [] == check_exporter(exporter, version=carded(EVIL))
    assert [] == check_exporter(exporter)


@pytest.mark.parametrize("version", [carded(), carded(EVIL), carded(license="LicenseRef-Ours OR MIT"), a_version()])
def test_the_bill_of_materials_is_valid_cyclonedx(version, tmp_path) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(exported(card_cyclonedx.EXPORTER, version, tmp_path / "out")) is None


def test_the_bill_of_materials_has_data_and_packages_with_what_they_are(tmp_path) -> None:
    bom = json.loads(exported(card_cyclonedx.EXPORTER, carded(), tmp_path / "out"))
    hashes = {one["bom-ref"]: one["hashes"][0]["content"] for one in bom["components"] if one["type"] == "data"}
    assert {"data:rows": "ab" * 32, "data:source:orders": "ab" * 32} == hashes
    assert ["pkg:pypi/headrace@0.1.0", "pkg:pypi/ruamel-yaml@0.18", "pkg:pypi/torch@2.1%2Bcpu"] == [
        one["purl"] for one in bom["components"] if one["type"] == "library"
    ]
    assert len(bom["components"]) == len(bom["dependencies"][0]["dependsOn"])
    interval = bom["metadata"]["component"]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"][1]["confidenceInterval"]
    assert {"lowerBound": "0.9", "upperBound": "0.92"} == interval


@pytest.mark.parametrize("version", [carded(), carded(EVIL), a_version()])
def test_the_toolkits_json_keeps_its_schema(version, tmp_path) -> None:
    jsonschema.validate(json.loads(exported(card_toolkit.EXPORTER, version, tmp_path / "out")), SCHEMA)


def test_the_hub_reads_the_card(tmp_path) -> None:
    read = ModelCard(exported(card_huggingface.EXPORTER, carded(), tmp_path / "out"))
    (result,) = read.data.eval_results
    assert ("en", "apache-2.0", "tabular-classification", "roc_auc", 0.91) == (
        read.data.language, read.data.license, read.data.pipeline_tag, result.metric_type, result.metric_value,
    )  # fmt: skip
    assert "## Limitations" in read.text


def test_the_hub_reads_a_licence_that_it_does_not_know(tmp_path) -> None:
    read = ModelCard(exported(card_huggingface.EXPORTER, carded(license="LicenseRef-Ours"), tmp_path / "out"))
    assert ("other", "LicenseRef-Ours") == (read.data.license, read.data.license_name)


class Tags(HTMLParser):
    """The tags of a page, and the attributes of those."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_words_of_people_are_text_in_the_page(tmp_path) -> None:
    page = exported(card_html.EXPORTER, carded(EVIL), tmp_path / "out")
    tags = Tags(page)
    assert set() == tags.found & {"script", "img", "a", "iframe", "link"}
    assert {"lang", "charset", "http-equiv", "content", "name", "scope"} >= tags.attributes
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<li>three</li>" in page


@pytest.mark.parametrize("exporter", [card.EXPORTER, card_huggingface.EXPORTER], ids=lambda one: one.name)
def test_words_of_people_are_no_html_and_lead_nowhere_in_markdown(exporter, tmp_path) -> None:
    text = exported(exporter, carded(EVIL), tmp_path / "out")
    body = text.split("---\n", 2)[-1]
    assert "<" not in body
    assert r"[go]\(javascript:alert(1))" in body
    assert r"[on]\(&amp;#106;avascript:alert(1))" in body
    assert "[see](https://a.example/x)" in body
    assert r"\[ref\]: javascript" in body


def test_a_page_says_how_far_its_card_has_come(tmp_path) -> None:
    text = exported(card.EXPORTER, carded(), tmp_path / "out")
    assert "| card | 2 (approved) |" in text
    assert "| quality | roc_auc | 0.91 | 0.9 to 0.92 | 400 | passed |" in text
