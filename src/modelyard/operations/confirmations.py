"""How often whoever reads at an address is asked to confirm: nobody fills the mailbox of a stranger.

From one project an address is asked once a minute for a topic, and for `TOPICS` topics a minute at most, whatever
became of the subscriptions meanwhile. What is remembered is forgotten with the process.

Pure: time is passed in.
"""

from collections import OrderedDict

PAUSE_MS = 60 * 1000
TOPICS = 10
"""So many at once, for who subscribes an address to all that there is."""
REMEMBERED = 10_000

Reader = tuple[str, str, str]
"""Project, protocol, address."""


class Confirmations:
    """Remembers who was asked of what, the most recent ones only."""

    def __init__(self) -> None:
        self._asked: OrderedDict[Reader, dict[str, int]] = OrderedDict()

    def wait_ms(self, reader: Reader, topic_urn: str, now_ms: int) -> int:
        """How long until it may be asked again; 0: it is asked now, and that is remembered."""
        times = self._asked.pop(reader, {})
        recent = {topic: at for topic, at in times.items() if 0 <= now_ms - at < PAUSE_MS}
        first_ms = recent.get(topic_urn, min(recent.values()) if len(recent) >= TOPICS else None)
        if first_ms is None:
            recent[topic_urn] = now_ms
        self._asked[reader] = recent
        if len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)
        return 0 if first_ms is None else first_ms + PAUSE_MS - now_ms
