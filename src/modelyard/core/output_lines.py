"""What an instance wrote becomes lines. Pure.

    b"one<LF>two<LF>thr"      ->  "one", "two"; "thr" waits for its end, and is read again with it
    <ESC>[31mred<FF><CR><LF>  ->  "␛[31mred\\xff"; no octet acts on a terminal, none is lost to the eye
    40,000 characters         ->  16,384 of them; `cut` says 23,616

A line that goes on and on is passed over in pieces, and a line of ours says how much of it was left off. What was
dropped before anybody read it is said in its place, by a line of ours as well.

A *reference* names a failed call: the model server writes it into the answer and into its log, before the trace of
the failure. The lines of the trace carry it too, so that whoever has the answer finds all of it. A line that tells
of a request's id (`x-request-id: …`, `request_id=…`) carries that.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from modelyard.core.masking import Masker
from modelyard.domain.logs import Line, Origin
from modelyard.domain.output import UNKNOWN_SIZE, Output, Position

MOST_CHARS = 16 * 1024
LONG_BYTES = 4 * MOST_CHARS
"""What has no end after so many bytes is not waited for."""

_HARMFUL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_NAME = r"([0-9A-Za-z][\w.-]{6,62}\w)"
_REFERENCE = re.compile(r"\breference:? " + _NAME, re.ASCII)
_REQUEST = re.compile(r"""\brequest[-_ ]?id["']?\s*[:= ]\s*["']?""" + _NAME, re.ASCII | re.IGNORECASE)
_CHAINED = ("Traceback (", "During handling of the above exception", "The above exception was the direct cause")


BEGUN = 1


class Trace(IntEnum):
    """Where in the trace of a failure the last line was."""

    NONE = 0
    NAMED = 1
    """A reference was named; a trace may follow."""
    INSIDE = 2
    OVER = 3
    """The exception was told; another one that led to it may follow."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far an instance's output was made lines of. `passed`: 0 where a line begins, otherwise the bytes of an
    endless line that were passed over so far, and `BEGUN`. `trace`, `reference`: of the last line."""

    position: Position | None = None
    passed: int = 0
    trace: Trace = Trace.NONE
    reference: str = ""

    def text(self) -> str:
        """As it is stored with the lines."""
        if self.position is None:
            return ""
        at = self.position
        return f"{at.offset}:{self.passed}:{self.trace:d}:{self.reference}:{at.source}"


BEGIN = Place()


def place(text: str) -> Place:
    """What `Place.text` made; the beginning, if it is none."""
    parts = text.split(":", 4)
    if len(parts) != 5 or not all(part.isdecimal() for part in parts[:3]) or int(parts[2]) > max(Trace):
        return BEGIN
    return Place(Position(int(parts[0]), parts[4]), int(parts[1]), Trace(int(parts[2])), parts[3])


def lines_of(
    output: Output, before: Place, origin: Origin, masker: Masker, *, whole: bool = False
) -> tuple[list[Line], Place]:
    """The lines that end in the piece, and how far it was read. `before`: how far it had been. `whole`: what
    has no end by now gets none."""
    lines: list[Line] = []
    taken, passed, followed = 0, before.passed, _Followed(before.trace, before.reference)
    data = output.data
    if output.dropped:
        passed, followed = 0, _Followed()
        lines.append(_said(output, 0, origin, _dropped(output.dropped)))
    if passed:
        end = data.find(b"\n")
        taken = len(data) if end < 0 else end + 1
        passed += taken if end < 0 else end
        if end >= 0 or whole:
            if passed > BEGUN:
                text = f"… {passed - BEGUN} bytes more of the line before were left off here"
                lines.append(_said(output, 0, origin, text))
            passed = 0
    last = len(data) if whole else data.rfind(b"\n") + 1
    for begin, end, at_ms in _blocks(output, data, taken, last):
        lines += _lines(data[begin:end], at_ms, origin, masker, followed)
    taken = max(taken, last)
    if not passed and len(data) - taken >= LONG_BYTES:
        lines += _lines(data[taken:], _at_ms(output, taken), origin, masker, followed)
        passed, taken = BEGUN, len(data)
    return lines, Place(output.at(taken), passed, followed.trace, followed.reference)


def _dropped(count: int) -> str:
    size = "some output" if count == UNKNOWN_SIZE else f"{count} bytes of output"
    verb = "was" if count == UNKNOWN_SIZE else "were"
    return f"… {size} {verb} dropped here: more waited to be collected than may"


def _said(output: Output, index: int, origin: Origin, text: str) -> Line:
    return Line(0, _at_ms(output, index), text, origin)


def _at_ms(output: Output, index: int) -> int:
    return next((ms for begin, ms in reversed(output.times) if begin <= index), 0)


def _blocks(output: Output, data: bytes, first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """Whole lines that came out together: begin, end, when."""
    begin, times = first, output.times
    for i, (_, at_ms) in enumerate(times):
        end = last
        if i + 1 < len(times):  # a line belongs to the moment of its first octet
            following = times[i + 1][0]
            end = min(last, data.find(b"\n", following - 1) + 1 or last) if following > begin else begin
        if end > begin:
            yield begin, end, at_ms
            begin = end


def _lines(block: bytes, at_ms: int, origin: Origin, masker: Masker, followed: "_Followed") -> list[Line]:
    text = masker.text(block.decode("utf-8", "backslashreplace").replace("\r\n", "\n"))
    if _HARMFUL.search(text):
        text = _HARMFUL.sub(_visible, text)
    texts = text.split("\n")
    if not texts[-1]:
        del texts[-1]
    cuts = len(text) > MOST_CHARS and max(map(len, texts)) > MOST_CHARS
    if not cuts and not followed.trace and not _may_refer(text):
        return [Line(0, at_ms, one, origin) for one in texts]
    return [
        Line(0, at_ms, one[:MOST_CHARS], origin, followed.reference_of(one), max(len(one) - MOST_CHARS, 0))
        for one in texts
    ]


def _may_refer(text: str) -> bool:
    return "reference" in text or "equest" in text or "EQUEST" in text


def harmless(text: str) -> str:
    """With its control characters shown."""
    return _HARMFUL.sub(_visible, text)


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


@dataclass(slots=True)
class _Followed:
    """The trace that the lines are in."""

    trace: Trace = Trace.NONE
    reference: str = ""

    def reference_of(self, line: str) -> str:
        if found := _REFERENCE.search(line[:MOST_CHARS]) or _REQUEST.search(line[:MOST_CHARS]):
            self.trace, self.reference = Trace.NAMED, found[1]
            return self.reference
        self.trace = self._after(line)
        if self.trace is Trace.NONE:
            self.reference = ""
        return self.reference

    def _after(self, line: str) -> Trace:
        if self.trace is Trace.NONE:
            return Trace.NONE
        if line.startswith(_CHAINED):
            return Trace.INSIDE
        if self.trace is Trace.INSIDE:
            return Trace.INSIDE if not line or line[0] in " \t" else Trace.OVER
        if self.trace is Trace.OVER and not line:
            return Trace.OVER
        return Trace.NONE
