"""Object paths as callers write them (contract §5): many spellings, one value. Pure.

    obs://bucket/a/b                    → bucket, a/b
    s3://bucket/a/b/                    → bucket, a/b
    https://bucket.obs.example.com/a/b  → bucket, a/b     (the first label of any host)
    /bucket/a/b                         → bucket, a/b

A location of one file (`located`) may also be a URL that somebody signed. Where its host is that of an endpoint
that an administrator configured, or below it, the URL itself is asked:

    https://bucket.obs.example.com/a/b?AccessKeyId=…&Expires=…&Signature=…   → Presigned, of bucket, a/b
    https://obs.example.com/bucket/a/b?…X-Amz-Signature=…                     → Presigned, of bucket, a/b

No other host is ever asked for anything: there it is only one more spelling of a path, as if it had no signature.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from modelyard.domain.texts import shown

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
MAX_KEY_BYTES = 1024


class MalformedPathError(ValueError):
    """This text is no object path; the message says why."""


@dataclass(frozen=True, slots=True)
class ObjectPath:
    """A place in a bucket. `key` has no leading or trailing slash and no empty, `.` or `..` segment."""

    bucket: str
    key: str = ""

    def __truediv__(self, name: str) -> "ObjectPath":
        return ObjectPath(self.bucket, f"{self.key}/{name}" if self.key else name)

    @property
    def name(self) -> str:
        """The last segment of the key."""
        return self.key.rpartition("/")[2]

    @property
    def above(self) -> "ObjectPath":
        return ObjectPath(self.bucket, self.key.rpartition("/")[0])

    def __str__(self) -> str:
        return f"obs://{self.bucket}/{self.key}"


def object_path(text: str) -> ObjectPath:
    """Read an object path; raises MalformedPathError."""
    if text.startswith("/"):
        bucket, _, key = text[1:].partition("/")
    elif text.startswith(("obs://", "s3://")):
        bucket, _, key = text.partition("://")[2].partition("/")
    elif text.startswith(("https://", "http://")):
        try:
            url = urlsplit(text)
            host = url.hostname or ""
        except ValueError as error:
            raise MalformedPathError(f"{shown(text)} is no URL: {error}") from error
        if "." not in host or url.query or url.fragment or url.username:
            raise MalformedPathError(f"{shown(text)} must look like https://bucket.host/key")
        bucket, key = host.partition(".")[0], unquote(url.path).lstrip("/")
    else:
        text = cut(text)
        raise MalformedPathError(f"{shown(text)} must begin with obs://, s3://, https://bucket.host/ or /bucket/")
    return _checked(text, bucket, key)


@dataclass(frozen=True, slots=True)
class Presigned:
    """A URL that is asked as it is, because its signature gives whoever has it the right to read `path`. It is a
    secret: what is shown of it has no signature."""

    url: str = field(repr=False)
    path: ObjectPath

    def __str__(self) -> str:
        return cut(self.url)


def located(text: str, endpoints: Iterable[str] = ()) -> ObjectPath | Presigned:
    """Where a file is that a manifest names. `endpoints`: `https://HOST[:PORT]` each, those that were configured.
    Raises MalformedPathError, whose message holds no signature."""
    if not text.startswith(("https://", "http://")):
        return object_path(text)
    plain = cut(text)
    url = _url(text)
    known = next((host for host in map(_host_of, endpoints) if _is_at(url, host)), None)
    host = url.hostname or ""
    if known is not None and host != known[1]:
        bucket, key = host.removesuffix(f".{known[1]}"), url.path.lstrip("/")
    elif known is not None or "." not in host or _is_address(host):
        bucket, _, key = url.path.lstrip("/").partition("/")
    else:
        bucket, key = host.partition(".")[0], url.path.lstrip("/")
    path = _checked(plain, bucket, unquote(key))
    if not path.key:
        raise MalformedPathError(f"{shown(plain)} names no object")
    if url.query and not is_signed(url.query):
        raise MalformedPathError(f"{shown(plain)}: what is behind its '?' is no signature")
    return Presigned(text, path) if known is not None and url.query else path


def is_signed(query: str) -> bool:
    """Whether a URL's query gives a right: the signatures of S3, versions 2 and 4, and of OBS."""
    names = {name.lower() for name, _ in parse_qsl(query, keep_blank_values=True)}
    return "x-amz-signature" in names or "signature" in names


def cut(text: str) -> str:
    """A location without what may be secret in it."""
    scheme, slashes, rest = text.partition("?")[0].partition("#")[0].partition("://")
    host, slash, key = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{key}"


def _url(text: str) -> SplitResult:
    plain = cut(text)
    if any(ord(char) <= 0x20 or ord(char) == 0x7F for char in text):
        raise MalformedPathError(f"{shown(plain)} is no URL: it holds a space or a control character")
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError as error:
        raise MalformedPathError(f"{shown(plain)} is no URL: {error}") from None
    if not url.hostname or url.fragment or url.username is not None:
        raise MalformedPathError(f"{shown(plain)} must look like https://bucket.host/key")
    return url


def _host_of(endpoint: str) -> tuple[str, str, int]:
    url = urlsplit(endpoint)
    return url.scheme, url.hostname or "", _port(url)


def _port(url: SplitResult) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _is_at(url: SplitResult, known: tuple[str, str, int]) -> bool:
    scheme, name, port = known
    host = url.hostname or ""
    below = host.endswith(f".{name}") and not _is_address(name)
    return (url.scheme, _port(url)) == (scheme, port) and (host == name or below)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _checked(text: str, bucket: str, key: str) -> ObjectPath:
    if not BUCKET.fullmatch(bucket) or ".." in bucket:
        raise MalformedPathError(f"{shown(text)}: {shown(bucket)} cannot name a bucket")
    key = key.rstrip("/")
    if any(segment in {"", ".", ".."} for segment in key.split("/")) and key:
        raise MalformedPathError(f"{shown(text)}: empty, '.' and '..' segments are not allowed")
    if any(ord(char) < 0x20 or ord(char) == 0x7F or char == "\\" for char in key):
        raise MalformedPathError(f"{shown(text)}: control characters and backslashes are not allowed")
    if len(key.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
        raise MalformedPathError(f"the key is longer than {MAX_KEY_BYTES} bytes")
    return ObjectPath(bucket, key)
