"""Reads objects through URLs that somebody signed (`paths.Presigned`).

The signature is for GET alone, so an object's size is asked for by reading one byte of it. A redirect is not
followed: it could lead to a host that nobody configured. The URL is a secret: no error or log of ours shows its
query.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import httpx

from modelyard.objects.base import (
    ObjectChangedError,
    ObjectInfo,
    ObjectNotFoundError,
    ObjectRefusedError,
    ObjectStoreError,
    ObjectStoreUnavailableError,
)
from modelyard.objects.paths import Presigned

PIECE = 1 << 20
TRIES = 3
PAUSE_S = 0.2
CONNECT_S, SILENCE_S = 5.0, 60.0
_PASSING = frozenset({408, 425, 429})
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")


class PresignedObjects:
    """`transport`: of tests."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def head(self, place: Presigned) -> ObjectInfo:
        async with self._asked(place, {"Range": "bytes=0-0"}) as answer:
            told = _RANGE.fullmatch(answer.headers.get("content-range", ""))
            size = told[2] if told else answer.headers.get("content-length", "")
            if answer.status_code == 416 and not told:
                size = "0"
            if not size.isdigit():
                raise ObjectRefusedError(f"{place} cannot be read: its server does not tell how large it is")
            return ObjectInfo("", int(size), await self._version(place, answer))

    async def read(
        self, place: Presigned, *, offset: int = 0, length: int | None = None, version: str = ""
    ) -> AsyncGenerator[bytes, None]:
        if length == 0:
            info = await self.head(place)
            if version and info.version != version:
                raise ObjectChangedError(f"{place} is another object by now")
            return
        headers = {"If-Match": version} if version.startswith('"') else {}
        if offset or length is not None:
            headers["Range"] = f"bytes={offset}-{'' if length is None else offset + length - 1}"
        async with self._asked(place, headers) as answer:
            if answer.status_code == 416:
                return
            if version and _version(answer) != version:
                raise ObjectChangedError(f"{place} is another object by now")
            told = _RANGE.fullmatch(answer.headers.get("content-range", ""))
            if answer.status_code == 206 and (told is None or int(told[1] or -1) != offset):
                raise ObjectRefusedError(f"{place} cannot be read: its server sends another part of it")
            skip = offset if answer.status_code == 200 else 0
            left = length
            try:
                async for piece in answer.aiter_raw(PIECE):
                    skipped, skip = piece[skip:], max(skip - len(piece), 0)
                    wanted = skipped if left is None else skipped[:left]
                    if wanted:
                        yield wanted
                    if left is not None:
                        left -= len(wanted)
                        if not left:
                            return
            except httpx.TransportError as error:
                raise _away(place, error) from None

    async def _version(self, place: Presigned, answer: httpx.Response) -> str:
        """Of the object that an answer is about. That to a range that is not there need not tell it."""
        if answer.status_code != 416 or _version(answer):
            return _version(answer)
        async with self._asked(place, {}) as whole:
            return _version(whole)

    @asynccontextmanager
    async def _asked(self, place: Presigned, headers: dict[str, str]) -> AsyncIterator[httpx.Response]:
        """An answer that has something (200, 206) or says that there is nothing so far behind (416)."""
        for tries_left in reversed(range(TRIES)):
            try:
                answer = await self._sent(place, headers)
            except ObjectStoreUnavailableError:
                if not tries_left:
                    raise
                await asyncio.sleep(PAUSE_S * 4 ** (TRIES - 1 - tries_left))
            else:
                break
        try:
            yield answer
        finally:
            await answer.aclose()

    async def _sent(self, place: Presigned, headers: dict[str, str]) -> httpx.Response:
        if self._client is None:
            timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S, pool=None)
            self._client = httpx.AsyncClient(
                follow_redirects=False,
                timeout=timeout,
                transport=self._transport,
                headers={"User-Agent": "modelyard"},
            )
        try:
            request = self._client.build_request(
                "GET", place.url, headers={"Accept-Encoding": "identity", **headers}
            )
            answer = await self._client.send(request, stream=True)
        except httpx.InvalidURL:
            raise ObjectRefusedError(f"{place} cannot be read: it is no URL") from None
        except httpx.TransportError as error:
            raise _away(place, error) from None
        if answer.status_code in {200, 206, 416}:
            return answer
        await answer.aclose()
        raise _refused(place, answer.status_code)


def _version(answer: httpx.Response) -> str:
    etag: str = answer.headers.get("etag", "")
    return etag or str(answer.headers.get("last-modified", ""))


def _refused(place: Presigned, status: int) -> ObjectStoreError:
    if status == 404:
        return ObjectNotFoundError(f"{place} does not exist")
    if status == 412:
        return ObjectChangedError(f"{place} is another object by now")
    if status in {401, 403} or status == 400:
        return ObjectRefusedError(f"{place} cannot be read: its signature is refused, or has expired ({status})")
    if status >= 500 or status in _PASSING:
        return ObjectStoreUnavailableError(f"{place} cannot be read: its server answers {status}")
    if 300 <= status < 400:
        return ObjectRefusedError(f"{place} cannot be read: it leads elsewhere, which is not followed ({status})")
    return ObjectRefusedError(f"{place} cannot be read: its server refuses it ({status})")


def _away(place: Presigned, error: httpx.TransportError) -> ObjectStoreUnavailableError:
    """Without the words of the library, which may hold the URL."""
    what = "does not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
    return ObjectStoreUnavailableError(f"{place} cannot be read: its server {what}")
