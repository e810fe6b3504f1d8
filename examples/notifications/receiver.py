"""A receiver of notifications that believes nothing: it checks both signatures and says what it got.

    python receiver.py --port 9000 --topic TOPIC_URN --secret whsec_… --certificates http://127.0.0.1:8470/

It needs the package `cryptography`, and nothing of Modelyard. `--certificates` is where Modelyard's API is, as you
know it: a message that names another place for its certificate is refused. A confirmation is answered by visiting
its subscribe_url, when the topic is the one that was asked for. Each notification is printed once, also when it is
delivered again.
"""

import argparse
import base64
import hashlib
import hmac
import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

NOTIFICATION = ("message", "message_id", "subject", "timestamp", "topic_urn", "type")
CONFIRMATION = ("message", "message_id", "subscribe_url", "timestamp", "topic_urn", "type")
TOLERANCE_S = 5 * 60
MOST_BYTES = 1024 * 1024


class Refused(Exception):
    """The message is not from whom it says it is."""


def check_webhook(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> None:
    """Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`; any one of several signatures may be right."""
    names = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, sent = names["webhook-id"], names["webhook-timestamp"]
        signatures = names["webhook-signature"].split()
        age = abs(now - int(sent))
    except (KeyError, ValueError) as error:
        raise Refused(f"headers of Standard Webhooks are missing: {error}") from error
    if age > TOLERANCE_S:
        raise Refused(f"it was sent {age:.0f} s ago")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    right = hmac.new(key, f"{message_id}.{sent}.".encode() + body, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(right).decode()
    if not any(hmac.compare_digest(expected, one) for one in signatures):
        raise Refused("no signature of Standard Webhooks fits")


def check_certificate(message: Mapping[str, Any], fetch: Callable[[str], bytes], certificates: str) -> None:
    """SMN: SHA-256 with RSA over names and values, a line each; the key is in a certificate of that address."""
    if not within(str(message["signing_cert_url"]), certificates):
        raise Refused(f"its certificate is elsewhere: {message['signing_cert_url']}")
    names = NOTIFICATION if message["type"] == "Notification" else CONFIRMATION
    text = "".join(f"{name}\n{message[name]}\n" for name in names if message.get(name))
    key = x509.load_pem_x509_certificate(fetch(message["signing_cert_url"])).public_key()
    try:
        key.verify(base64.b64decode(message["signature"]), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise Refused("the signature does not fit the certificate") from error


def within(url: str, place: str) -> bool:
    """Whether the URL leads there. Its parts are compared: "http://host:80@evil/" begins like "http://host:80"."""
    asked, known = urlsplit(url), urlsplit(place)
    same = (asked.scheme, asked.netloc) == (known.scheme, known.netloc)
    return same and asked.path.startswith(known.path)


def content(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The message; it is the data of a CloudEvent where that was asked for."""
    read = json.loads(body)
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    return dict(read["data"] if kind.startswith("application/cloudevents+json") else read)


def fetch(url: str) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise Refused(f"{url} is no address of the web")
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - looked at above
        return bytes(answer.read(MOST_BYTES))


class Receiver(ThreadingHTTPServer):
    """`got`: called with each notification, once."""

    def __init__(self, port: int, topic: str, secret: str, certificates: str, got: Callable[[Any], None]) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.topic, self.secret, self.certificates, self.got = topic, secret, certificates, got
        self.seen: set[str] = set()

    def take(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises Refused, OSError."""
        message = content(headers, body)
        if self.secret:
            check_webhook(headers, body, self.secret, time.time())
        check_certificate(message, fetch, self.certificates)
        if message["topic_urn"] != self.topic:
            raise Refused(f"nobody here asked for topic {message['topic_urn']}")
        if message["type"] == "SubscriptionConfirmation":
            fetch(message["subscribe_url"])
        elif message["message_id"] not in self.seen:
            self.seen.add(message["message_id"])
            self.got(message)


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        try:
            self.server.take(dict(self.headers), self.rfile.read(self._length()))
            status = 200
        except (Refused, ValueError, KeyError, TypeError) as error:
            print(f"refused: {error}", flush=True)
            status = 403
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _length(self) -> int:
        said = self.headers.get("Content-Length", "")
        if not (said.isascii() and said.isdigit() and len(said) < 10 and int(said) <= MOST_BYTES):
            raise Refused(f"it is longer than {MOST_BYTES} bytes, or says nothing of its length")
        return int(said)

    def log_message(self, *_: object) -> None:
        """Nothing is said of requests."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--secret", default="", help="what `modelyard topics subscribe` shows")
    parser.add_argument("--certificates", default="http://127.0.0.1:8470/")
    given = parser.parse_args()

    def show(message: Mapping[str, Any]) -> None:
        print(message["timestamp"], message.get("subject", ""), message["message"], sep="\n", flush=True)

    with Receiver(given.port, given.topic, given.secret, given.certificates, show) as receiver:
        print(f"waiting on port {receiver.server_port}", flush=True)
        receiver.serve_forever()


if __name__ == "__main__":
    main()
