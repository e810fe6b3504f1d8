"""The two signatures of a message, and the tokens that let a subscriber act without a login.

- SMN's: base64 of RSASSA-PKCS1-v1_5 with SHA-256 over `core.envelopes.canonical`.
- Standard Webhooks': `v1,` and base64 of HMAC-SHA256 over `ID.SECONDS.BODY`, with the bytes that the base64 after
  `whsec_` stands for.
"""

import base64
import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PREFIX = "whsec_"
SECRET_BYTES = 32
TOKEN_BYTES = 32
TOKEN_CHARS = 43
"""Of a token in base64."""


def new_secret() -> str:
    """What a subscription's messages are signed with (Standard Webhooks)."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def new_token() -> str:
    """What confirms a subscription."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def of_certificate(key: rsa.RSAPrivateKey, text: str) -> str:
    return base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def of_webhook(secret: str, message_id: str, seconds: int, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.digest(key, f"{message_id}.{seconds}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(signed).decode()}"


def unsubscribe_token(secret: str, subscription_urn: str) -> str:
    """What ends a subscription: made of its secret, so that it is good as long as the subscription is there."""
    made = hmac.digest(secret.encode(), f"unsubscribe {subscription_urn}".encode(), "sha256")
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def same(given: str, expected: str) -> bool:
    """In a time that tells nothing; never for an empty one."""
    left, right = (hashlib.sha256(text.encode(errors="replace")).digest() for text in (given, expected))
    return bool(expected) and hmac.compare_digest(left, right)
