"""When so many rows have failed that a task is given up. Pure.

count 3       the fourth failed row ends it
share 0.1     11 failed of 100 that were tried end it, 10 do not
"""

from modelyard.domain.batch import Counts, Threshold

FEWEST_TRIED = 10
"""A share of fewer rows says nothing yet, unless they are all that there are."""


def exceeded(threshold: Threshold | None, counts: Counts, *, planned: bool) -> str:
    """The sentence that says so; "" as long as it is not."""
    if threshold is None or not counts.rows_failed:
        return ""
    if threshold.count is not None and counts.rows_failed > threshold.count:
        return f"{_rows(counts.rows_failed)} failed, more than error_threshold.count {threshold.count} allows"
    tried = counts.rows_done + counts.rows_failed
    enough = tried >= FEWEST_TRIED or (planned and tried == counts.rows)
    if threshold.share is not None and enough and counts.rows_failed > threshold.share * tried:
        share = f"error_threshold.share {threshold.share:g} allows"
        return f"{counts.rows_failed} of {_rows(tried)} failed, more than {share}"
    return ""


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"
