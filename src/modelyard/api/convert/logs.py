"""Between the wire and the lines of services."""

from modelyard.api.schemas import logs as wire
from modelyard.core import log_words
from modelyard.core.moments import EXPECTED, moment_ms
from modelyard.domain.errors import Invalid, Violation
from modelyard.domain.logs import Kept, Line, LogQuery
from modelyard.domain.texts import shown
from modelyard.operations.logs import LogPage

DEFAULT_LINES = 1000


def line_query(asked: wire.LogLineList | wire.LogWatch, now_ms: int) -> LogQuery:
    """Raises Invalid."""
    words, wrong = log_words.parsed("words", asked.words)
    violations = [*wrong]
    moments: dict[str, int | None] = {}
    for name in ("since", "until"):
        text = getattr(asked, name)
        moments[name] = None if text is None else moment_ms(text, now_ms)
        if text is not None and moments[name] is None:
            violations.append(Violation(name, f"is {shown(text)}, {EXPECTED}"))
    if violations:
        raise Invalid(*violations)
    page = isinstance(asked, wire.LogLineList)
    return LogQuery(
        instance_id=asked.instance or "",
        revision=asked.revision,
        since_ms=moments["since"],
        until_ms=moments["until"],
        words=words,
        reference=asked.reference or "",
        after=asked.after,
        before=asked.before if isinstance(asked, wire.LogLineList) else None,
        newest_first=page and getattr(asked, "order", None) == "desc",
        limit=(asked.limit or DEFAULT_LINES) if page else DEFAULT_LINES,
    )


def line_page(service_id: str, page: LogPage) -> wire.LogLinePage:
    return wire.LogLinePage(
        service_id=service_id,
        count=len(page.lines),
        lines=[line(one) for one in page.lines],
        more=page.more,
        complete=page.complete,
        newer=page.newer,
        older=page.older,
        kept=_kept(page.kept),
    )


def line(one: Line) -> wire.LogLineShown:
    return wire.LogLineShown(
        number=one.number,
        time=one.at_ms,
        instance=one.origin.instance_id,
        revision=one.origin.revision,
        model=one.origin.model,
        text=one.text,
        reference=one.reference or None,
        cut=one.cut or None,
    )


def _kept(kept: Kept) -> wire.KeptShown:
    return wire.KeptShown(
        lines=kept.lines,
        bytes=kept.bytes,
        oldest=kept.oldest_ms,
        cut_lines=kept.cut_lines,
        cut_bytes=kept.cut_bytes,
        cut_until=kept.cut_until_ms,
        damaged_files=kept.set_aside or None,
    )
