"""Object paths as callers write them (contract §5): four spellings, one value. Pure.

obs://bucket/a/b                    → bucket, a/b
s3://bucket/a/b/                    → bucket, a/b
https://bucket.obs.example.com/a/b  → bucket, a/b     (the first label of any host)
/bucket/a/b                         → bucket, a/b
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

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
        raise MalformedPathError(f"{shown(text)} must begin with obs://, s3://, https://bucket.host/ or /bucket/")
    return _checked(text, bucket, key)


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
