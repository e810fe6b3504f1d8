"""Signatures that are refused at the gateway are in the audit; those that are good cost nothing more."""

from collections.abc import AsyncIterator

import pytest

from modelyard.control.signed import SignedCallers
from modelyard.domain.audit import AuditQuery
from modelyard.gateway.signatures import Refusal, SignedCall
from modelyard.iam.tokens import TokenKey
from modelyard.operations.audit import Audit
from modelyard.operations.identity import Identity
from modelyard.store.sql import SqlStore

SIGNED = "SDK-HMAC-SHA256 Access=AKNOBODY, SignedHeaders=host;x-sdk-date, Signature=" + "0" * 64


@pytest.fixture
async def store() -> AsyncIterator[SqlStore]:
    made = SqlStore.memory()
    await made.open()
    yield made
    await made.close()


async def test_a_refused_signature_is_told_once_and_then_counted(store: SqlStore) -> None:
    audit = Audit(store, lambda: 1_700_000_000_000)
    check = SignedCallers(Identity(store, lambda: 1_700_000_000_000, TokenKey.generate()), audit)
    headers = [(b"authorization", SIGNED.encode()), (b"x-sdk-date", b"20231114T221320Z"), (b"host", b"h")]
    call = SignedCall("POST", "/v1/infers/7f/customers/secret", "q=secret", headers, b"secret")
    for _ in range(5):
        assert isinstance(await check(call), Refusal)
    await audit.close()
    async with store.read() as r:
        total, (counted, first) = await r.audit(AuditQuery())
    assert (total, first.times, counted.times) == (2, 1, 4)
    assert (first.user_name, first.resource, first.error_code) == ("access key AKNOBODY", "v1/infers/7f", "0206")
    assert first.lane == "unknown callers"
    assert "secret" not in repr((first, counted))
