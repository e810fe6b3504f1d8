"""`modelyard predict SERVICE [JSON|@FILE]`"""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from modelyard.cli.context import DataDir, ServiceKey, connect, print_json


def predict(
    service: ServiceKey,
    body: Annotated[
        str, typer.Argument(metavar="[JSON|@FILE|-]", help="What to ask; - reads standard input.")
    ] = "-",
    path: Annotated[str, typer.Option(help="Path below the service's address.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Ask a model and print its answer."""
    content = read(body)
    with connect(data_dir) as yard:
        answer = yard.predict(yard.services.find(service), content, path=path)
    print_json(answer)


def read(body: str) -> bytes:
    """The bytes that the argument names; typer.BadParameter unless they are JSON."""
    try:
        if body == "-":
            content = sys.stdin.buffer.read()
        else:
            content = Path(body[1:]).read_bytes() if body.startswith("@") else body.encode()
        msgspec.json.decode(content)
    except OSError as e:
        raise typer.BadParameter(f"{body[1:]} cannot be read: {e.strerror}") from e
    except msgspec.DecodeError as e:
        raise typer.BadParameter(f"not JSON: {e}") from e
    return content
