"""Digests as RFC 9530 writes them, in `Content-Digest` and `Repr-Digest`: `sha-256=:BASE64:`. Pure.

An object is stored as it is sent, in no coding, so both headers mean the same of a whole one. What is claimed is
held to it: a digest of no algorithm that is known here is refused, not ignored.
"""

import base64
import binascii
import re
from collections.abc import Iterable

from modelyard.domain.errors import Invalid, Violation
from modelyard.domain.objects import Digest
from modelyard.domain.texts import shown

ALGORITHMS = {"sha-256": 32, "sha-512": 64}
"""And the bytes of their digests."""
_MEMBER = re.compile(r"([a-z*][a-z0-9_.*-]{0,31})=:([A-Za-z0-9+/=]{0,200}):(?:;[^,]*)?")


def digest(headers: Iterable[str], field: str) -> Digest | None:
    """The one to hold an object to; None: none is claimed. `headers`: all of the name `field`. Raises Invalid."""
    members = [one.strip() for header in headers for one in header.split(",") if one.strip()]
    if not members:
        return None
    read = [_MEMBER.fullmatch(one) for one in members]
    known = [match for match in read if match is not None and match[1] in ALGORITHMS]
    if None in read or not known:
        text = f"is {shown(', '.join(members))}, must be {' or '.join(f'{a}=:BASE64:' for a in ALGORITHMS)}"
        raise Invalid(Violation(field, text))
    chosen = max(known, key=lambda match: ALGORITHMS[match[1]])
    try:
        value = base64.b64decode(chosen[2], validate=True)
    except binascii.Error:
        value = b""
    if len(value) != ALGORITHMS[chosen[1]]:
        raise Invalid(Violation(field, f"{chosen[1]} has {ALGORITHMS[chosen[1]]} bytes, in base64 between colons"))
    return Digest(chosen[1], value)


def written(value: Digest) -> str:
    """
    >>> written(Digest("sha-256", b"12"))
    'sha-256=:MTI=:'
    """
    return f"{value.algorithm}=:{base64.b64encode(value.value).decode()}:"
