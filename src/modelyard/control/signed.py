"""What the gateway asks about signed requests, answered from the store. See `gateway.signatures`.

A signature that is refused is in the audit, as one at the API is; it costs those nothing whose signature is good.
"""

from modelyard.core import audit as core
from modelyard.domain.audit import AuditRow, Outcome
from modelyard.domain.errors import DomainError, Forbidden, Unauthenticated
from modelyard.domain.identity import Access
from modelyard.domain.texts import printable, shortened
from modelyard.gateway.signatures import Refusal, SignedCall
from modelyard.iam import signature
from modelyard.iam.signature import SignedRequest
from modelyard.operations import identity as operations
from modelyard.operations.audit import Audit

KEPT_SEGMENTS = 4
"""Of a path, "" at its beginning included: /v1/infers/SERVICE. What follows is the caller's and the model's."""


class SignedCallers:
    """A `gateway.signatures.Check`. Whether the service is in the signer's project is the gateway's to compare.
    `audit` None: refusals are nobody's to know."""

    def __init__(self, identity: operations.Identity, audit: Audit | None = None) -> None:
        self._identity = identity
        self._audit = audit

    async def __call__(self, call: SignedCall) -> Access | Refusal:
        """Raises StoreUnavailableError: the gateway then answers 503."""
        request = SignedRequest(call.method, call.path, call.query, call.headers, call.body or b"")
        authorization = next((v.decode("latin-1") for k, v in call.headers if k.lower() == b"authorization"), "")
        try:
            if call.body is None:
                who = await operations.authenticate_signed_head(self._identity, request, authorization)
            else:
                who = await operations.authenticate_signed(self._identity, request, authorization)
        except Unauthenticated as error:
            return await self._refused(call, authorization, Refusal(401, error.code, str(error)))
        except Forbidden as error:
            return await self._refused(call, authorization, Refusal(403, error.code, str(error)))
        return Access(who.user_id, who.project_id, who.roles)

    async def _refused(self, call: SignedCall, authorization: str, refusal: Refusal) -> Refusal:
        if self._audit is not None:
            row = AuditRow(
                at_ms=self._audit.now_ms(),
                action="call of a service",
                outcome=Outcome.REFUSED,
                status=refusal.status,
                error_code=refusal.code,
                user_name=_claimed(authorization),
                resource=core.resource("/".join(call.path.split("/")[:KEPT_SEGMENTS]), {}),
                lane=core.UNKNOWN,
            )
            await self._audit.refused(row)
        return refusal


def _claimed(authorization: str) -> str:
    try:
        return f"access key {shortened(printable(signature.parsed(authorization).access_key), 64)}"
    except DomainError:
        return ""
