"""Blobs: whole or not at all, and never altered bytes."""

from pathlib import Path
from uuid import uuid4

import pytest

from headrace.diagnostics import Exit, HeadraceError
from headrace.store import Blobs, digest


@pytest.fixture(params=["folder", "file://", "memory://"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    match request.param:
        case "folder":
            return Blobs("blobs", root=tmp_path)
        case "file://":
            return Blobs(f"file://{tmp_path}/blobs", root=tmp_path)
        case _:
            return Blobs(f"memory://{uuid4().hex}", root=tmp_path)


def alter(blobs: Blobs, name: str) -> None:
    if blobs._remote is not None:
        blobs._remote.pipe_file(f"{blobs._base}/sha256/{name[7:9]}/{name[7:]}", b"altered")
    else:
        path = blobs.path(name)
        path.chmod(0o644)
        path.write_bytes(b"altered")


def fault(error: pytest.ExceptionInfo[HeadraceError]) -> tuple[str, Exit]:
    return error.value.report.errors[0].id, error.value.code


def test_bytes_come_back_under_their_digest(blobs: Blobs) -> None:
    name = blobs.put(b"abc")

    assert (digest(b"abc"), b"abc", b"abc", True) == (name, blobs.get(name), blobs.path(name).read_bytes(), blobs.exists(name))


def test_the_same_bytes_are_kept_once(blobs: Blobs) -> None:
    assert blobs.put(b"abc") == blobs.put(b"abc")


@pytest.mark.parametrize("read", [Blobs.get, Blobs.path])
def test_altered_bytes_are_refused(read, blobs: Blobs) -> None:
    name = blobs.put(b"abc")
    alter(blobs, name)

    with pytest.raises(HeadraceError) as error:
        read(blobs, name)
    assert fault(error) == ("artifact-altered", Exit.REFUSED)


@pytest.mark.parametrize("name", ["sha256:" + "0" * 64, "sha256:../../etc/passwd", "md5:0"])
def test_bytes_that_are_not_there_are_refused(name: str, blobs: Blobs) -> None:
    with pytest.raises(HeadraceError) as error:
        blobs.get(name)
    assert fault(error) == ("artifact-missing", Exit.REFUSED)


def test_a_digest_that_is_not_there_does_not_exist(blobs: Blobs) -> None:
    assert not blobs.exists(digest(b"nothing"))


def test_an_altered_blob_in_a_folder_is_mended_by_putting_it_again(tmp_path: Path) -> None:
    blobs = Blobs("blobs", root=tmp_path)
    alter(blobs, blobs.put(b"abc"))

    assert b"abc" == blobs.get(blobs.put(b"abc"))


def test_a_local_copy_is_checked_and_made_again(tmp_path: Path) -> None:
    blobs = Blobs(f"memory://{uuid4().hex}", root=tmp_path)
    copy = blobs.path(blobs.put(b"abc"))
    copy.chmod(0o644)
    copy.write_bytes(b"altered")

    assert b"abc" == blobs.path(digest(b"abc")).read_bytes()


def test_nothing_but_whole_blobs_lies_in_the_folder(tmp_path: Path) -> None:
    blobs = Blobs("blobs", root=tmp_path)
    name = blobs.put(b"abc")
    (tmp_path / "blobs" / "sha256" / "00").write_text("a file, where a folder should be")
    starts_with_00 = next(data for number in range(10_000) if digest(data := str(number).encode()).startswith("sha256:00"))

    with pytest.raises(HeadraceError) as error:
        blobs.put(starts_with_00)
    assert (fault(error), [name[7:]]) == (
        ("store-unwritable", Exit.FAILED),
        [p.name for p in (tmp_path / "blobs").rglob("*") if len(p.name) > 6],
    )


def test_a_remote_that_refuses_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = Blobs(f"memory://{uuid4().hex}", root=tmp_path)

    def refuse(*_: object) -> None:
        raise PermissionError("bucket is read only")

    monkeypatch.setattr(blobs._remote, "pipe_file", refuse)
    with pytest.raises(HeadraceError, match="read only") as error:
        blobs.put(b"abc")
    assert fault(error) == ("store-unwritable", Exit.FAILED)
