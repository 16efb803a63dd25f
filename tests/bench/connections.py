#!/usr/bin/env python
"""Many connections open at once to a server on loopback, one request on each: how many were answered, refused, or neither; prints JSON.

    python tests/bench/connections.py PORT CONNECTIONS BODY

A client in a process of its own, so that its memory and files are not the server's.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections import Counter

STATUSES = {b"200": "answered", b"429": "refused", b"503": "refused"}
WAIT = 60.0
"""Seconds for each connection to be opened, and to be answered."""


async def one(port: int, request: bytes, ready: asyncio.Barrier) -> str:
    """Connect, wait until all are connected, ask."""
    try:
        async with asyncio.timeout(WAIT):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except (OSError, TimeoutError):
        await ready.wait()
        return "unconnected"
    await ready.wait()
    try:
        async with asyncio.timeout(WAIT):
            writer.write(request)
            line = await reader.readline()
    except (OSError, TimeoutError) as error:
        return f"failed: {error!r}"
    finally:
        writer.close()
    return STATUSES.get(line[9:12], f"failed: {line!r}")


async def main(port: int, connections: int, body: bytes) -> dict[str, object]:
    """All of them."""
    lines = ["POST /predict HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
    request = "\r\n".join(lines).encode() + body
    ready = asyncio.Barrier(connections)
    told = Counter(await asyncio.gather(*(one(port, request, ready) for _ in range(connections))))
    failed = {key: count for key, count in told.items() if key not in {"answered", "refused"}}
    return {"answered": told["answered"], "refused": told["refused"], "failed": sum(failed.values()), "how": failed}


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(json.dumps(asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()))))
