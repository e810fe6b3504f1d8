"""Tensors of the Open Inference Protocol to numpy arrays and back, as JSON and in binary.

Text (BYTES) is `str` inside, or `bytes` where it is not UTF-8. A null among floating-point numbers is NaN, and
NaN is null on the way out. (KServe: "Open Inference Protocol" and its "Binary Tensor Data Extension".)
"""

import struct
from typing import Any

from modelyard_runtime.errors import bad_input
from modelyard_runtime.protocols.datatypes import SIZES, datatype_of, numpy_dtype

MOST_AXES = 64  # of numpy's arrays


def array_of(tensor: Any, binary: memoryview | None) -> Any:
    """One entry of `inputs`; `binary` is its part of the body, if it has one. Raises RequestError (400)."""
    name, datatype, shape = _header(tensor)
    if binary is not None:
        array = _from_binary(name, datatype, binary)
    else:
        data = tensor.get("data")
        array = _from_json(name, datatype, [] if data is None and 0 in shape else data)
    count = 1
    for size in shape:
        count *= size
    if array.size != count:
        raise bad_input(f"{name} has {array.size} elements; its shape {shape} needs {count}.")
    return array.reshape(shape)


def binary_size(tensor: Any) -> int | None:
    """`parameters.binary_data_size`, None when the tensor is in the JSON."""
    parameters = tensor.get("parameters") if isinstance(tensor, dict) else None
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise bad_input(f"binary_data_size must be a number of bytes, not {size!r}.")
    return size


def as_json(name: str, array: Any) -> dict[str, Any]:
    """An entry of `outputs`, its data flat in row-major order."""
    datatype = datatype_of(array.dtype)
    data = array.reshape(-1).tolist()
    if datatype == "BYTES":
        data = [_text(name, each) for each in data]
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": data}


def as_binary(name: str, array: Any) -> tuple[dict[str, Any], bytes]:
    """An entry of `outputs`, and the bytes that follow the JSON: little-endian, row-major."""
    datatype = datatype_of(array.dtype)
    if datatype == "BYTES":
        parts = [_bytes(each) for each in array.reshape(-1).tolist()]
        raw = b"".join(struct.pack("<I", len(part)) + part for part in parts)
    else:
        raw = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    header = {"name": name, "datatype": datatype, "shape": list(array.shape)}
    return {**header, "parameters": {"binary_data_size": len(raw)}}, raw


def _header(tensor: Any) -> tuple[str, str, list[int]]:
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise bad_input("Each input must be an object with name, datatype, shape and data.")
    name, shape = tensor["name"], tensor.get("shape")
    datatype = str(tensor.get("datatype"))
    if datatype not in SIZES:
        raise bad_input(f"{name} has the datatype {datatype!r}; known are {', '.join(SIZES)}.")
    sizes: list[Any] = shape if isinstance(shape, list) else [None]
    if not all(isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in sizes):
        raise bad_input(f"{name} must have a shape, a list of sizes, not {shape!r:.200}.")
    if len(sizes) > MOST_AXES:
        raise bad_input(f"{name} has a shape of {len(sizes)} sizes; numpy takes at most {MOST_AXES}.")
    return name, datatype, sizes


def _from_json(name: str, datatype: str, data: Any) -> Any:
    import numpy as np

    if not isinstance(data, list):
        raise bad_input(f"{name} must have data, a list.")
    wanted = numpy_dtype(datatype)
    try:
        if datatype == "BYTES":
            flat = _flat(data)
            if not all(isinstance(each, str) for each in flat):
                raise TypeError("BYTES are strings in JSON")
            array = np.empty(len(flat), dtype=object)
            array[:] = flat
            return array
        array = np.array(data)
        if array.dtype.kind == wanted.kind == "f":
            return _in_range(array.astype(wanted, copy=False), datatype)
        if array.size and not (_suits(array.dtype.kind, wanted.kind) or _integers(data, wanted.kind)):
            raise TypeError(f"they are no {datatype}")
        made = np.array(data, dtype=wanted)
        return _in_range(made, datatype) if wanted.kind == "f" else made
    except (TypeError, ValueError, OverflowError) as error:
        raise bad_input(f"The data of {name} do not fit: {error}.") from None


def _in_range(made: Any, datatype: str) -> Any:
    """`made`, unless a number of it became an infinity: JSON has none. Raises OverflowError."""
    import numpy as np

    if np.isinf(made).any():
        raise OverflowError(f"a value is out of the range of {datatype}")
    return made


def _suits(given: str, wanted: str) -> bool:
    """Kinds of numpy: floating-point takes any number and null, integers and booleans only their own."""
    return given in {"f": "fiubO", "i": "iu", "u": "iu", "b": "b"}[wanted]


def _integers(data: list[Any], wanted: str) -> bool:
    """Integers that numpy by itself takes for floating-point numbers: some beyond 63 bits, others not."""
    return wanted in "iu" and all(type(each) is int for each in _flat(data))


def _flat(data: list[Any]) -> list[Any]:
    flat: list[Any] = []
    for each in data:
        if isinstance(each, list):
            flat.extend(_flat(each))
        else:
            flat.append(each)
    return flat


def _from_binary(name: str, datatype: str, raw: memoryview) -> Any:
    import numpy as np

    if datatype == "BYTES":
        return _unpacked(name, raw)
    if len(raw) % SIZES[datatype]:
        raise bad_input(f"{name} has {len(raw)} bytes, which is no multiple of {SIZES[datatype]}.")
    if datatype == "BF16":  # the upper half of a 32-bit number
        return (np.frombuffer(raw, dtype="<u2").astype("<u4") << 16).view("<f4").astype("float32")
    wanted = numpy_dtype(datatype)
    return np.frombuffer(raw, dtype=wanted.newbyteorder("<")).astype(wanted, copy=False)


def _unpacked(name: str, raw: memoryview) -> Any:
    import numpy as np

    elements: list[str | bytes] = []
    at = 0
    while at < len(raw):
        end = at + 4 + int.from_bytes(raw[at : at + 4], "little")
        if at + 4 > len(raw) or end > len(raw):
            raise bad_input(f"{name} is cut off: an element is longer than what is left.")
        element = bytes(raw[at + 4 : end])
        try:
            elements.append(element.decode())
        except UnicodeDecodeError:
            elements.append(element)
        at = end
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return array


def _text(name: str, value: Any) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise bad_input(f"{name} is not text: ask for it with binary_data.") from None


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
