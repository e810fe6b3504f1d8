"""Where an S3-compatible object store is, and who we are there."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

REGION = "us-east-1"
"""What most stores that are not Amazon's are called."""
_MOST = 1024


class EndpointError(ValueError):
    """This is no endpoint; the message begins with the field that is wrong, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`url` is `https://HOST[:PORT]`, or http; buckets are the first part of the path (path style)."""

    url: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = REGION


def endpoint(url: str, access_key: str, secret_key: str, region: str = "") -> Endpoint:
    """Raises EndpointError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise EndpointError(f"endpoint: it is no URL: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise EndpointError("endpoint: it holds a user or a password: give access_key and secret_key")
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise EndpointError(f"endpoint: {url[:200]!r} is not https://HOST[:PORT], the address of an S3 service")
    for name, value in (("access_key", access_key), ("secret_key", secret_key)):
        if not value:
            raise EndpointError(f"{name}: is missing: endpoint, access_key and secret_key belong together")
        if len(value) > _MOST or not value.isprintable() or not value.isascii() or " " in value:
            raise EndpointError(f"{name}: has other characters than a key has, or more than {_MOST}")
    if region and not region.replace("-", "").replace("_", "").isalnum():
        raise EndpointError(f"region: {region[:100]!r} is no region's name, such as {REGION}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Endpoint(
        f"{parts.scheme}://{host}{f':{port}' if port else ''}", access_key, secret_key, region or REGION
    )
