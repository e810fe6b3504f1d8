"""Topics of a real SMN: what is published to one goes to that installation, signed with an access key.

The topic there does the rest: its subscribers are its own. Duplicates after a crash have different ids there,
since SMN gives its own.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import httpx

from modelyard.domain.notifications import Message, Subscription
from modelyard.iam.signature import SignedRequest, signed
from modelyard.notify.base import MANY, PassingError, PermanentError

TIMEOUT_S = 30.0
MOST_SAID = 300
PASSING = frozenset({401, 403, 404, 408, 425, 429})
"""What an administrator, or time, may set right: keys, rights, a topic that is made again."""
PROTOCOL = "smn"
"""Of the one subscription that such a topic has here."""


@dataclass(frozen=True, slots=True)
class RemoteSmn:
    """`endpoint`: its address, without a slash at the end. `project_id`, `region`: which topics are its own."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    project_id: str
    region: str

    def has(self, topic_urn: str) -> bool:
        return topic_urn.startswith(f"urn:smn:{self.region}:{self.project_id}:")


class RemoteChannel:
    """The channel of the protocol smn (`notify.base`). `clock`: milliseconds since 1970 UTC."""

    at_once = MANY

    def __init__(
        self, remote: RemoteSmn, clock: Callable[[], int], transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._remote = remote
        self._clock = clock
        self._http = httpx.AsyncClient(
            transport=transport, timeout=TIMEOUT_S, trust_env=False, follow_redirects=False
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, subscription: Subscription, message: Message) -> None:
        body = self._body(message)
        url = self._url(subscription.address or subscription.endpoint)
        host = urlsplit(url).netloc
        headers = [(b"Host", host.encode()), (b"Content-Type", b"application/json;charset=UTF-8")]
        request = SignedRequest("POST", urlsplit(url).path, "", headers, body)
        sent = signed(request, self._remote.access_key, self._remote.secret_key, self._clock())
        try:
            answer = await self._http.post(url, content=body, headers=sent)
        except httpx.HTTPError as error:
            raise PassingError(f"{host} cannot be reached: {error or type(error).__name__}") from error
        if answer.is_success:
            return
        cause = f"{host} answers {answer.status_code}: {' '.join(answer.text.split())[:MOST_SAID]}"
        passing = answer.status_code in PASSING or not 400 <= answer.status_code < 500
        raise PassingError(cause) if passing else PermanentError(cause)

    def _url(self, topic_urn: str) -> str:
        path = f"/v2/{self._remote.project_id}/notifications/topics/{quote(topic_urn, safe='')}/publish"
        return self._remote.endpoint + path

    def _body(self, message: Message) -> bytes:
        content: dict[str, str] = {"subject": message.subject} if message.subject else {}
        if message.texts:
            content["message_structure"] = json.dumps(
                {"default": message.text, **message.texts}, ensure_ascii=False
            )
        else:
            content["message"] = message.text
        if message.expires_ms is not None:
            content["time_to_live"] = str(max((message.expires_ms - self._clock()) // 1000, 1))
        return json.dumps(content, ensure_ascii=False).encode()
