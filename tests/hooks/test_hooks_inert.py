"""Bytes that may run code when they are read are told from those that cannot."""

import bz2
import gzip
import io
import lzma
import pickle
import struct
import zipfile
import zlib

import joblib
import numpy as np
import pytest

from headrace.diagnostics import Exit, HeadraceError
from headrace.hooks.inert import pickles, refuse_code, runs_code


class Evil:
    """What a pickle may hold."""

    def __reduce__(self):
        return (exec, ("raise SystemExit",))


def zipped(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, data)
    return out.getvalue()


def dumped(**how) -> bytes:
    out = io.BytesIO()
    joblib.dump({"a": Evil()}, out, **how)
    return out.getvalue()


def objects() -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([Evil()], dtype=object), allow_pickle=True)
    return out.getvalue()


EVIL = pickle.dumps(Evil())
RUNS = {
    **{f"protocol {number}": pickle.dumps(Evil(), protocol=number) for number in range(6)},
    "no object at all": pickle.dumps({"a": 1}),
    "joblib": dumped(),
    "joblib zlib": dumped(compress=("zlib", 3)),
    "gzip": gzip.compress(EVIL),
    "bz2": bz2.compress(EVIL),
    "xz": lzma.compress(EVIL),
    "lzma": lzma.compress(EVIL, format=lzma.FORMAT_ALONE),
    "zlib": zlib.compress(EVIL),
    "torch": zipped("archive/data.pkl", EVIL),
    "another name": zipped("weights.bin", EVIL),
    "a long one without an import": pickle.dumps(list(range(500_000))),
    "objects": objects(),
    "objects in npz": zipped("a.npy", objects()),
}
HARMLESS = {
    "json": b'{"learner": {}}',
    "lightgbm": b"tree\nversion=v4\nnum_class=1\nobjective=binary sigmoid:1\nTree=0\n",
    "numbers": b"0.25",
    "empty": b"",
    "safetensors": struct.pack("<Q", 0x0280) + b'{"a":' + b" " * 0x27B,
    "zip": zipped("schema.json", b"{}"),
    "broken zip": b"PK\x03\x04 no more",
    "broken gzip": b"\x1f\x8bno more",
    "array": b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }",
    "text": b"c is a letter\nand so is R\n(S'x'\ntR.",
    "gzip of text": gzip.compress(b"tree\nversion=v4\n"),
}


@pytest.mark.parametrize("name", RUNS)
def test_what_runs_code_is_refused(name):
    with pytest.raises(HeadraceError, match=r"unsafe-format.*the model of x is an? ") as raised:
        refuse_code(RUNS[name], "the model of x")
    assert Exit.REFUSED is raised.value.code


@pytest.mark.parametrize("name", HARMLESS)
def test_what_runs_nothing_passes(name):
    assert runs_code(HARMLESS[name]) is None


def test_an_archive_of_more_files_than_a_model_has_is_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(10_001):
            archive.writestr(str(number), b"")
    assert "an archive of 10,001 files" == runs_code(out.getvalue())


@pytest.mark.parametrize("name", RUNS)
def test_what_is_refused_at_its_beginning_is_found_by_who_looks_everywhere(name):
    assert list(pickles(RUNS[name]))


@pytest.mark.parametrize("name", sorted(HARMLESS.keys() - {"broken zip"}))
def test_what_passes_at_its_beginning_holds_none_either(name):
    assert [] == list(pickles(HARMLESS[name]))
