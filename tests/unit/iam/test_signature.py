"""AK/SK signatures, against requests that huaweicloudsdkcore 3.1.219 signed (signatures.json)."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelyard.domain.errors import DomainError, Forbidden, Unauthenticated
from modelyard.iam import signature
from modelyard.iam.signature import SignedRequest

SECRET = "secretKEY0123456789secretKEY0123456789se"
SIGNED_MS = int(datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC).timestamp() * 1000)
MINUTE_MS = 60_000
VECTORS = json.loads((Path(__file__).parent / "signatures.json").read_text())


def request(vector: dict[str, object]) -> tuple[SignedRequest, str]:
    headers = [(str(k), str(v)) for k, v in vector["headers"]]  # type: ignore[attr-defined]
    made = SignedRequest(
        method=str(vector["method"]),
        path=str(vector["path"]),
        query=str(vector["query"]),
        headers=[(k.encode(), v.encode()) for k, v in headers],
        body=str(vector["body"]).encode(),
    )
    return made, dict(headers)["Authorization"]


def check(made: SignedRequest, authorization: str, secret: str | None = SECRET, now_ms: int = SIGNED_MS) -> None:
    signature.check(made, signature.parsed(authorization), secret, now_ms)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_what_the_sdk_signs_is_accepted(vector: dict[str, object]) -> None:
    check(*request(vector))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
@pytest.mark.parametrize(
    "tampered",
    [
        pytest.param(lambda r: replace(r, method="DELETE"), id="method"),
        pytest.param(lambda r: replace(r, path=r.path + "x"), id="path"),
        pytest.param(lambda r: replace(r, query=r.query + "&dry_run=false"), id="query"),
        pytest.param(
            lambda r: replace(r, headers=[(k, v + b"0" * (k == b"Host")) for k, v in r.headers]), id="host"
        ),
    ],
)
def test_what_was_changed_on_the_way_is_refused(
    vector: dict[str, object], tampered: Callable[[SignedRequest], SignedRequest]
) -> None:
    made, authorization = request(vector)
    with pytest.raises(Forbidden) as caught:
        check(tampered(made), authorization)
    assert caught.value.code == "0206"


PUT = next(vector for vector in VECTORS if vector["name"] == "put with body")


def test_a_changed_body_is_refused() -> None:
    made, authorization = request(PUT)
    with pytest.raises(Forbidden):
        check(replace(made, body=made.body + b" "), authorization)


def test_an_unsigned_declaration_does_not_free_a_body() -> None:
    made, authorization = request(PUT)
    headers = [*made.headers, (b"X-Sdk-Content-Sha256", b"UNSIGNED-PAYLOAD")]
    with pytest.raises(Forbidden):
        check(replace(made, headers=headers, body=b"{}"), authorization)


@pytest.mark.parametrize("secret", [SECRET[:-1] + "x", "", None], ids=["wrong", "empty", "unknown access key"])
def test_another_secret_is_refused_with_the_same_words(secret: str | None) -> None:
    with pytest.raises(Forbidden, match=r"^Invalid AK/SK\.$"):
        check(*request(PUT), secret=secret)


@pytest.mark.parametrize(("secret", "now_ms"), [(None, SIGNED_MS), (SECRET, SIGNED_MS + 16 * MINUTE_MS)])
def test_a_body_is_hashed_for_known_keys_and_good_dates_only(
    monkeypatch: pytest.MonkeyPatch, secret: str | None, now_ms: int
) -> None:
    monkeypatch.delattr(signature, "hashlib")
    with pytest.raises((Unauthenticated, Forbidden)):
        check(*request(PUT), secret=secret, now_ms=now_ms)


@pytest.mark.parametrize(
    ("now_ms", "valid"),
    [
        (SIGNED_MS - 15 * MINUTE_MS, True),
        (SIGNED_MS + 15 * MINUTE_MS, True),
        (SIGNED_MS - 15 * MINUTE_MS - 1, False),
        (SIGNED_MS + 15 * MINUTE_MS + 1, False),
    ],
)
def test_a_signature_is_good_for_a_quarter_of_an_hour(now_ms: int, valid: bool) -> None:
    if valid:
        check(*request(PUT), now_ms=now_ms)
    else:
        with pytest.raises(Unauthenticated) as caught:
            check(*request(PUT), now_ms=now_ms)
        assert caught.value.code == "0208"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda h: [x for x in h if x[0] != b"X-Sdk-Date"], id="no date"),
        pytest.param(lambda h: [(k, b"yesterday" if k == b"X-Sdk-Date" else v) for k, v in h], id="date in words"),
        pytest.param(lambda h: [x for x in h if x[0] != b"Host"], id="a signed header missing"),
        pytest.param(lambda h: [*h, (b"host", b"evil")], id="a signed header twice"),
    ],
)
def test_a_request_without_its_signed_headers_is_refused(
    change: Callable[[list[tuple[bytes, bytes]]], list[tuple[bytes, bytes]]],
) -> None:
    made, authorization = request(PUT)
    with pytest.raises(Unauthenticated):
        check(replace(made, headers=change(list(made.headers))), authorization)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer x", "SDK-HMAC-SHA256", "SDK-HMAC-SHA256 Access=a, SignedHeaders=h, Signature=xyz", "\x00" * 9],
)
def test_another_authorization_header_is_malformed(header: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        signature.parsed(header)
    assert caught.value.code == "0206"


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/", "/"),
        ("/v1/p", "/v1/p/"),
        ("/v1/p/", "/v1/p/"),
        ("/v1/urn%3Asmn%3a1", "/v1/urn%3Asmn%3A1/"),
        ("/a~b_c-d.e", "/a~b_c-d.e/"),
        ("/%ff", "/%EF%BF%BD/"),
    ],
)
def test_canonical_paths(path: str, canonical: str) -> None:
    assert signature.canonical_path(path) == canonical


def test_any_bytes_end_in_an_answer() -> None:
    made, authorization = request(PUT)
    odd = replace(made, path="/%00%ff\udcff", query="%=&&=&\udcff", headers=[*made.headers, (b"\xff", b"\xfe")])
    with pytest.raises(DomainError):
        check(odd, authorization)
