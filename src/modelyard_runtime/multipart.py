"""multipart/form-data to what scripts expect: `{field: {filename: file object}}` (contract §3).

A part without a file name is a plain form field: `{field: text}`. (RFC 7578; bodies are in memory already.)
"""

import io
from email.message import Message
from typing import Any

from modelyard_runtime.errors import RequestError


class UploadedFile(io.BytesIO):
    """A file object whose `name` is the file's, as code that looks at suffixes expects."""

    def __init__(self, content: bytes, name: str, content_type: str) -> None:
        super().__init__(content)
        self.name = name
        self.content_type = content_type


def boundary(content_type: str) -> bytes | None:
    """The boundary of a multipart content type, None when it is another type."""
    message = Message()
    message["content-type"] = content_type
    if not message.get_content_type().startswith("multipart/"):
        return None
    found = message.get_param("boundary")
    return found.encode("latin-1") if isinstance(found, str) else None


def form(body: bytes, mark: bytes) -> dict[str, Any]:
    """Raises RequestError when the body is not what its boundary says."""
    delimiter = b"--" + mark
    if not body.startswith(delimiter) or delimiter + b"--" not in body:
        raise _broken("it does not end with its boundary")
    fields: dict[str, Any] = {}
    for part in (b"\r\n" + body).split(b"\r\n" + delimiter)[1:]:
        if part.startswith(b"--"):
            break
        head, separator, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not separator:
            raise _broken("a part has no header")
        _add(fields, _headers(head), content)
    return fields


def _add(fields: dict[str, Any], headers: Message, content: bytes) -> None:
    field = headers.get_param("name", header="content-disposition")
    if not isinstance(field, str):
        raise _broken("a part has no name")
    filename = headers.get_filename()
    if filename is None:
        fields[field] = content.decode("utf-8", "replace")
        return
    files = fields.setdefault(field, {})
    if not isinstance(files, dict):
        raise _broken(f"{field} is both a file and a text")
    files[filename] = UploadedFile(content, filename, headers.get_content_type())


def _headers(head: bytes) -> Message:
    message = Message()
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name:
            message[name.strip()] = value.strip()
    return message


def _broken(why: str) -> RequestError:
    return RequestError(400, "ModelArts.4105", f"The multipart body cannot be read: {why}.")
