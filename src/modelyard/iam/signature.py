"""AK/SK signatures (contract §6), checked exactly as huaweicloudsdkcore makes them, and made so. Pure.

    canonical = METHOD \\n URI \\n QUERY \\n name:value\\n … \\n signed;names \\n hex(sha256(body))
    signature = hex(HMAC-SHA256(SK, "SDK-HMAC-SHA256\\n" + date + "\\n" + hex(sha256(canonical))))

Signers differ in two ways, and both are accepted: the values of one query key in the order sent (Python) or
sorted; the hash of an empty body although UNSIGNED-PAYLOAD was declared. A signed header that comes twice is
refused: nobody could say which one was signed.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from modelyard.domain.errors import Forbidden, Unauthenticated

ALGORITHM = "SDK-HMAC-SHA256"
SKEW_S = 15 * 60
UNSIGNED = "UNSIGNED-PAYLOAD"
_WRONG = "Invalid AK/SK."
_DATE = "%Y%m%dT%H%M%SZ"
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Access=(?P<key>[^,\s]{{1,128}}), ?SignedHeaders=(?P<names>[^,\s]{{1,4096}}), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it came in: `path` and `query` still percent-encoded, header names in any case."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[bytes, bytes]] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Authorization:
    """The parsed header of that name."""

    access_key: str
    signed_headers: tuple[str, ...]
    signature: str


def parsed(header: str) -> Authorization:
    """Raises Unauthenticated (0206) when it is not a signature of ours."""
    match = _AUTHORIZATION.fullmatch(header.strip())
    if match is None:
        raise Unauthenticated("Incorrect authorization request header format.", code="0206")
    return Authorization(match["key"], tuple(match["names"].lower().split(";")), match["signature"])


def check(request: SignedRequest, authorization: Authorization, secret_key: str | None, now_ms: int) -> None:
    """Return if the secret key signed this request within 15 minutes of now.

    `secret_key` None (unknown access key) is refused with the same words as a wrong one, before the body is read:
    whoever calls is unknown, and hashing a body is what costs. (The time tells which access keys exist; they are
    names, not secrets.) Raises Unauthenticated for a malformed or old request, Forbidden (0206) for a wrong one.
    """
    headers, date, covered = _head(request, authorization, now_ms, known=secret_key is not None)
    assert secret_key is not None
    right = False
    for text in _canonical_forms(request, covered, headers.get("x-sdk-content-sha256", [])):
        right |= hmac.compare_digest(_signature(text, date, secret_key), authorization.signature)
    if not right:
        raise Forbidden(_WRONG, code="0206")


def check_head(request: SignedRequest, authorization: Authorization, now_ms: int, *, known: bool) -> None:
    """Refuses what can be refused before the body has come; raises as `check`. `known`: the access key exists."""
    _head(request, authorization, now_ms, known=known)


def signed(request: SignedRequest, access_key: str, secret_key: str, now_ms: int) -> list[tuple[bytes, bytes]]:
    """The headers of a request of ours: those it has, the date and the signature. Every header that it has is
    signed, and there must be a Host."""
    date = datetime.fromtimestamp(now_ms // 1000, UTC).strftime(_DATE)
    given = [*request.headers, (b"X-Sdk-Date", date.encode())]
    values = {name: found[0] for name, found in sorted(_headers(given).items())}
    (text, *_) = _canonical_forms(request, list(values.items()), ())
    signature = _signature(text, date, secret_key)
    names = ";".join(values)
    authorization = f"{ALGORITHM} Access={access_key}, SignedHeaders={names}, Signature={signature}"
    return [*given, (b"Authorization", authorization.encode())]


def _signature(canonical: str, date: str, secret_key: str) -> str:
    to_sign = f"{ALGORITHM}\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret_key.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def _head(
    request: SignedRequest, authorization: Authorization, now_ms: int, *, known: bool
) -> tuple[dict[str, list[str]], str, list[tuple[str, str]]]:
    """(all headers, the date, what was signed of them)"""
    headers = _headers(request.headers)
    date = _one(headers, "x-sdk-date")
    covered = [(name, _one(headers, name)) for name in authorization.signed_headers]
    if abs(_time_ms(date) - now_ms) > SKEW_S * 1000:
        raise Unauthenticated(
            "The request was signed more than 15 minutes ago, or by a clock that is wrong.", code="0208"
        )
    if not known:
        raise Forbidden(_WRONG, code="0206")
    return headers, date, covered


def _headers(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in raw:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode(errors="replace").strip())
    return headers


def _one(headers: dict[str, list[str]], name: str) -> str:
    values = headers.get(name, [])
    if len(values) != 1:
        raise Unauthenticated(f"The signed header {name} must be there once.", code="0208")
    return values[0]


def _time_ms(date: str) -> int:
    try:
        return int(datetime.strptime(date, _DATE).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError as error:
        raise Unauthenticated("X-Sdk-Date must look like 20260131T235959Z.", code="0208") from error


def _canonical_forms(
    request: SignedRequest, covered: Sequence[tuple[str, str]], declared: Sequence[str]
) -> Iterator[str]:
    lines = "".join(f"{name}:{value}\n" for name, value in covered)
    names = ";".join(name for name, _ in covered)
    hashes = [hashlib.sha256(request.body).hexdigest()]
    if UNSIGNED in declared:
        hashes = [UNSIGNED] if request.body else [*hashes, UNSIGNED]
    for query in dict.fromkeys(_canonical_queries(request.query)):
        for payload in hashes:
            yield "\n".join((request.method.upper(), canonical_path(request.path), query, lines, names, payload))


def canonical_path(path: str) -> str:
    """Segments unquoted, then quoted; a slash at the end. `/v1/urn%3Asmn` gives `/v1/urn%3Asmn/`."""
    quoted = "/".join(_quoted(segment) for segment in unquote(path).split("/"))
    return quoted if quoted.endswith("/") else quoted + "/"


def _canonical_queries(query: str) -> Iterator[str]:
    pairs = []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        pairs.append((unquote(name), unquote(value)))
    yield _joined(sorted(pairs, key=lambda pair: pair[0]))
    yield _joined(sorted(pairs))


def _joined(pairs: Sequence[tuple[str, str]]) -> str:
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)


def _quoted(text: str) -> str:
    return quote(text, safe="~", errors="replace")
