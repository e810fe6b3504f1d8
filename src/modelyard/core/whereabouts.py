"""Where a subscription leads, taken out of a text about it. Pure.

What a channel says of a failure names its endpoint, for who administers the subscription. A trace goes to other
people: there, `***` stands for the endpoint, whatever of it is told alone (its host, path, query, the values in
that), and every address of the network, which a name was found to have.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit

from modelyard.core.masking import MASK, Masker
from modelyard.domain.notifications import Subscription

_ADDRESS = re.compile(r"(?<![\w:.])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)(?![\w:])")


def without(text: str, subscription: Subscription) -> str:
    masked = Masker.of(_parts(subscription)).text(text)
    return _ADDRESS.sub(lambda found: MASK if _is_address(found[0].rstrip(".")) else found[0], masked)


def _parts(subscription: Subscription) -> Iterator[str]:
    for whole in filter(None, (subscription.endpoint, subscription.address)):
        for one in (whole, whole.lower()):
            yield one
            yield from _of_url(one) if "://" in one else one.split("@")


def _of_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        ascii_host = host if ":" in host else host.encode("idna").decode()
    except (ValueError, UnicodeError):
        return
    yield from (parts.netloc, parts.path, parts.query)
    yield from (value for _, value in parse_qsl(parts.query))
    for name in (host, ascii_host):
        shown = f"[{name}]" if ":" in name else name
        netloc = shown if parts.port is None else f"{shown}:{parts.port}"
        yield from (name, f"{parts.scheme}://{shown}", f"{parts.scheme}://{netloc}")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
