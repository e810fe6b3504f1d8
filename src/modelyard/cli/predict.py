"""`modelyard predict SERVICE`: ask a model. JSON, a file, a form; an answer is printed while it comes."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer

from modelyard.cli.context import (
    DATA_DIR_VARIABLE,
    DataDir,
    asked_of,
    chosen_profile,
    connect,
    errors,
    print_json,
    spoken_for,
)
from modelyard.cli.exits import Exit, trace_advice
from modelyard.cli.variants import assignment
from modelyard.client import ApiError, Client, Service, Upload
from modelyard.client.outgoing import Files
from modelyard.client.sse import CONTENT_TYPE as EVENTS
from modelyard.client.streams import Answer

ADDRESS = ("http://", "https://")
INFERS = "/v1/infers/"
FORM = "multipart/form-data"


def predict(
    service: Annotated[
        str, typer.Argument(metavar="SERVICE", help="Name or id of a service, or the address of one (http://…).")
    ],
    body: Annotated[
        str | None,
        typer.Argument(metavar="[JSON|@FILE|-]", help="What to ask; - and nothing read standard input."),
    ] = None,
    *,
    path: Annotated[str, typer.Option(help="Path below the service's address.")] = "",
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            metavar="FILE",
            help="Send this file: in the field that the model declares, or as it is.",
        ),
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--field", metavar="NAME=VALUE|NAME=@FILE", help="Send a form with this field; repeat for several."
        ),
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="NAME:VALUE", help="Send this header too.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait for the answer, or the next piece of it.", min=0.001)
    ] = 70.0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the answer there, as it is.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Ask a model and print its answer: a stream while it comes, JSON indented, anything else as it is."""
    headers = dict(_header(one) for one in header or ())
    asked = _asked(body, file, fields or (), headers)
    with connect(data_dir) as yard:
        target = _near(_service(yard, service))
        asked_of.set(_spelled(service, data_dir))
        if file is not None:
            asked = asked.in_field(file_field(yard, target, path))
        with yard.stream(
            target, asked.body, path=path, files=asked.files, headers=headers, timeout_s=timeout
        ) as answer:
            if not _print(answer, output):
                raise typer.Exit(Exit.FAILED)


@dataclass(frozen=True, slots=True)
class Asked:
    """The body of a request: JSON that is written already, a file, or a form's fields and files."""

    body: object = None
    files: Files | None = None
    upload: Upload | None = field(default=None, repr=False)

    def in_field(self, name: str) -> "Asked":
        """With the file in a form's field of this name; "" sends it as it is. Raises typer.BadParameter."""
        assert self.upload is not None
        if name:
            more = (self.files or {}).get(name, ())
            return Asked(self.body or {}, {**(self.files or {}), name: [self.upload, *_each(more)]})
        if self.files is not None:
            raise typer.BadParameter("the model does not say which field the file is for: use --field NAME=@FILE")
        return Asked(self.upload)


def _asked(body: str | None, file: Path | None, fields: Sequence[str], headers: Mapping[str, str]) -> Asked:
    if body is not None and (file or fields):
        raise typer.BadParameter("give JSON, or --file and --field, not both")
    upload = None if file is None else _upload(file)
    if fields:
        pairs = [assignment(one) for one in fields]
        texts: dict[str, list[str]] = {}
        files: dict[str, list[Upload]] = {}
        for name, value in pairs:
            if value.startswith("@"):
                files.setdefault(name, []).append(_upload(Path(value[1:])))
            else:
                texts.setdefault(name, []).append(value)
        return Asked(texts, files, upload)
    if upload is not None:
        return Asked(None, None, upload)
    plain = any(name.lower() == "content-type" and "json" not in value for name, value in headers.items())
    return Asked(read(body or "-", as_json=not plain))


def _each(value: Upload | Sequence[Upload]) -> Sequence[Upload]:
    return (value,) if isinstance(value, Upload) else value


def read(body: str, *, as_json: bool = True) -> bytes:
    """The bytes that the argument names; typer.BadParameter unless they are JSON, where that is what is sent."""
    try:
        if body == "-":
            content = sys.stdin.buffer.read()
        else:
            content = Path(body[1:]).read_bytes() if body.startswith("@") else body.encode()
        if as_json:
            msgspec.json.decode(content)
    except OSError as e:
        raise typer.BadParameter(f"{body[1:]} cannot be read: {e.strerror}") from e
    except msgspec.DecodeError as e:
        raise typer.BadParameter(f"not JSON: {e}") from e
    return content


def file_field(yard: Client, service: Service, path: str) -> str:
    """The one form field of type file that the service's model declares for this path; "" if it declares none."""
    for model_id in dict.fromkeys(variant.model_id for variant in service.config):
        try:
            apis = msgspec.json.decode(str(yard.models.get(model_id).raw.get("apis") or "[]"))
        except (ApiError, msgspec.DecodeError):  # a mere caller may not ask; the file goes as it is
            continue
        if names := declared(apis, path):
            return names[0]
    return ""


def declared(apis: object, path: str) -> list[str]:
    """Fields of type file, by the `apis` of a package (contract §3).

    >>> image = {"type": "object", "properties": {"images": {"type": "file"}, "size": {"type": "integer"}}}
    >>> api = {"url": "/", "request": {"Content-type": "multipart/form-data", "data": image}}
    >>> declared([api], ""), declared([api], "/other"), declared(None, "")
    (['images'], [], [])
    """
    names: list[str] = []
    for api in apis if isinstance(apis, list) else ():
        request = api.get("request") if isinstance(api, dict) else None
        if not isinstance(request, dict) or str(api.get("url") or "/").strip("/") != path.strip("/"):
            continue
        kind = next((str(value) for name, value in request.items() if name.lower() == "content-type"), "")
        data = request.get("data")
        properties = data.get("properties") if isinstance(data, dict) else None
        if kind.lower().startswith(FORM) and isinstance(properties, dict):
            names += [
                name for name, one in properties.items() if isinstance(one, dict) and one.get("type") == "file"
            ]
    return names


def _service(yard: Client, key: str) -> Service:
    """An address is taken as it is: who may only call a service may not look it up."""
    if key.startswith(ADDRESS):
        return Service(service_id="", service_name=key, status="", access_address=key.rstrip("/"))
    return yard.services.find(key)


def _near(service: Service) -> Service:
    """Asked on the server itself, whose data directory told who to speak for, it is called at the gateway there:
    the public name and its certificate are for others, and need not be known here."""
    spoken = spoken_for.get()
    near = spoken.credentials.gateway_url.rstrip("/") if spoken else ""
    _, infers, path = service.access_address.partition(INFERS)
    if not near or not service.service_id or not infers:
        return service
    return replace(service, access_address=f"{near}{INFERS}{path}")


def _spelled(key: str, data_dir: Path | None) -> str:
    """The service as another command names it: an address ends in the service's id."""
    if key.startswith(ADDRESS):
        key = key.rstrip("/").rpartition("/infers/")[2].partition("/")[0]
    options = [] if data_dir is None or DATA_DIR_VARIABLE in os.environ else ["--data-dir", str(data_dir)]
    options += ["--profile", name] if (name := chosen_profile.get()) else []
    return shlex.join([key, *options])


def _print(answer: Answer, output: Path | None) -> bool:
    """Whether the answer was a good one to its end."""
    kind = answer.content_type.partition(";")[0].strip().lower()
    if output is not None:
        with _writing(output) as out:
            for piece in answer.chunks():
                out.write(piece)
        return True
    if kind == EVENTS:
        return _print_events(answer)
    value = answer.value()
    if isinstance(value, bytes):
        if sys.stdout.isatty():
            errors.print(f"the answer is {kind} of {len(value)} bytes: --output FILE keeps it")
            return True
        sys.stdout.buffer.write(value)
        sys.stdout.buffer.flush()
    elif isinstance(value, str) and not kind.endswith("json"):
        typer.echo(value)
    else:
        print_json(value)
    return True


def _print_events(answer: Answer) -> bool:
    good = True
    for event in answer.events():
        if event.event == "error":
            good = False
            errors.print(f"error: {event.data}")
            if hint := trace_advice(event.data, asked_of.get()):
                errors.print(hint)
        else:
            sys.stdout.write(event.data + "\n")
            sys.stdout.flush()
    return good


@contextmanager
def _writing(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("wb") as out:
            yield out
    except OSError as e:
        raise typer.BadParameter(f"{path} cannot be written: {e.strerror}") from e


def _upload(path: Path) -> Upload:
    try:
        return Upload.of(path)
    except OSError as e:
        raise typer.BadParameter(f"{path} cannot be read: {e.strerror}") from e


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise typer.BadParameter(f"{text!r} is not NAME:VALUE")
    return name.strip(), value.strip()
