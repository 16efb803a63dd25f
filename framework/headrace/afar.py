"""File systems by their URL: S3 by Arrow's own client, which is installed with Headrace, and all else by fsspec's drivers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

S3 = ("s3", "s3a")
DRIVERS = {
    "s3": "pyarrow",
    "s3a": "pyarrow",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "az": "adlfs",
    "http": "aiohttp",
    "https": "aiohttp",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "smb": "smbprotocol",
}
"""What is to be installed for a scheme."""
_CONNECT, _SILENT, _ATTEMPTS = 30, 120, 3
"""Seconds that a server may take to answer, and to go on; and how often a request is made."""


def file_system(url: str, options: Mapping[str, Any] | None = None) -> tuple[Any, str]:
    """What reaches a URL, and the path of it there.

    Where S3 is, and by which key, the variables of the AWS tools say: `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`, `AWS_REGION`,
    `AWS_ACCESS_KEY_ID` with `AWS_SECRET_ACCESS_KEY`, `AWS_PROFILE`. ImportError where a driver is not installed, ValueError for a
    scheme that nothing reads.
    """
    import fsspec

    scheme, _, path = url.partition("://")
    if scheme in S3:
        return _s3(), path.rstrip("/")
    found: tuple[Any, str] = fsspec.core.url_to_fs(url, **(options or {}))
    return found


def _s3() -> Any:  # noqa: ANN401 - fsspec's
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    said = os.environ.get
    endpoint = said("AWS_ENDPOINT_URL_S3") or said("AWS_ENDPOINT_URL")
    scheme, separator, host = (endpoint or "").partition("://")
    system = S3FileSystem(
        endpoint_override=(host if separator else scheme).rstrip("/") or None,
        scheme=scheme if separator else None,
        region=said("AWS_REGION") or said("AWS_DEFAULT_REGION"),
        connect_timeout=_CONNECT,
        request_timeout=_SILENT,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
    )
    return ArrowFSWrapper(system, skip_instance_cache=True)
