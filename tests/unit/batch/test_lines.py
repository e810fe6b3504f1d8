"""Lines in streams, whatever their pieces."""

from collections.abc import AsyncGenerator

import pytest

from modelyard.batch import lines
from modelyard.batch.lines import Lines, TooFewLinesError, each_line, together

CONTENT = b"a\nbb\n\nccc\r\nd\n"


async def pieces(size: int, content: bytes = CONTENT) -> AsyncGenerator[bytes, None]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


@pytest.mark.parametrize("size", range(1, 15))
async def test_each_line(size: int) -> None:
    assert [line async for line in each_line(pieces(size))] == [b"a\n", b"bb\n", b"\n", b"ccc\r\n", b"d\n"]
    assert [line async for line in each_line(pieces(size, b"a\nb"))] == [b"a\n", b"b"]


@pytest.mark.parametrize("size", range(1, 15))
async def test_some_lines_at_a_time(size: int) -> None:
    some = Lines(pieces(size))
    taken = [b"".join([piece async for piece in some.take(count)]) for count in (1, 0, 2, 2)]
    assert taken == [b"a\n", b"", b"bb\n\n", b"ccc\r\nd\n"]
    with pytest.raises(TooFewLinesError):
        [piece async for piece in some.take(1)]


@pytest.mark.parametrize("size", range(1, 15))
async def test_no_small_pieces(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "TOGETHER", 4)
    made = [piece async for piece in together(pieces(size))]
    assert b"".join(made) == CONTENT
    assert all(len(piece) >= 4 for piece in made[:-1])
