"""When something that has failed may be tried again."""

from collections.abc import Sequence

FIRST_MS = 1_000
LONGEST_MS = 60_000


def delay_ms(failures: int) -> int:
    """Nothing after the first failure, then 1 s, 2 s, 4 s … up to a minute."""
    if failures <= 1:
        return 0
    return int(min(FIRST_MS * 2 ** (min(failures, 32) - 2), LONGEST_MS))


def next_try_ms(failed_at_ms: Sequence[int]) -> int:
    """The time from which a new attempt is due, given the times of recent failures; 0 when there are none."""
    if not failed_at_ms:
        return 0
    return max(failed_at_ms) + delay_ms(len(failed_at_ms))
