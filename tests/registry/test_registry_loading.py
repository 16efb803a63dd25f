"""Loading: nothing answers that is not, byte for byte, what was registered."""

import dataclasses
import pickle

import numpy as np
import pytest

from both import on_both
from headrace import registry
from headrace.diagnostics import HeadraceError
from headrace.hooks import Algorithm, Plugins
from headrace.store import blobs


class Echo:
    """Answers what its bytes say."""

    def __init__(self, data):
        self.value = float(data)

    def predict(self, matrix):
        return np.full(len(matrix), self.value)


def load_echo(data, *, signature):
    return Echo(data)


@pytest.fixture
def plugins():
    own = Algorithm("own", "binary", "", "", "", f"{__name__}:load_echo", "x")
    return Plugins({"own": own}, {}, {}, {}, {})


def test_a_version_loads_with_its_signature(store, make, plugins):
    loaded = registry.load(store, plugins, make(data=b"0.25"))
    matrix = loaded.signature.encode_row({"a": 1})[0]
    assert [0.25] == loaded.predictor.predict(np.array([matrix])).tolist()


@on_both
def test_one_altered_byte_of_the_model_is_refused(store, make, plugins):
    version = make(data=b"0.25")
    path = store.blobs.path(version.model_digest)
    path.chmod(0o644)
    path.write_bytes(b"0.35")
    with pytest.raises(HeadraceError, match="artifact-altered"):
        registry.load(store, plugins, version)


@pytest.mark.parametrize("part", ["seed", "signature", "digests"])
def test_an_altered_manifest_is_refused(store, make, plugins, part):
    version = make(data=b"0.25")
    altered = dataclasses.replace(version, manifest={**version.manifest, part: {} if part == "digests" else 8})
    with pytest.raises(HeadraceError, match="artifact-altered"):
        registry.load(store, plugins, altered)


def test_another_models_bytes_are_refused(store, make, plugins):
    one, other = make(data=b"0.25"), make(data=b"0.75")
    with pytest.raises(HeadraceError, match="artifact-altered"):
        registry.load(store, plugins, dataclasses.replace(one, model_digest=other.model_digest))


def test_an_algorithm_that_no_plugin_offers_is_named(store, make, plugins):
    with pytest.raises(HeadraceError, match=r"unknown-algorithm.*model/churn v1 was made by `torch`"):
        registry.load(store, plugins, make(algorithm="torch"))


def test_a_reader_that_fails_is_named(store, make, plugins):
    with pytest.raises(HeadraceError, match=r"model-unreadable.*ValueError"):
        registry.load(store, plugins, make(data=b"no number"))


def test_bytes_that_run_code_reach_no_reader(store, make, plugins, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("headrace.registry.registration._refuse_code", lambda *_: None)
        version = make(data=pickle.dumps([1]))
    with pytest.raises(HeadraceError, match=r"unsafe-format.*the model of `own` is a pickle"):
        registry.load(store, plugins, version)


@on_both
def test_a_blob_that_is_swapped_once_it_is_verified_is_not_what_is_loaded(store, make, plugins, monkeypatch):
    version = make(data=b"0.25")
    place, checked = store.blobs.path(version.model_digest), blobs._checked

    def swapped(data, expected):
        found = checked(data, expected)
        place.chmod(0o644)
        place.write_bytes(b"0.75")
        return found

    monkeypatch.setattr(blobs, "_checked", swapped)
    assert 0.25 == registry.load(store, plugins, version).predictor.value
