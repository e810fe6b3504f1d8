"""The store that the store's suite runs over: the three there are, in turn."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.contract import store_samples as a

from modelyard.store.sql import SqlStore


@pytest.fixture(params=a.KINDS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with a.opened(request.param, tmp_path, request) as store:
        yield store
