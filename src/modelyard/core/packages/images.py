"""Models that are images: what their config must say, and how an image is named. Pure.

    "model_type": "Image", "swr_location": "registry.example.com/team/iris:1.2"     (contract §3)

`swr_location` may be in config.json or in the request to publish; or `source_location` is the image itself.
Publishing adds `image`: the content that the name meant then, which no later push changes. Any HTTP server on a
port can be an image; inside its own network it is spoken to in plain HTTP.
"""

import re
from collections.abc import Iterator, Mapping

from modelyard.core.admission.fields import IMAGE
from modelyard.domain.errors import Violation
from modelyard.domain.texts import shown

TYPE = IMAGE
LOCATION, RESOLVED = "swr_location", "image"
"""Keys of config.json; the second is publishing's own, and never the author's."""
CODE = "3016"
MOST_LENGTH = 512
PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
REFERENCE = re.compile(
    r"(?:(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?/)?"
    rf"{PART}(?:/{PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}")


def wrong(reference: object) -> str:
    """What is wrong with the name of an image ("": nothing)."""
    if not isinstance(reference, str):
        return f"is {shown(reference)}, must be the name of an image"
    if len(reference) > MOST_LENGTH:
        return f"has {len(reference)} characters, at most {MOST_LENGTH} are possible"
    if IMAGE_ID.fullmatch(reference) or REFERENCE.fullmatch(reference):
        return ""
    return f"is {shown(reference)}, must be the name of an image: [REGISTRY/]NAME[:TAG] or NAME@sha256:DIGEST"


def fixed(reference: str) -> bool:
    """Whether it names one content for good."""
    return bool(IMAGE_ID.fullmatch(reference)) or "@sha256:" in reference


def violations(config: Mapping[str, object]) -> Iterator[Violation]:
    """What is wrong with the effective config of an image."""
    if not config.get(LOCATION):
        text = "is missing: config.json, or the request to publish, must name the image"
        yield Violation(LOCATION, text, CODE)
    elif text := wrong(config[LOCATION]):
        yield Violation(LOCATION, text, CODE)
    apis = config.get("apis")
    for i, api in enumerate(apis if isinstance(apis, list) else []):
        if isinstance(api, Mapping):
            yield from _plain(f"apis[{i}]", api)
    for key in ("health", "readiness_health", "startup_health"):
        if isinstance(check := config.get(key), Mapping):
            yield from _plain(key, check)


def _plain(where: str, of: Mapping[str, object]) -> Iterator[Violation]:
    protocol = of.get("protocol")
    if protocol and str(protocol).lower() not in {"http", "ws"}:
        text = f"is {shown(protocol)}, must be http: an image is reached inside its own network, without TLS"
        yield Violation(f"{where}.protocol", text, CODE)
