"""Names of topics and subscriptions, and what may be published: the rules of SMN v2 (contract §7). Pure.

topic         urn:smn:REGION:PROJECT:NAME
subscription  urn:smn:REGION:PROJECT:NAME:ID
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping

from modelyard.domain.errors import Violation
from modelyard.domain.texts import NOT_TEXT, UNSTORABLE, shown

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
NAME_RULE = "must have 1 to 255 letters, digits, - and _, the first one a letter or a digit"
DISPLAY_NAME_BYTES = 192
REMARK_BYTES = 128
SUBJECT_CHARS = 512
MESSAGE_BYTES = 256 * 1024
TIME_TO_LIVE_S = 24 * 3600
DEFAULT = "default"
"""The key of a message structure whose text goes to every protocol that has none of its own."""

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
IN_LINES = "has a line feed or another control character; it must be one line of text"

PROTOCOLS = ("http", "https", "email", "apprise")
"""What a subscription may be of."""
ELSEWHERE = frozenset(
    [
        "sms",
        "callnotify",
        "functionstage",
        "functiongraph",
        "application",
        "dms",
        "dingding",
        "wechat",
        "feishu",
        "welink",
        "welinkRed",
        "dingTalkBot",
        "email-json",
    ]
)
"""What SMN has besides, and nobody can subscribe by here."""
AT_SMN = frozenset({"http", "https", "email", *ELSEWHERE})


def topic_urn(region: str, project_id: str, name: str) -> str:
    return f"urn:smn:{region}:{project_id}:{name}"


def subscription_urn(topic: str, id: str) -> str:
    return f"{topic}:{id.replace('-', '')}"


def name_violations(name: str | None, display_name: str | None) -> Iterator[Violation]:
    if name is not None and not NAME.fullmatch(name):
        yield Violation("name", f"is {shown(name)}, {NAME_RULE}")
    yield from _text("display_name", display_name or "", DISPLAY_NAME_BYTES)


def remark_violations(remark: str) -> Iterator[Violation]:
    yield from _text("remark", remark, REMARK_BYTES)


def _text(field: str, text: str, most_bytes: int) -> Iterator[Violation]:
    size = len(text.encode(errors="replace"))
    if size > most_bytes:
        yield Violation(field, f"has {size} bytes in UTF-8, at most {most_bytes} are allowed")
    elif CONTROL.search(text):
        yield Violation(field, IN_LINES)


def publish_violations(subject: str, message: str | None, time_to_live_s: int | None) -> Iterator[Violation]:
    """`message`: None when a structure is published."""
    if len(subject) > SUBJECT_CHARS:
        yield Violation("subject", f"has {len(subject)} characters, at most {SUBJECT_CHARS} are allowed")
    elif CONTROL.search(subject):
        yield Violation("subject", IN_LINES)
    if message is not None:
        yield from _message("message", message)
    if time_to_live_s is not None and not 1 <= time_to_live_s <= TIME_TO_LIVE_S:
        yield Violation("time_to_live", f"is {time_to_live_s}, must be 1 to {TIME_TO_LIVE_S} seconds")


def structure(
    text: str, *, at_smn: bool = False
) -> tuple[Mapping[str, str], tuple[Violation, ...], tuple[str, ...]]:
    """A `message_structure`, which is JSON in a string: (texts by protocol, what is wrong with it, keys that
    count for nobody). `at_smn`: the topic is one of a real SMN, which has protocols of its own.

    >>> structure('{"default": "a", "email": "b"}')
    ({'default': 'a', 'email': 'b'}, (), ())
    """
    at, known = "message_structure", AT_SMN if at_smn else PROTOCOLS
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return {}, (Violation(at, "is not JSON; it is a string with an object of texts by protocol in it"),), ()
    if not isinstance(read, dict):
        return {}, (Violation(at, f"is {shown(read)}, must be an object of texts by protocol"),), ()
    wrong = [] if DEFAULT in read else [Violation(f"{at}.{DEFAULT}", "is mandatory")]
    texts: dict[str, str] = {}
    ignored: list[str] = []
    for key, value in read.items():
        if key not in (DEFAULT, *known):
            ignored.append(f"{at}.{key}")
        elif not isinstance(value, str):
            wrong.append(Violation(f"{at}.{key}", f"is {shown(value)}, must be a text"))
        else:
            texts[key] = value
            wrong += _message(f"{at}.{key}", value)
    return texts, tuple(wrong), tuple(ignored)


def _message(field: str, text: str) -> Iterator[Violation]:
    if not text:
        yield Violation(field, "is empty")
    if UNSTORABLE.search(text):
        yield Violation(field, NOT_TEXT)
    elif (size := len(text.encode())) > MESSAGE_BYTES:
        yield Violation(field, f"has {size} bytes in UTF-8, at most {MESSAGE_BYTES} are allowed")


def protocol_violation(protocol: str, known: Collection[str] = PROTOCOLS) -> Violation | None:
    if protocol in known:
        return None
    may = ", ".join(known)
    if protocol in ELSEWHERE:
        return Violation("protocol", f"{shown(protocol)} is not supported here; use one of {may}")
    return Violation("protocol", f"is {shown(protocol)}, must be one of {may}")
