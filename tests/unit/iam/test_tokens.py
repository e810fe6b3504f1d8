"""Tokens: what they say, when they end, and everything that is not one of ours."""

import base64
import hmac
import json
import stat
import tempfile
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from modelyard.domain.errors import Unauthenticated
from modelyard.domain.identity import Principal, Role
from modelyard.iam.tokens import DAY_S, KEY_FILE, Scope, TokenKey, revoked_before_s

NOW_MS = 1_800_000_000_500
ADA = Principal("u1", "ada", "d1", "Domain", "p1", "north", frozenset({Role.MEMBER, Role.INVOKER}))
NOWHERE = Principal("u1", "ada", "d1", "Domain", None, None, frozenset())
OWN = ECKey.generate_key("P-256")


def kept(key: ECKey) -> TokenKey:
    """As a control plane that finds this key in its data directory has it."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / KEY_FILE).write_bytes(key.as_pem(private=True))
        return TokenKey.load(Path(directory))


KEY = kept(OWN)


def claims(text: str) -> dict[str, object]:
    payload = text.split(".")[1]
    result: dict[str, object] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return result


def test_a_token_says_who_calls_and_for_how_long() -> None:
    text, token = KEY.issue(ADA, NOW_MS)
    assert KEY.verify(text, NOW_MS) == ADA
    assert KEY.read(text, NOW_MS) == token
    assert claims(text) == {
        "iss": "modelyard",
        "iat": 1_800_000_000,
        "exp": 1_800_000_000 + DAY_S,
        "access": f";u=u1;p=p1;t={token.id};r=invoker;r=member;",
        "who": ["ada", "Domain", "d1", "north", "project", "password"],
    }


@pytest.mark.parametrize("scope", [Scope.UNSCOPED, Scope.DOMAIN])
def test_a_token_without_a_project_has_none(scope: Scope) -> None:
    text, token = KEY.issue(NOWHERE, NOW_MS, scope=scope)
    assert claims(text)["access"] == f";u=u1;t={token.id};"
    assert (KEY.verify(text, NOW_MS), token.scope) == (NOWHERE, scope)


@pytest.mark.parametrize(
    ("later_ms", "valid"), [(0, True), (DAY_S * 1000 - 501, True), (DAY_S * 1000 - 500, False)]
)
def test_a_token_ends_after_a_day(later_ms: int, valid: bool) -> None:
    text, _ = KEY.issue(ADA, NOW_MS)
    if valid:
        assert KEY.verify(text, NOW_MS + later_ms) == ADA
    else:
        with pytest.raises(Unauthenticated) as caught:
            KEY.verify(text, NOW_MS + later_ms)
        assert caught.value.code == "0202"


@pytest.mark.parametrize(
    ("ahead_s", "valid"),
    [
        pytest.param(5, True, id="within the skew"),
        pytest.param(6, False, id="beyond it"),
        pytest.param(DAY_S, False, id="tomorrow"),
    ],
)
def test_a_token_of_the_future_is_refused(ahead_s: int, valid: bool) -> None:
    """As one that was issued before the clock was set back: no revocation by time would reach it."""
    text, _ = KEY.issue(ADA, NOW_MS + ahead_s * 1000)
    if valid:
        assert KEY.verify(text, NOW_MS) == ADA
    else:
        with pytest.raises(Unauthenticated) as caught:
            KEY.verify(text, NOW_MS)
        assert caught.value.code == "0203"


def test_a_token_got_with_a_token_does_not_outlive_it() -> None:
    _, first = KEY.issue(ADA, NOW_MS)
    _, second = KEY.issue(ADA, NOW_MS + 3_600_000, methods=("password", "token"), expires_s=first.expires_s)
    assert second.expires_s == first.expires_s
    assert TokenKey.generate(ttl_s=60).issue(ADA, NOW_MS)[1].expires_s == 1_800_000_060


GOOD = KEY.issue(ADA, NOW_MS)[0]


def forged(key: ECKey, algorithm: str, **changes: object) -> str:
    body = {name: value for name, value in (claims(GOOD) | changes).items() if value is not None}
    return jwt.encode({"alg": algorithm}, body, key, algorithms=[algorithm])


def unsigned() -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{header}.{GOOD.split('.')[1]}."


def keyed_with_the_public_key() -> str:
    """The old confusion of algorithms; joserfc itself refuses to make such a token."""
    header = base64.urlsafe_b64encode(b'{"alg":"HS256"}').rstrip(b"=").decode()
    signed = f"{header}.{GOOD.split('.')[1]}"
    mac = hmac.digest(OWN.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


HEAD, _, SIGNATURE = GOOD.split(".")
OTHER_BODY = KEY.issue(NOWHERE, NOW_MS)[0].split(".")[1]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("", "0201", id="none"),
        pytest.param("abc", "0203", id="a word"),
        pytest.param("..", "0203", id="dots"),
        pytest.param("é.ü.ö", "0203", id="beyond ASCII"),
        pytest.param("a" * 100_000, "0203", id="long"),
        pytest.param(GOOD[:-2], "0203", id="cut"),
        pytest.param(f"{HEAD}.{OTHER_BODY}.{SIGNATURE}", "0203", id="another body"),
        pytest.param(TokenKey.generate().issue(ADA, NOW_MS)[0], "0203", id="another key"),
        pytest.param(unsigned(), "0203", id="algorithm none"),
        pytest.param(keyed_with_the_public_key(), "0203", id="public key as a shared secret"),
        pytest.param(forged(OWN, "ES256", iss="other"), "0203", id="another issuer"),
        pytest.param(forged(OWN, "ES256", iss=None), "0203", id="no issuer"),
        pytest.param(forged(OWN, "ES256", exp=None), "0203", id="no end"),
        pytest.param(forged(OWN, "ES256", exp="soon"), "0203", id="an end in words"),
        pytest.param(forged(OWN, "ES256", access=";u=u1;p=p1;t=x;r=king;"), "0203", id="a role nobody knows"),
        pytest.param(forged(OWN, "ES256", access=7), "0203", id="a number as access"),
        pytest.param(forged(OWN, "ES256", access=";p=p1;t=x;"), "0203", id="no user"),
        pytest.param(forged(OWN, "ES256", access=";u=u1;p=p1;"), "0203", id="no token id"),
        pytest.param(forged(OWN, "ES256", access=";u=u1;u=u2;t=x;"), "0203", id="two users"),
        pytest.param(forged(OWN, "ES256", access=";u=u1;t=x;p=p1;"), "0203", id="another order"),
        pytest.param(forged(OWN, "ES256", who="ada"), "0203", id="a word as who"),
        pytest.param(
            forged(OWN, "ES256", who=["ada", "D", "d1", 7, "project", "password"]), "0203", id="a number"
        ),
        pytest.param(forged(OWN, "ES256", exp=1_800_000_000), "0202", id="expired"),
    ],
)
def test_what_is_not_a_token_of_ours_is_refused(text: str, code: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        KEY.verify(text, NOW_MS)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("before_ms", "revoked"),
    [(None, False), (1_799_999_999_999, False), (1_800_000_000_000, False), (1_800_000_000_001, True)],
)
def test_revocation_counts_whole_seconds(before_ms: int | None, revoked: bool) -> None:
    assert KEY.read(GOOD, NOW_MS).revoked(before_ms) is revoked


@pytest.mark.parametrize(("before_ms", "second"), [(10_000, 10), (10_001, 11), (10_700, 11), (0, 0)])
def test_the_gateway_is_told_a_second_that_spares_nobody(before_ms: int, second: int) -> None:
    assert revoked_before_s(before_ms) == second


def test_the_public_keys_verify_and_give_nothing_away() -> None:
    keys = json.loads(KEY.jwks())["keys"]
    assert [key.keys() for key in keys] == [{"kty", "crv", "x", "y", "alg", "use", "kid"}]
    assert jwt.decode(GOOD, ECKey.import_key(keys[0]), algorithms=["ES256"]).claims["iss"] == "modelyard"
    header = json.loads(base64.urlsafe_b64decode(HEAD + "=="))
    assert header["kid"] == keys[0]["kid"]


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first = TokenKey.load(tmp_path / "keys")
    second = TokenKey.load(tmp_path / "keys")
    assert second.verify(first.issue(ADA, NOW_MS)[0], NOW_MS) == ADA
    assert [file.name for file in (tmp_path / "keys").iterdir()] == ["token.pem"]
    assert stat.S_IMODE((tmp_path / "keys" / "token.pem").stat().st_mode) == 0o600
    assert "PRIVATE" not in repr(first)
