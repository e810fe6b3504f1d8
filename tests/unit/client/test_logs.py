"""Lines of services, by both clients: a stream that breaks goes on where it was, and tells of it."""

import json
from typing import Any

import httpx
import pytest
from tests.unit.client.test_batch import each
from tests.unit.client.test_twins import Yard, both
from tests.unit.client.twins import play

from modelyard.client import ApiError, LogFilter, Unreachable
from modelyard.client.aio.logs import TRIES
from modelyard.client.lines import spelled


def line(number: int) -> dict[str, Any]:
    return {
        **{"number": number, "time": number, "instance": "i", "revision": 1, "model": "m:1"},
        "text": f"line {number}",
    }


def told(*numbers: int, end: str = "") -> httpx.Response:
    events = [f"id: {n}\nevent: line\ndata: {json.dumps(line(n))}\n\n" for n in numbers]
    return httpx.Response(200, content="".join([*events, end]))


DELETED = 'event: deleted\ndata: {"service_id": "s1"}\n\n'
RESTART = 'event: end\ndata: {"error_msg": "the server ends: watch again"}\n\n'
OVER = 'event: end\ndata: {"error_msg": "until is over", "over": true}\n\n'


def away() -> httpx.Response:
    return httpx.Response(503, json={"error_code": "ModelArts.0010", "error_msg": "The logs cannot be read now."})


def gone() -> httpx.Response:
    return httpx.Response(404, json={"error_code": "ModelArts.3502", "error_msg": "no"})


def followed(kind: str, yard: Yard, **how: Any) -> tuple[list[int], list[str]]:
    """(the numbers of the lines, what was told besides)."""
    seen: list[int] = []
    notes: list[str] = []

    async def scenario(client: Any) -> None:
        seen.extend(one.number for one in await each(client.services.follow("s1", told=notes.append, **how)))

    play(kind, yard, scenario)
    return seen, notes


@both
def test_a_stream_that_breaks_goes_on_after_the_last_line_and_none_is_doubled(kind: str) -> None:
    answers = (told(1, 2, end=RESTART), *[httpx.ConnectError("refused")] * 3, away(), told(2, 3, end=DELETED))
    yard = Yard(*answers)
    seen, notes = followed(kind, yard)
    assert seen == [1, 2, 3]
    assert [one.partition(" (")[0] for one in notes] == ["the connection broke", "connected again"]
    assert "the server ends" in notes[0]
    assert [one.headers["last-event-id"] for one in yard.seen if "watch" in one.url.path][-1] == "2"


@both
def test_a_line_that_breaks_off_in_the_middle_is_read_again_whole(kind: str) -> None:
    half = told(1).content + b'id: 2\nevent: line\ndata: {"number": 2, "ti'
    seen, _ = followed(kind, Yard(httpx.Response(200, content=half), told(2, 3, end=DELETED)))
    assert seen == [1, 2, 3]


@both
def test_what_was_cut_is_told_and_an_end_in_time_is_an_end(kind: str) -> None:
    skipped = 'event: skipped\ndata: {"lines": 7}\n\n'
    seen, notes = followed(kind, Yard(told(1, end=skipped + OVER)))
    assert seen == [1]
    assert notes == ["7 lines were cut before they could be read"]


@both
def test_following_begins_with_the_newest_or_after_a_line(kind: str) -> None:
    page = {"lines": [line(9), line(8)], "more": True, "complete": True, "newer": 9, "older": 8, "kept": {}}
    yard = Yard(httpx.Response(200, json=page), told(10, end=DELETED))
    wanted = LogFilter(words=("a b",), revision=2)
    assert followed(kind, yard, wanted=wanted, tail=2)[0] == [8, 9, 10]
    assert yard.seen[-1].headers["last-event-id"] == "9"
    assert dict(yard.seen[-1].url.params) == {"words": '"a b"', "revision": "2"}
    nothing = Yard(
        httpx.Response(200, json={**page, "lines": [], "newer": None, "more": False}), told(1, end=DELETED)
    )
    assert followed(kind, nothing, tail=0)[0] == [1]


@both
def test_following_begins_with_the_newest_though_the_search_gives_up_for_now(kind: str) -> None:
    page = {"lines": [], "more": True, "complete": False, "older": 20, "kept": {}}
    found = {"lines": [line(9), line(8)], "more": True, "complete": True, "newer": 9, "older": 8, "kept": {}}
    yard = Yard(httpx.Response(200, json=page), httpx.Response(200, json=found), told(21, end=DELETED))
    assert followed(kind, yard, tail=2)[0] == [8, 9, 21]
    assert yard.seen[1].url.params["before"] == "20"
    assert yard.seen[-1].headers["last-event-id"] == "9"


@both
def test_a_refusal_ends_it_and_so_does_a_deletion_meanwhile(kind: str) -> None:
    for answers, error in ((gone(),), ApiError), ((told(1, end=RESTART), gone()), None):
        yard = Yard(*answers)
        if error is None:
            assert followed(kind, yard)[0] == [1]
        else:
            with pytest.raises(error):
                followed(kind, yard)


@both
def test_who_is_never_answered_is_told_in_the_end(kind: str) -> None:
    refused = [httpx.ConnectError("refused")] * (3 * (TRIES + 1))
    with pytest.raises(Unreachable):
        followed(kind, Yard(told(1, end=RESTART), *refused))


@both
def test_pages(kind: str) -> None:
    page = {"lines": [line(3)], "more": True, "complete": False, "newer": 3, "older": 3, "kept": {"cut_lines": 4}}
    yard = Yard(httpx.Response(200, json=page))
    found: list[Any] = []

    async def scenario(client: Any) -> None:
        found.append(
            await client.services.logs("s1", LogFilter(since="10m"), before=9, newest_first=True, limit=5)
        )

    play(kind, yard, scenario)
    assert [one.text for one in found[0].lines] == ["line 3"]
    assert (found[0].more, found[0].complete, found[0].older, found[0].kept.cut_lines) == (True, False, 3, 4)
    assert dict(yard.seen[-1].url.params) == {"since": "10m", "before": "9", "order": "desc", "limit": "5"}


def test_words_are_spelled_as_the_server_reads_them() -> None:
    from modelyard.core.log_words import words

    said = ["a", "b c", 'say "no"', "back\\slash", "OR"]
    assert words(spelled(said)) == (tuple(said), "")
