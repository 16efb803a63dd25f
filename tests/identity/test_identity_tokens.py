"""Tokens: which are believed, and each way of forging one that is not."""

import base64
import hashlib
import hmac
import json
import time
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from headrace.identity.tokens import LEEWAY, LONGEST, BadToken, KeySet, Trust, UnknownKey, verify

ISSUER, AUDIENCE = "https://login.example.com/", "headrace"
TRUST = Trust(ISSUER, AUDIENCE, ("RS256", "PS256", "ES256", "EdDSA"))


@cache
def private(name: str) -> Any:
    match name.partition("-")[0]:
        case "rsa":
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case "small":
            return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - it is what is refused
        case "p256":
            return ec.generate_private_key(ec.SECP256R1())
        case "p384":
            return ec.generate_private_key(ec.SECP384R1())
        case _:
            return ed25519.Ed25519PrivateKey.generate()


WRITERS = {"rsa": RSAAlgorithm, "small": RSAAlgorithm, "p256": ECAlgorithm, "p384": ECAlgorithm, "ed": OKPAlgorithm}


def jwk(name: str, **more: Any) -> dict[str, Any]:
    written: dict[str, Any] = WRITERS[name.partition("-")[0]].to_jwk(private(name).public_key(), as_dict=True)  # type: ignore[attr-defined]
    return {key: value for key, value in written.items() if key != "key_ops"} | {"kid": name} | more


def key_set(*keys: dict[str, Any]) -> KeySet:
    return KeySet.parse(json.dumps({"keys": keys}).encode())


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    told = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ana", "iat": now, "exp": now + 86_400} | changed
    return {key: value for key, value in told.items() if value is not None}


def token(name: str = "rsa", algorithm: str = "RS256", head: dict[str, Any] | None = None, **changed: Any) -> bytes:
    return jwt.encode(claims(**changed), private(name), algorithm=algorithm, headers={"kid": name} | (head or {})).encode()


def forged(head: dict[str, Any], body: dict[str, Any], sign: Any = lambda _: b"") -> bytes:
    def part(value: bytes) -> bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    signed = part(json.dumps(head).encode()) + b"." + part(json.dumps(body).encode())
    return signed + b"." + part(sign(signed))


LATER = int(time.time()) + 10_000_000
"""Beyond the end of any run of these tests."""
KEYS = key_set(jwk("rsa"), jwk("p256"), jwk("p384"), jwk("ed"))


@pytest.mark.parametrize(("name", "algorithm"), [("rsa", "RS256"), ("rsa", "PS256"), ("p256", "ES256"), ("ed", "EdDSA")])
def test_a_token_that_its_issuer_signed_is_believed_until_it_expires(name: str, algorithm: str) -> None:
    expires = int(time.time()) + 86_400
    found = verify(token(name, algorithm, exp=expires), TRUST, KEYS)
    assert ("ana", expires + LEEWAY) == (found.subject, found.expires)


def test_one_of_several_audiences_will_do() -> None:
    assert "ana" == verify(token(aud=["other", AUDIENCE]), TRUST, KEYS).subject


def public_pem() -> bytes:
    told: bytes = private("rsa").public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return told


def hs256(secret: bytes) -> bytes:
    return forged({"alg": "HS256", "kid": "rsa"}, claims(), lambda signed: hmac.new(secret, signed, hashlib.sha256).digest())


BAD: dict[str, tuple[bytes, str]] = {
    "unsigned": (forged({"alg": "none", "kid": "rsa"}, claims()), "not signed in a way that is taken"),
    "unsigned, in capitals": (forged({"alg": "NONE", "kid": "rsa"}, claims()), "not signed in a way that is taken"),
    "signed with the public key as a secret": (hs256(public_pem()), "not signed in a way that is taken"),
    "an algorithm that the spec does not list": (token(algorithm="RS512"), "not signed in a way that is taken"),
    "an algorithm of no text": (forged({"alg": ["RS256"], "kid": "rsa"}, claims()), "in a way|cannot be read"),
    "the algorithm of another kind of key": (forged({"alg": "ES256", "kid": "rsa"}, claims(), lambda _: b"0" * 64), "does not publish"),
    "the curve of another algorithm": (forged({"alg": "ES256", "kid": "p384"}, claims(), lambda _: b"0" * 64), "does not publish"),
    "somebody else's signature": (token("rsa-other", head={"kid": "rsa"}), "signature is not its issuer's"),
    "no signature": (token().rpartition(b".")[0] + b".", "signature|cannot be read"),
    "a changed claim": (
        b".".join([token().split(b".")[0], token(sub="eve").split(b".")[1], token().split(b".")[2]]),
        "signature is not its issuer's",
    ),
    "a key that it brings": (token("rsa-other", head={"kid": "rsa", "jwk": jwk("rsa-other")}), "signature is not its issuer's"),
    "a key that it points at": (token("rsa-other", head={"kid": "rsa", "jku": "http://127.0.0.1:1/"}), "signature is not its issuer's"),
    "an extension": (token(head={"crit": ["exp"], "exp": 1}), "cannot be read"),
    "an extension that signatures know": (token(head={"crit": ["b64"], "b64": True}), "cannot be read"),
    "expired": (token(exp=int(time.time()) - LEEWAY - 5), "expired"),
    "not yet valid": (token(nbf=LATER, exp=LATER + 600), "not valid yet"),
    "issued in the future": (token(iat=LATER, exp=LATER + 600), "not valid yet"),
    "another audience": (token(aud="other"), "another audience"),
    "an audience of which ours is a part": (token(aud=AUDIENCE + "-admin"), "another audience"),
    "another issuer": (token(iss="https://login.example.com.evil.example/"), "another issuer"),
    "no issuer": (token(iss=None), "lacks `iss`"),
    "no audience": (token(aud=None), "lacks `aud`|another audience"),
    "no expiry": (token(exp=None), "lacks `exp`"),
    "no subject": (token(sub=None), "lacks `sub`"),
    "no time of issue": (token(iat=None), "lacks `iat`"),
    "an expiry of no number": (token(exp="soon"), "cannot be read"),
    "an endless expiry": (token(exp=float("inf")), "cannot be read"),
    "an expiry that is none": (token(exp=float("nan")), "cannot be read"),
    "too long": (token(padding="x" * LONGEST), "too long"),
    "nothing": (b"", "cannot be read"),
    "no token": (b"a.b.c", "cannot be read"),
    "no ASCII": (b"\xff\xfe.\x00.\xff", "cannot be read"),
    "a deep header": (base64.urlsafe_b64encode(b"[" * 4000) + b".e30.e30", "cannot be read"),
    "encrypted": (b"e30.e30.e30.e30.e30", "cannot be read|in a way"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_forged_or_has_ended_is_not_believed(name: str) -> None:
    forgery, why = BAD[name]
    with pytest.raises(BadToken, match=why):
        verify(forgery, TRUST, KEYS)


def test_a_key_that_is_not_published_is_told_apart_since_the_set_may_be_old() -> None:
    with pytest.raises(UnknownKey):
        verify(token("rsa-other"), TRUST, KEYS)


def test_a_key_is_used_for_its_own_algorithm_alone() -> None:
    with pytest.raises(UnknownKey):
        verify(token(), TRUST, key_set(jwk("rsa", alg="PS256")))


def test_without_a_name_the_only_key_is_meant_and_of_several_none() -> None:
    unnamed = jwt.encode(claims(), private("rsa"), algorithm="RS256").encode()
    assert "ana" == verify(unnamed, TRUST, KEYS).subject
    with pytest.raises(BadToken, match="does not say which"):
        verify(unnamed, TRUST, key_set(jwk("rsa"), jwk("rsa-other")))


@pytest.mark.parametrize(
    ("told", "good"),
    [
        ({"scope": "read predict"}, True),
        ({"scp": ["predict"]}, True),
        ({"scp": "predict"}, True),
        ({"scope": "predictions"}, False),
        ({"scope": ["predict"]}, True),
        ({"scope": None}, False),
        ({"scp": [7]}, False),
    ],
)
def test_a_scope_is_a_whole_word(told: dict[str, Any], good: object) -> None:
    trust = Trust(ISSUER, AUDIENCE, ("RS256",), "predict")
    if good:
        assert "ana" == verify(token(**told), trust, KEYS).subject
        return
    with pytest.raises(BadToken, match="not allowed `predict`") as refused:
        verify(token(**told), trust, KEYS)
    assert refused.value.scope


@pytest.mark.parametrize(
    "item",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "a"},
        {"kty": "RSA"},
        {"kty": "EC", "crv": "P-1", "x": "a", "y": "b"},
        7,
        jwk("small"),
        jwk("rsa", use="enc"),
    ],
    ids=["a secret", "empty", "unknown", "none", "too small", "for encryption"],
)
def test_a_key_that_checks_no_signature_is_passed_over(item: Any) -> None:
    assert 1 == len(key_set(item, jwk("rsa")).keys)
    with pytest.raises(ValueError, match="no public key"):
        key_set(item)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b'{"keys": 7}', b"\xff", b"[" * 100_000])
def test_what_is_no_key_set_is_told(data: bytes) -> None:
    with pytest.raises(ValueError, match="no JSON Web Key Set"):
        KeySet.parse(data)
