"""What the gateway asks about signed requests, answered from the store. See `gateway.signatures`."""

from modelyard.domain.errors import Forbidden, Unauthenticated
from modelyard.domain.identity import Access
from modelyard.gateway.signatures import Refusal, SignedCall
from modelyard.iam.signature import SignedRequest
from modelyard.operations import identity as operations


class SignedCallers:
    """A `gateway.signatures.Check`. Whether the service is in the signer's project is the gateway's to compare."""

    def __init__(self, identity: operations.Identity) -> None:
        self._identity = identity

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
            return Refusal(401, error.code, str(error))
        except Forbidden as error:
            return Refusal(403, error.code, str(error))
        return Access(who.user_id, who.project_id, who.roles)
