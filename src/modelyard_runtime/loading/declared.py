"""What the model server reads of config.json, and what is wrong with it: the same words before publishing and when
the model is loaded. Imports nothing that checking a package must not import."""

from collections.abc import Iterator, Mapping
from typing import Any

from modelyard_runtime.errors import LoadError
from modelyard_runtime.loading.package import Package
from modelyard_runtime.loading.websocket import bounds
from modelyard_runtime.model import Limits, Tensor

MAX_THREADS = 1024


def wrong(package: Package) -> Iterator[tuple[str, str]]:
    """(field, what is wrong with it)."""
    readers = {
        "threads": threads,
        "batching": _batching,
        "inputs": _inputs,
        "outputs": _outputs,
        "websocket": _websocket,
    }
    for field, read in readers.items():
        try:
            read(package)
        except LoadError as error:
            yield field, str(error).removeprefix(f"config.json: {field} ")


def threads(package: Package) -> int:
    """How many predictions may run at a time. Raises LoadError."""
    value = package.config.get("threads")
    try:
        count = 1 if value is None else int(value) if isinstance(value, str | int) else 0
    except ValueError:
        count = 0
    if isinstance(value, bool) or not 1 <= count <= MAX_THREADS:
        raise LoadError(f"config.json: threads must be an integer from 1 to {MAX_THREADS}, not {value!r}")
    return count


def tensors(package: Package, key: str) -> tuple[Tensor, ...]:
    """`"inputs": [{"name", "datatype", "shape"}]` of config.json. Raises LoadError."""
    value = package.config.get(key)
    try:
        declared = tuple(
            Tensor(str(each["name"]), str(each.get("datatype", "FP32")), tuple(map(_size, each.get("shape", ()))))
            for each in (value or ())
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        declared = None
    if declared is None or not isinstance(value, list | None):
        raise LoadError(f'config.json: {key} must be a list of {{"name", "datatype", "shape"}}')
    return declared


def limits(value: Any) -> Limits | None:
    """What `batching` of config.json says; None when it is off. Raises LoadError."""
    if value is False or value == "off":
        return None
    if value is None or value is True or value == "auto":
        return Limits()
    if not isinstance(value, Mapping):
        raise LoadError(f'config.json: batching must be true, false, "auto" or an object, not {value!r}')
    unknown = sorted(set(value) - {"max_batch_size", "max_delay_ms", "max_wait_s", "mode"})
    if unknown:
        raise LoadError(f"config.json: batching does not know {', '.join(unknown)}")
    usual = Limits()
    return Limits(
        max_size=int(_number(value, "max_batch_size", usual.max_size, least=1)),
        max_delay_s=_number(value, "max_delay_ms", usual.max_delay_s * 1000, least=0) / 1000,
        max_wait_s=_number(value, "max_wait_s", usual.max_wait_s, least=0.001),
        stated="max_batch_size" in value,
    )


def _number(value: Mapping[str, Any], name: str, default: float, *, least: float) -> float:
    given = value.get(name, default)
    try:
        number = float(given)
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if isinstance(given, bool) or not least <= number < float("inf"):
        raise LoadError(f"config.json: batching.{name} must be a number of at least {least:g}, not {given!r}")
    return number


def _size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(value)
    return value


def _inputs(package: Package) -> None:
    tensors(package, "inputs")


def _outputs(package: Package) -> None:
    tensors(package, "outputs")


def _batching(package: Package) -> None:
    limits(package.config.get("batching"))


def _websocket(package: Package) -> None:
    bounds(package.config.get("websocket"))
