"""Times as people say them. Pure.

1700000000000                 milliseconds since 1970 UTC
2023-11-14T22:13:20Z          ISO 8601; UTC where no zone is said
2023-11-14                    the beginning of that day, UTC
90s 10m 2h 7d                 so long ago
"""

import re
from datetime import UTC, datetime

AGO = re.compile(r"([0-9]{1,9})(s|m|h|d)")
MILLISECONDS = re.compile(r"[0-9]{10,16}")
UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
EXPECTED = "must be milliseconds since 1970, ISO 8601 like 2026-01-31T12:00:00Z, or so long ago: 90s, 10m, 2h, 7d"


def moment_ms(text: str, now_ms: int) -> int | None:
    """Milliseconds since 1970 UTC; None for what is no time."""
    text = text.strip()
    if ago := AGO.fullmatch(text):
        return max(now_ms - int(ago[1]) * UNIT_MS[ago[2]], 0)
    if MILLISECONDS.fullmatch(text):
        return int(text)
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        return None
    at = said if said.tzinfo else said.replace(tzinfo=UTC)
    try:
        return max(int(at.timestamp() * 1000), 0)
    except (OverflowError, ValueError):
        return None
