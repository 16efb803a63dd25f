"""Faults of what was signed, of names that others gave, and of where a version came from."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "unsafe-format",
        "a model's file may run code when it is read",
        "A pickle does whatever its writer wrote, and a digest proves only who wrote it: none is registered or loaded, unless"
        " the environment's `unsafe_formats` names its format: then only one whose origin the project's own key has signed.",
        help="save the model as LightGBM's text, skops, safetensors, ONNX or JSON",
    ),
    Code(
        "unsafe-name",
        "a name of a file leads out of its folder or hides another",
        "`../x`, an absolute path and a link reach what is not meant; `A` and `a` are one file on some disks.",
        help="give it a plain relative name, such as `plots/roc.png`",
    ),
    Code(
        "signing-key",
        "a signing key cannot be used",
        "It is not there, is of another kind, or others may read it: what it signs would prove nothing.",
        help="chmod 600 .headrace/keys/signing.pem, or put it back from its backup",
    ),
    Code(
        "signing-missing",
        "what signs models is not installed",
        "Signatures of OpenSSF's form come from the package model-signing, which is an extra.",
        help="pip install 'headrace[signing]'",
    ),
    Code(
        "no-lineage",
        "nothing is known of where this came from",
        "Lineage is kept of versions, of answers that were journalled, and of sources that a version was made of.",
        help="headrace show lineage model/NAME@7",
    ),
    Code(
        "not-verified",
        "a version is not what was registered",
        "Its manifest, its bytes or what was signed about it was altered, or is gone.",
        help="put the blobs and the database back from a backup, or withdraw the version",
    ),
)
