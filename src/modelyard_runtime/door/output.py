"""A container's output, from the engine to our standard output: each line once.

The engine keeps it for a while and gives it in frames, each with the time of its line. When it breaks off, it is
asked again from the last time on, and what was passed on already is left out.
"""

import os
import threading
import time

from modelyard_runtime.door.docker import AwayError, Docker, RefusedError, Stream

HEADER = 8
MOST_FRAME = 1024 * 1024
AGAIN_S = 0.5
SOON_S = 0.02
LONGEST_TIME = 40


class Follower:
    """Follows one container until it has ended and all was passed on. `ended` is set after its end."""

    def __init__(self, docker: Docker, container_id: str, ended: threading.Event, *, out: int = 1) -> None:
        self._docker = docker
        self._id = container_id
        self._ended = ended
        self._out = out
        self._last = b""
        """The time of the newest line, as the engine writes it, and how many lines have it."""
        self._same = 0

    def run(self) -> None:
        while True:
            over = self._ended.is_set()
            try:
                self._follow()
            except RefusedError:
                return  # it was removed
            except AwayError:
                if over:
                    return
                time.sleep(AGAIN_S)
                continue
            if over:
                return
            self._ended.wait(SOON_S)

    def _follow(self) -> None:
        query = {"follow": "1", "stdout": "1", "stderr": "1", "timestamps": "1"}
        if self._last:
            query["since"] = seconds(self._last)
        with self._docker.opened("GET", f"/containers/{self._id}/logs", query=query) as stream:
            self._pass_on(stream)

    def _pass_on(self, stream: Stream) -> None:
        rest, skip, at = b"", self._same, self._last
        while data := stream.read():
            rest += data
            lines, begin = [], 0
            while len(rest) - begin >= HEADER:
                size = int.from_bytes(rest[begin + 4 : begin + HEADER], "big")
                if size > MOST_FRAME:
                    raise AwayError("its output is in no form that we know")
                stop = begin + HEADER + size
                if len(rest) < stop:
                    break
                moment, line = timed(rest[begin + HEADER : stop])
                begin = stop
                if moment < at:  # an engine that takes no part of a second into account
                    continue
                if moment == at and skip:
                    skip -= 1
                    continue
                at = b"" if moment > at else at
                if moment == self._last:
                    self._same += 1
                else:
                    self._last, self._same = moment, 1
                lines.append(line)
            rest = rest[begin:]
            self._write(b"".join(lines))

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._out, data) :]


def timed(frame: bytes) -> tuple[bytes, bytes]:
    """(the time of a line, the line)."""
    moment, space, line = frame.partition(b" ")
    return (moment, line) if space and len(moment) <= LONGEST_TIME and moment[4:5] == b"-" else (b"", frame)


def seconds(moment: bytes) -> str:
    """`2026-11-27T20:08:08.216717521Z` as the engine takes it: seconds since 1970, and nine digits.

    >>> seconds(b"1970-01-01T00:01:40.216717521Z")
    '100.216717521'
    >>> seconds(b"1970-01-01T01:00:01.5+01:00")
    '1.500000000'
    """
    from datetime import datetime

    text = moment.decode("ascii", "replace").replace("Z", "+00:00")
    day, _, clock = text.partition("T")
    sign = max(clock.rfind("+"), clock.rfind("-"))
    whole, _, parts = clock[:sign].partition(".")
    at = datetime.fromisoformat(f"{day}T{whole}{clock[sign:]}")
    return f"{int(at.timestamp())}.{parts[:9].ljust(9, '0')}"
