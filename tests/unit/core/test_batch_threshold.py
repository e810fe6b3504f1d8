"""When so many rows have failed that a task is given up."""

import pytest

from modelyard.core.batch.threshold import exceeded
from modelyard.domain.batch import Counts, Threshold

SHARE = ", more than error_threshold.share"


@pytest.mark.parametrize(
    ("threshold", "rows", "done", "failed", "planned", "text"),
    [
        (None, 10, 0, 10, True, ""),
        (Threshold(count=0), 10, 9, 0, True, ""),
        (Threshold(count=0), 10, 0, 1, False, "1 row failed, more than error_threshold.count 0 allows"),
        (Threshold(count=3), 100, 0, 3, True, ""),
        (Threshold(count=3), 100, 0, 4, True, "4 rows failed, more than error_threshold.count 3 allows"),
        (Threshold(share=0.1), 1000, 90, 10, True, ""),
        (
            Threshold(share=0.1),
            1000,
            89,
            11,
            True,
            "11 of 100 rows failed, more than error_threshold.share 0.1 allows",
        ),
        (Threshold(share=0.5), 1000, 0, 9, True, ""),
        (
            Threshold(share=0.5),
            1000,
            0,
            10,
            True,
            "10 of 10 rows failed, more than error_threshold.share 0.5 allows",
        ),
        (Threshold(share=0.5), 2, 0, 2, True, f"2 of 2 rows failed{SHARE} 0.5 allows"),
        (Threshold(share=0.5), 2, 0, 2, False, ""),
        (Threshold(share=0), 100, 50, 1, True, f"1 of 51 rows failed{SHARE} 0 allows"),
        (Threshold(share=1), 100, 0, 100, True, ""),
    ],
)
def test_it(threshold: Threshold | None, rows: int, done: int, failed: int, planned: bool, text: str) -> None:
    counts = Counts(rows=rows, rows_done=done, rows_failed=failed)
    assert exceeded(threshold, counts, planned=planned) == text
