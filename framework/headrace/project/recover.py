"""What a file that could not be read holds, as far as its lines say: so much less of the rest is unjudged."""

from __future__ import annotations

import re

from headrace.address import Address, form
from headrace.spec import KINDS

_KEY = re.compile(r"^(kind|name):[ \t]+(?P<quote>[\"']?)(?P<value>[\w-]+(?:@[0-9]+)?)(?P=quote)[ \t]*(?:#.*)?$", re.MULTILINE)


def declared(text: str) -> tuple[frozenset[Address], frozenset[str]]:
    """The addresses of a broken text's documents, and the kinds of which it may hold others: every kind, where a document does not say."""
    addresses: set[Address] = set()
    unread: set[str] = set()
    for part in re.split(r"^---(?:\s.*)?$", text, flags=re.MULTILINE):
        if not re.search(r"^[^#\s]", part, flags=re.MULTILINE):
            continue
        found = {match[1]: match["value"] for match in _KEY.finditer(part)}
        kind, name = found.get("kind"), found.get("name", "")
        if kind not in KINDS:
            return frozenset(addresses), frozenset(KINDS)
        if form(kind).fullmatch(name):
            addresses.add(Address(kind, name))
        else:
            unread.add(kind)
    return frozenset(addresses), frozenset(unread)
