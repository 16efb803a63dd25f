"""P14: no version is registered whose data, spec, code or environment is not known by its digest."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant
from registry_machine import Moves, holds, opened
from registry_values import DIGESTS, PARTS, registering

from headrace import registry
from headrace.diagnostics import HeadraceError
from headrace.registry import garbage

BROKEN = st.sampled_from([None, "", "unknown", "sha256:", "sha256:" + "0" * 63, "md5:" + "0" * 64, "SHA256:" + "0" * 64])


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(st.sampled_from(PARTS), BROKEN, min_size=1))
def test_a_part_without_a_digest_is_named_and_nothing_registered(broken):
    with registering() as (store, register):
        with pytest.raises(HeadraceError, match="incomplete-lineage") as raised:
            register(digests=DIGESTS | broken)
        with store.read() as session:
            assert ([], True) == (
                registry.versions(session, "churn"),
                str(raised.value).endswith(", ".join(p for p in PARTS if p in broken)),
            )


@settings(max_examples=10, deadline=None)
@given(st.binary(max_size=20))
def test_a_registered_version_leads_back_to_all_that_made_it(data):
    with registering() as (store, register):
        version = register(data=data)
        assert (DIGESTS | {"model": version.model_digest}, data) == (version.manifest["digests"], store.blobs.get(version.model_digest))


class Kept(Moves):
    @invariant()
    def all_that_made_a_version_is_named_and_stays_though_it_is_withdrawn(self):
        with self.store.read() as session:
            named = set(garbage.references(session))
            for model, made in self.made.items():
                for version in made:
                    found = registry.get(session, self.name(model), version.number)
                    assert ({*DIGESTS.values(), version.model_digest}, version.run_id) == (
                        set(found.manifest["digests"].values()),
                        found.run_id,
                    )
                    assert {*found.manifest["digests"].values(), found.manifest_digest} <= named
                    assert self.store.blobs.exists(found.model_digest)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_lineage_stays_whatever_becomes_of_a_version(request, tmp_path, database):
    with opened(request, tmp_path, database) as store:
        holds(store, Kept)
