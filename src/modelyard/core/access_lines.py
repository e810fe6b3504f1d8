"""What the gateway wrote of a call becomes a line of its service's log. Pure.

    POST /a/b 503 in 12 ms, request 6b0c…, caller 10.0.0.7, 120 bytes in, 80 out, instance 3f1d…, via_upstream

The line's reference is that of the failure where the instance told one, otherwise the request's id, as it stands
in the answer's header (`X-Request-Id`).
"""

import re
from dataclasses import dataclass

import msgspec

from modelyard.core.output_lines import MOST_CHARS, harmless

NAME = re.compile(r"[0-9A-Za-z][\w.-]{6,62}\w", re.ASCII)
INSTANCE = re.compile(r"instances/([\w-]{1,100})/")
PATH_CHARS = 2048


class _Call(msgspec.Struct):
    """As `gateway.bootstrap.ACCESS_FIELDS` has it; what is not known is left out."""

    access: str
    start_ms: int = 0
    duration_ms: int = 0
    code: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    method: str = ""
    path: str = ""
    request: str = ""
    reference: str = ""
    caller: str = ""
    instance: str = ""
    details: str = ""
    flags: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """`at_ms`: when it was over."""

    service_id: str
    at_ms: int
    text: str
    reference: str


def call(line: bytes) -> Call | None:
    """None: it is none, but something that the gateway's process said itself."""
    if not line.startswith(b"{"):
        return None
    try:
        told = msgspec.json.decode(line, type=_Call, strict=False)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return Call(
        told.access,
        told.start_ms + told.duration_ms,
        harmless(_text(told)).replace("\n", "␊")[:MOST_CHARS],
        _reference(told),
    )


def _reference(told: _Call) -> str:
    return next((name for name in (told.reference, told.request) if NAME.fullmatch(name)), "")


def _text(told: _Call) -> str:
    path = told.path.partition("?")[0].removeprefix(f"/v1/infers/{told.access}") or "/"
    instance = INSTANCE.search(told.instance)
    parts = (
        f"{told.method} {path[:PATH_CHARS]} {told.code or 'no answer'} in {told.duration_ms} ms",
        told.request and f"request {told.request[:64]}",
        told.reference and f"reference {told.reference[:64]}",
        told.caller and f"caller {told.caller}",
        f"{told.bytes_in} bytes in, {told.bytes_out} out",
        (instance and f"instance {instance[1]}") or (told.instance and f"instance at {told.instance}"),
        told.details,
        told.flags.strip("-"),
    )
    return ", ".join(part for part in parts if part)
