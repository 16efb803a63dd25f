"""A blob that is opened by path is the blob that was hashed, whoever swaps files meanwhile."""

from pathlib import Path
from uuid import uuid4

import pytest

from headrace.diagnostics import HeadraceError
from headrace.store import Blobs, digest


@pytest.fixture(params=["folder", "memory"])
def blobs(request, tmp_path):
    return Blobs("blobs" if request.param == "folder" else f"memory://{uuid4().hex}", root=tmp_path)


def swap(blobs: Blobs, name: str, data: bytes) -> None:
    """As an attacker does who can write to the blobs: another file in its place."""
    key = f"sha256/{name[7:9]}/{name[7:]}"
    if blobs._folder is not None:
        (blobs._folder / "other").write_bytes(data)
        (blobs._folder / "other").replace(blobs._folder / key)
    else:
        blobs._remote.pipe_file(f"{blobs._base}/{key}", data)


def test_a_blob_that_is_swapped_between_verify_and_open_is_not_what_is_opened(blobs):
    name = blobs.put(b"good" * 500_000)
    with blobs.private(name) as path:
        swap(blobs, name, b"evil")
        assert name == digest(path.read_bytes())


def test_a_blob_that_was_swapped_before_is_refused(blobs):
    name = blobs.put(b"good")
    swap(blobs, name, b"evil")
    with pytest.raises(HeadraceError, match="artifact-altered"), blobs.private(name):
        pytest.fail("an altered blob was handed out")


def test_a_link_in_the_place_of_a_blob_is_refused_by_what_it_leads_to(tmp_path):
    blobs = Blobs("blobs", root=tmp_path)
    name = blobs.put(b"good")
    place = blobs.path(name)
    place.unlink()
    place.symlink_to("/etc/hostname")
    with pytest.raises(HeadraceError, match="artifact-altered"), blobs.private(name):
        pytest.fail("a link was followed")


def test_the_copy_is_its_owners_alone_and_goes_with_the_block(blobs):
    with blobs.private(blobs.put(b"good")) as path:
        assert (0o400, 0o700) == (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777)
        assert not path.is_relative_to(blobs._copies)
    assert not Path(path).parent.exists()


def test_a_blob_that_is_not_there_is_said(blobs):
    with pytest.raises(HeadraceError, match="artifact-missing"), blobs.private(digest(b"none")):
        pytest.fail("nothing was handed out")
