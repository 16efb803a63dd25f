"""What is answered, and what may turn out, for each task; a model that answers something else has failed, and the champion steps in."""

import json

import numpy as np
import pytest
from serving_project import CONFIG, ROW, SIGNATURE

from headrace.compiled import ServingConfig
from headrace.hooks import Answers
from headrace.serving.online import Online
from headrace.serving.openapi import document
from headrace.serving.problem import Refused
from headrace.serving.schema import Schema
from headrace.serving.snapshot import Served
from headrace.serving.workspace import open_workspace

CLASSES, LEVELS = Answers("multiclass", ("cat", "dog")), Answers("quantile", quantiles=(0.1, 0.9))


class Says:
    def __init__(self, one):
        self.one = one

    def predict(self, matrix):
        return np.array([self.one] * len(matrix))


def served(answers, one):
    return Served(1, SIGNATURE, Says(one), Says(one), answers=answers)


@pytest.mark.parametrize(
    ("answers", "one", "output", "answer"),
    [
        (CLASSES, [0.2, 0.8], 0.8, {"cat": 0.2, "dog": 0.8}),
        (Answers("regression"), -3.5, -3.5, None),
        (LEVELS, [1.0, 2.0], 1.0, {"0.1": 1.0, "0.9": 2.0}),
    ],
)
def test_one_row_and_many_are_answered_alike(answers, one, output, answer):
    made = served(answers, one)
    single, (first, second) = made.answer(ROW), made.answer_many([ROW, ROW])
    assert [(output, answer, None)] * 3 == [(told.output, told.answer, told.error) for told in (single, first, second)]


@pytest.mark.parametrize(
    ("answers", "one"),
    [
        (CLASSES, [0.2, 0.2]),
        (CLASSES, [float("nan"), 1.0]),
        (CLASSES, 0.5),
        (Answers("regression"), float("inf")),
        (LEVELS, [2.0, 1.0]),
        (Answers(), 1.5),
    ],
)
def test_an_answer_of_no_such_task_is_an_error(answers, one):
    made = served(answers, one)
    assert [None] * 2 == [told.output for told in (made.answer(ROW), *made.answer_many([ROW]))]
    assert made.answer(ROW).error is not None


def schema(task):
    return Schema(ServingConfig.model_validate(CONFIG | {"task": task}))


def outcome(task, value):
    (told,) = schema(task).read_outcomes(json.dumps({"outcomes": [{"person_id": 1, "employed": value}]}).encode())
    return told.value


@pytest.mark.parametrize(
    ("task", "sent", "read"),
    [("binary", 1, 1.0), ("multiclass", "dog", "dog"), ("multiclass", 3, "3"), ("regression", -2.5, -2.5), ("quantile", 7, 7.0)],
)
def test_what_turned_out_is_read_as_the_task_says(task, sent, read):
    assert (read, type(read)) == (outcome(task, sent), type(outcome(task, sent)))


@pytest.mark.parametrize(
    ("task", "sent"), [("binary", 0.5), ("binary", "dog"), ("multiclass", 1.5), ("regression", "dog"), ("regression", None)]
)
def test_what_cannot_turn_out_is_refused(task, sent):
    with pytest.raises(Refused):
        outcome(task, sent)


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        ("binary", ["number", "null"]),
        ("multiclass", ["string", "null"]),
        ("regression", ["number", "null"]),
        ("quantile", ["object", "null"]),
    ],
)
def test_the_document_says_what_is_answered(task, kind, project):
    config = ServingConfig.model_validate(CONFIG | {"task": task})
    workspace = open_workspace(project.config.parent / "headrace.json", config)
    answer = document(config, Schema(config), Online(config, workspace))["paths"]["/predict"]["post"]["responses"]["200"]["content"][
        "application/json"
    ]["schema"]
    workspace.store.close()
    assert (kind, task == "multiclass") == (answer["properties"]["prediction"]["type"], "probabilities" in answer["properties"])


def test_a_config_from_before_there_were_tasks_is_binary():
    assert "task" not in CONFIG
    assert "binary" == ServingConfig.model_validate(CONFIG).task
