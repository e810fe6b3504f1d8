"""`modelyard admin clean` says what stayed, and why that may be."""

from collections.abc import Callable

import httpx
import pytest
from tests.unit.cli.every import Server

Run = Callable[..., tuple[int, str, str]]
THING = {"kind": "package", "name": "a", "size_bytes": 7}


class Holding(Server):
    """A backup is being made: nothing goes."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/clean"):
            return super().__call__(request)
        removed = [] if self.asked else [THING]
        self.asked = True
        total = 7 * len(removed)
        return httpx.Response(200, json={"removed": removed, "count": len(removed), "total_bytes": total})

    asked = False


@pytest.fixture
def server() -> Server:
    return Holding()


def test_what_a_backup_holds_is_told(run: Run) -> None:
    code, out, err = run("admin", "clean", "--yes")
    assert (code, out) == (0, "removed 0, 0 B\n")
    assert "1 stayed: a backup is being made" in err.replace("\n", " ")
