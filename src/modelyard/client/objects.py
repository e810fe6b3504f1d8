# Made by scripts/twin.py from aio/objects.py: change that one, then `make client`.

"""Objects: write, read, list, delete. An extension of the API.

What breaks off on its way is gone on with, from where it was, as long as something comes of it: `TRIES` times in a
row without a byte, and whoever called is told. What is written is held to its digest.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx

from modelyard.client.answers import json_object
from modelyard.client.errors import ApiError, ClientError, Unanswered, Unreachable
from modelyard.client.files import FilePart, Progress, behind, digest_of, files_below, unwatched
from modelyard.client.outgoing import Outgoing, with_json
from modelyard.client.records import Json, StoredObject, record, rows
from modelyard.client.session import Session
from modelyard.client.trust import reason

AT_ONCE_BYTES = 8 * 1024 * 1024
"""A larger file is sent in parts, which can be gone on with."""
PART_BYTES = 64 * 1024 * 1024
TRIES = 12
PASSING = frozenset({408, 409, 500, 502, 503, 504})
"""Statuses after which the same may succeed: too slow, of another part still at work, busy."""
COMPLETING_S = 3600.0
NOT_FOUND = 404


class Objects:
    """The `/objects` calls. A key has `/` between its segments, and none at its ends."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def buckets(self) -> Sequence[str]:
        answer = self._session.call("GET", "/objects")
        return [str(row["bucket"]) for row in rows(answer, "buckets")]

    def make_bucket(self, bucket: str) -> None:
        """The project may have it already; ApiError (403) when another has it."""
        self._session.call("PUT", _path(bucket))

    def delete_bucket(self, bucket: str) -> None:
        """ApiError unless it is empty."""
        self._session.call("DELETE", _path(bucket))

    def list(self, bucket: str, prefix: str = "", *, delimiter: str = "") -> Iterator[StoredObject]:
        """In the order of the keys. With a delimiter, those that have it behind the prefix are one, which ends
        with it and has no size."""
        params = {"prefix": prefix, "delimiter": delimiter, "after": ""}
        while True:
            given = {name: value for name, value in params.items() if value}
            answer = self._session.call("GET", _path(bucket), params=given)
            for row in rows(answer, "objects"):
                yield record(row, StoredObject)
            if not answer.get("truncated"):
                return
            params["after"] = str(answer["next"])

    def head(self, bucket: str, key: str) -> StoredObject:
        """ApiError (404) when there is none."""
        url = self._session.url(_path(bucket, key))
        try:
            headers = (self._session.send(Outgoing(method="HEAD", url=url))).headers
        except ApiError as error:  # which has no text, as its answer has no body
            said = "does not exist" if error.status == NOT_FOUND else error.message
            raise ApiError(error.status, error.code, f"obs://{bucket}/{key} {said}", error.request_id) from error
        return StoredObject(key=key, size=int(headers.get("Content-Length", 0)), etag=headers.get("ETag", ""))

    def read(self, bucket: str, key: str, *, offset: int = 0, etag: str = "") -> Iterator[bytes]:
        """The content in pieces, from byte `offset` on; all of the same object, of that `etag` if one is given
        (ApiError 412 for another)."""
        url, tries = self._session.url(_path(bucket, key)), 0
        while True:
            headers = {**({"Range": f"bytes={offset}-"} if offset else {}), **({"If-Match": etag} if etag else {})}
            broken: ClientError
            try:
                with self._session.open(Outgoing(method="GET", url=url, headers=headers)) as response:
                    etag = etag or response.headers.get("ETag", "")
                    try:
                        for piece in response.iter_bytes():
                            offset, tries = offset + len(piece), 0
                            yield piece
                    except httpx.TransportError as error:
                        raise Unanswered(f"obs://{bucket}/{key} broke off: {reason(error)}") from error
                return
            except (Unreachable, ApiError) as error:
                if isinstance(error, ApiError) and error.status == 416 and offset:
                    return  # it ends here
                broken = error
            tries = self._again(broken, tries)

    def download(self, bucket: str, key: str, path: Path, *, progress: Progress = unwatched) -> int:
        """Into a file, which is there when it is whole; its size. What an earlier try left beside it is gone on
        with, if the object is still the same. Raises OSError."""
        info = self.head(bucket, key)
        mark = hashlib.sha256(info.etag.encode()).hexdigest()[:12]
        part = path.with_name(f".{path.name}.{mark}.part")
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab" if info.etag else "wb") as file:
            if file.tell() > (info.size or 0):
                file.truncate(0)
            offset = file.seek(0, os.SEEK_END)
            progress(offset)
            if offset < (info.size or 0):
                for piece in self.read(bucket, key, offset=offset, etag=info.etag):
                    file.write(piece)
                    offset += len(piece)
                    progress(offset)
        part.replace(path)
        return offset

    def write(self, bucket: str, key: str, content: bytes, *, create: bool = False) -> StoredObject:
        """Make an object, or another in its place; `create`: only where none is (ApiError 412)."""
        headers = {"Content-Digest": digest_of(content), **({"If-None-Match": "*"} if create else {})}
        url, tries = self._session.url(_path(bucket, key)), 0
        while True:
            try:
                request = Outgoing(method="PUT", url=url, content=content, headers=headers)
                return record(json_object(self._session.send(request)), StoredObject)
            except (Unreachable, ApiError) as error:
                tries = self._again(error, tries)

    def upload(
        self, bucket: str, key: str, path: Path, *, create: bool = False, progress: Progress = unwatched
    ) -> StoredObject:
        """The same of a file. A large one goes in parts: what an earlier try, of this process or another, brought
        there is not sent again. Raises OSError."""
        size = path.stat().st_size
        if size <= AT_ONCE_BYTES:
            content = path.read_bytes()
            made = self.write(bucket, key, content, create=create)
            progress(len(content))
            return made
        said: Json = {"size": size, "digest": digest_of(path), **({"create": True} if create else {})}
        answer = self._act(bucket, key, {"action": "upload"}, said)
        upload_id = str(answer["upload_id"])
        offset, tries = _number(answer, "offset"), 0
        while offset < size:
            progress(offset)
            part = FilePart(path, offset, min(PART_BYTES, size - offset), progress)
            try:
                offset, tries = self._put_part(bucket, key, upload_id, part), 0
            except (Unreachable, ApiError) as error:
                tries = self._again(error, tries)
                before = offset
                offset, tries = self._there(bucket, key, upload_id, tries)
                tries = 0 if offset > before else tries
        progress(size)
        answer = self._act(bucket, key, {"action": "complete", "upload": upload_id}, {})
        return record(answer, StoredObject)

    def upload_directory(
        self, bucket: str, prefix: str, directory: Path, *, progress: Progress = unwatched
    ) -> Sequence[StoredObject]:
        """Every file in it, below the prefix, one after the other."""
        made: list[StoredObject] = []
        done = 0
        for name, path in files_below(directory):
            key = f"{prefix}/{name}" if prefix else name
            made.append(self.upload(bucket, key, path, progress=behind(done, progress)))
            done += made[-1].size or 0
        return made

    def delete(self, bucket: str, key: str) -> None:
        """One that is not there is deleted already."""
        self._session.call("DELETE", _path(bucket, key))

    def sign(self, bucket: str, key: str, *, method: str = "GET", expires_s: int = 3600) -> str:
        """A URL at the object store itself, which needs no token; ApiError where the store has no such thing."""
        said: Json = {"method": method, "expires_s": expires_s}
        return str((self._act(bucket, key, {"action": "sign"}, said))["url"])

    def _put_part(self, bucket: str, key: str, upload_id: str, part: FilePart) -> int:
        """How far the upload is then."""
        url = self._session.url(_path(bucket, key))
        request = Outgoing(
            method="PUT",
            url=url,
            content=part,
            params={"upload": upload_id, "offset": part.offset},
            headers={"Content-Length": str(part.length), "Content-Type": "application/octet-stream"},
        )
        return _number(json_object(self._session.send(request)), "offset")

    def _there(self, bucket: str, key: str, upload_id: str, tries: int) -> tuple[int, int]:
        """(how far the upload is, how many tries it took until somebody said so)"""
        while True:
            try:
                answer = self._session.call("GET", _path(bucket, key), params={"upload": upload_id})
                return _number(answer, "offset"), tries
            except (Unreachable, ApiError) as error:
                tries = self._again(error, tries)

    def _act(self, bucket: str, key: str, params: dict[str, str], body: Json) -> Json:
        """What may be asked for twice."""
        url, tries = self._session.url(_path(bucket, key)), 0
        while True:
            request = replace(with_json("POST", url, body, params=params), timeout_s=COMPLETING_S)
            try:
                return json_object(self._session.send(request))
            except (Unreachable, ApiError) as error:
                tries = self._again(error, tries)

    def _again(self, error: ClientError, tries: int) -> int:
        """Wait before the next try, and count it; raises the error where none would help."""
        if tries >= TRIES or (isinstance(error, ApiError) and error.status not in PASSING):
            raise error
        self._session.pause(min(0.2 * 2**tries, 30.0))
        return tries + 1


def _path(bucket: str, key: str | None = None) -> str:
    """Raises ClientError for a key that no URL can carry."""
    if key is None:
        return f"/objects/{quote(bucket, safe='')}"
    if not all(segment not in {"", ".", ".."} for segment in key.split("/")):
        raise ClientError(f"{key!r} is no key: empty, '.' and '..' segments are not allowed")
    return f"/objects/{quote(bucket, safe='')}/{quote(key, safe='/~')}"


def _number(answer: Json, name: str) -> int:
    value = answer.get(name)
    assert isinstance(value, int)
    return value
