"""Which lines a query means. Pure; every store of lines answers what this says.

a word matches      wherever it is in the line: `rror 4` is in `Error 42`
regardless of case  by Unicode's case folding: `straße` is in `STRASSE`
nothing is special  `*`, `"`, `%` and spaces are themselves; a word that is "" is in every line
"""

from collections.abc import Iterable

from modelyard.domain.logs import Line, LogQuery


def folded(text: str) -> str:
    return text.casefold()


def matches(query: LogQuery, line: Line) -> bool:
    return (
        (query.after is None or line.number > query.after)
        and (query.before is None or line.number < query.before)
        and (query.since_ms is None or line.at_ms >= query.since_ms)
        and (query.until_ms is None or line.at_ms <= query.until_ms)
        and query.instance_id in ("", line.origin.instance_id)
        and query.revision in (None, line.origin.revision)
        and query.reference in ("", line.reference)
        and all(folded(word) in folded(line.text) for word in query.words)
    )


def fitting(lines: Iterable[Line], most_bytes: int) -> int:
    """How many of the first ones fit together with their texts; one at least, where there is one."""
    left, count = most_bytes, 0
    for line in lines:
        left -= len(line.text)
        if left < 0 and count:
            break
        count += 1
    return count
