"""What goes over the wire to a subscriber by http, https: the body with both signatures, made at each try.

The id is the same at every try, and so is the body as long as the certificate is; the time of the headers of
Standard Webhooks is that of the try, so that a receiver can refuse an old one that somebody sends again.
"""

from urllib.parse import urlencode

import msgspec

from modelyard.core import envelopes
from modelyard.domain.notifications import Message, Subscription
from modelyard.notify import signatures
from modelyard.notify.certificates import Certificates
from modelyard.notify.envelope import Envelope

CERTIFICATES = "/smn"
CONFIRM = "/smn/subscription/confirm"
UNSUBSCRIBE = "/smn/subscription/unsubscribe"
"""Paths of the API (`api.routes.subscriber`)."""


class Signing:
    """`base_url`: where subscribers reach the API, without a slash at the end."""

    def __init__(self, certificates: Certificates, base_url: str, region: str) -> None:
        self.certificates = certificates
        self._base = base_url
        self._region = region

    async def envelope(self, subscription: Subscription, message: Message, now_ms: int) -> Envelope:
        """`now_ms`: when it is sent, milliseconds since 1970 UTC. Raises OSError, files.DamagedFileError when
        there is no key to sign with."""
        certificate = await self.certificates.current()
        links = self.links(subscription, certificate.id)
        signed = envelopes.unsigned(message, subscription, links)
        signed["signature"] = signatures.of_certificate(certificate.key, envelopes.canonical(signed))
        content: object = signed
        if subscription.format == envelopes.CLOUDEVENTS:
            content = envelopes.cloud_event(message, signed)
        body = msgspec.json.encode(content)
        seconds = now_ms // 1000
        headers = {
            **envelopes.headers(message, subscription),
            "webhook-id": message.id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": signatures.of_webhook(subscription.secret, message.id, seconds, body),
        }
        return Envelope(headers, body)

    def links(self, subscription: Subscription, certificate_id: str = "") -> envelopes.Links:
        token = signatures.unsubscribe_token(subscription.secret, subscription.urn)
        return envelopes.Links(
            subscribe=self._url(CONFIRM, topic_urn=subscription.topic_urn, token=confirmation(subscription)),
            unsubscribe=self._url(UNSUBSCRIBE, subscription_urn=subscription.urn, token=token),
            certificate=f"{self._base}{CERTIFICATES}/{certificate_file(self._region, certificate_id)}",
        )

    def _url(self, path: str, **query: str) -> str:
        return f"{self._base}{path}?{urlencode(query, safe=':')}"


def confirmation(subscription: Subscription) -> str:
    """The token of a subscribe_url: which subscription of the topic, and what only its subscriber was told."""
    return f"{subscription.urn.rpartition(':')[2]}{subscription.token}"


def certificate_file(region: str, id: str) -> str:
    """As SMN names them."""
    return f"SMN_{region}_{id}.pem"


def certificate_id(name: str) -> str:
    """Of such a name; "" when it is none."""
    stem = name.removesuffix(".pem")
    return stem.rpartition("_")[2] if name.startswith("SMN_") and stem != name else ""
