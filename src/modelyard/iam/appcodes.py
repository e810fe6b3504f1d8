"""AppCodes: long random words that let a caller invoke the services an application is bound to. Pure.

The store finds a code by its digest and keeps the code itself sealed: the gateway compares whole codes, and must
get them again after a restart. The random part is long enough (256 bits) that a plain SHA-256 is no weakness.
"""

import hashlib
import secrets


def random_code() -> str:
    """Sixty-four hexadecimal digits, as the vendor's."""
    return secrets.token_hex(32)


def digest(code: str) -> str:
    """What a code is found by."""
    return hashlib.sha256(code.encode()).hexdigest()
