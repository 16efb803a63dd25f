"""The metrics of several models as one exposition: each family once, with the samples of all."""

from __future__ import annotations

from collections.abc import Iterable


def merged(texts: Iterable[str]) -> bytes:
    """Texts of Prometheus's format as one; a sample that stands in several (a process's own, say) is taken from the first."""
    families: dict[str, tuple[dict[str, None], dict[str, str]]] = {}
    for text in texts:
        family = ""
        for line in filter(None, text.splitlines()):
            if line.startswith("# "):
                family = line.split(" ", 3)[2]
                families.setdefault(family, ({}, {}))[0].setdefault(line)
            else:
                sample = line.rpartition(" ")[0]
                families.setdefault(family, ({}, {}))[1].setdefault(sample, line)
    lines = [line for comments, samples in families.values() for line in (*comments, *samples.values())]
    return "".join(f"{line}\n" for line in lines).encode()
