"""Where a bucket is: in the path of its URLs, or in their host name."""

from __future__ import annotations

import ipaddress
from typing import Literal
from urllib.parse import urlsplit

Addressing = Literal["path", "virtual"]
SignedFor = Literal["public", "storage"]
"""Whose Host the URLs of clients are signed for: that of the public endpoint, or that of the storage behind it."""


def bucket_url(endpoint: str, bucket: str, addressing: Addressing) -> str:
    """The URL of a bucket, with a slash at its end."""
    parts = urlsplit(endpoint)
    if addressing == "virtual":
        return f"{parts.scheme}://{bucket}.{parts.netloc}/"
    return f"{parts.scheme}://{parts.netloc}/{bucket}/"


def check_endpoint(endpoint: str) -> str:
    """The endpoint without a slash at its end. Raises ValueError unless it is a scheme and a host, with an optional port."""
    parts = urlsplit(endpoint)
    try:
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.username is not None:
        raise ValueError("must be http:// or https:// with a host and an optional port, such as https://s3.example.com")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must end with the host or its port: the bucket is a setting of its own, and no storage is below a path")
    return f"{parts.scheme}://{parts.netloc}"


def check_addressing(addressing: Addressing, bucket: str, *endpoints: str) -> Addressing:
    """The addressing. Raises ValueError where the bucket cannot be part of the endpoints' host names."""
    if addressing == "virtual":
        if "." in bucket:
            # Certificates are for one label in front of the endpoint's name.
            raise ValueError(f"must be path: the name of the bucket, {bucket}, has a dot, and so cannot be part of a host name")
        for endpoint in endpoints:
            if _is_address(urlsplit(endpoint).hostname or ""):
                raise ValueError(f"must be path: {endpoint} has an address in place of a host name")
    return addressing


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
