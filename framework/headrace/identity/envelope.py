"""DSSE (Dead Simple Signing Envelope, v1): a payload, its type, and signatures of both together.

https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from headrace.identity.signing import Signer, Verifier

__all__ = ["encoded", "opened", "sealed"]


def encoded(kind: str, payload: bytes) -> bytes:
    """What is signed (PAE): the type and the payload, each behind its length in bytes, so that neither can pass for the other."""
    name = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def sealed(kind: str, payload: bytes, signer: Signer) -> dict[str, Any]:
    """The envelope, as JSON has it."""
    signature = signer.sign(encoded(kind, payload))
    return {
        "payloadType": kind,
        "payload": base64.standard_b64encode(payload).decode(),
        "signatures": [{"keyid": signer.verifier.keyid, "sig": base64.standard_b64encode(signature).decode()}],
    }


def opened(envelope: str, kind: str, verifier: Verifier) -> bytes:
    """The payload of an envelope that the key signed, of this type; ValueError that says why it is none. Nothing of it is read before."""
    try:
        held = json.loads(envelope)
        named, payload = held["payloadType"], base64.b64decode(held["payload"], validate=True)
        signatures = [(item.get("keyid"), base64.b64decode(item["sig"], validate=True)) for item in held["signatures"]]
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise ValueError("it is no DSSE envelope") from None
    if named != kind:
        raise ValueError(f"its payload is of the type `{str(named)[:80]}`")
    # The id is a hint: which key it is, the signature says.
    if not any(verifier.verify(signature, encoded(kind, payload)) for _, signature in signatures):
        ids = sorted({str(keyid)[:12] for keyid, _ in signatures})
        other = verifier.keyid[:12] not in ids
        raise ValueError(f"it is signed by another key: {', '.join(ids)}" if other else "its signature is not of these bytes")
    return payload
