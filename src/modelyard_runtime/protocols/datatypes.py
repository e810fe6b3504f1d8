"""The datatypes of the Open Inference Protocol and what numpy calls them (KServe "Tensor Data Types").

BF16 has no numpy type: it travels in binary only, and is FP32 inside.
"""

from typing import Any

SIZES = {
    "BOOL": 1,
    "UINT8": 1,
    "UINT16": 2,
    "UINT32": 4,
    "UINT64": 8,
    "INT8": 1,
    "INT16": 2,
    "INT32": 4,
    "INT64": 8,
    "FP16": 2,
    "BF16": 2,
    "FP32": 4,
    "FP64": 8,
    "BYTES": 0,  # each element says its own
}
_NUMPY = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "BF16": "float32",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
}
_OPEN_INFERENCE = {name: datatype for datatype, name in _NUMPY.items() if datatype != "BF16"}


def numpy_dtype(datatype: str) -> Any:
    """Raises KeyError for what is no datatype."""
    import numpy as np

    return np.dtype(_NUMPY[datatype])


def datatype_of(dtype: Any) -> str:
    """Text of any kind is BYTES."""
    return _OPEN_INFERENCE.get(str(dtype), "BYTES")
