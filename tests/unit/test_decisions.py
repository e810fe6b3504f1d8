"""Each record of a decision has a number of its own, and the list of them names it."""

import re
from pathlib import Path

RECORDS = Path(__file__).parents[2] / "docs" / "decisions"


def test_numbers_are_unique_and_every_record_is_listed_in_order() -> None:
    names = sorted(path.name for path in RECORDS.glob("[0-9]*.md"))
    numbers = [name[:4] for name in names]
    assert len(set(numbers)) == len(numbers), numbers
    listed = re.findall(r"^\| \[(\d{4})\]\((\S+)\)", (RECORDS / "README.md").read_text(), re.MULTILINE)
    assert listed == [(name[:4], name) for name in names]
