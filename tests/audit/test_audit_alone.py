"""Signatures by Python alone are those that a library makes and takes; and a bundle is verified where there is nothing but the verifier."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.audit.verify import ed25519

RFC_8032 = [  # section 7.1: key, message, signature
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]  # fmt: skip
PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize(("key", "message", "signature"), [tuple(map(bytes.fromhex, row)) for row in RFC_8032])
def test_published_signatures_are_taken_and_altered_ones_are_not(key, message, signature):
    assert ed25519(key, message, signature)
    again = (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    for other in (signature[:-1], signature + b"0", bytes(64), signature[:32] + again, b"\xff" * 32 + signature[32:]):
        assert not ed25519(key, message, other)
    assert not ed25519(key, message + b"0", signature)
    assert not ed25519(b"\xff" * 32, message, signature)


def test_points_are_one_encoding_each_and_are_compared_whole():
    """By the key of the neutral point a signature is S·B itself, so that what is compared can be chosen."""
    y = 4 * pow(5, -1, PRIME) % PRIME  # of B, whose x is even
    key, one = (1).to_bytes(32, "little"), (1).to_bytes(32, "little")
    assert ed25519(key, b"", y.to_bytes(32, "little") + one)
    assert not ed25519(key, b"", (PRIME - y).to_bytes(32, "little") + one)
    assert not ed25519(key, b"", (y | 1 << 255).to_bytes(32, "little") + one)
    assert not ed25519((PRIME + 1).to_bytes(32, "little"), b"", y.to_bytes(32, "little") + one)
    assert not ed25519(key, b"", (PRIME + 1).to_bytes(32, "little") + bytes(32))
    assert not ed25519((1 | 1 << 255).to_bytes(32, "little"), b"", y.to_bytes(32, "little") + one)


@settings(max_examples=25, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=80), at=st.integers(0, 511), flipped=st.booleans())
def test_it_says_what_a_library_says(seed, message, at, flipped):
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), bytearray(private.sign(message))
    signature[at // 8] ^= flipped << (at % 8)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes(signature), message)
    except InvalidSignature:
        expected = False
    else:
        expected = True
    assert (expected, not flipped) == (ed25519(public, message, bytes(signature)), expected)
