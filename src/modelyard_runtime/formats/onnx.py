"""ONNX models, run by onnxruntime on the CPU (or what else of it is installed)."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelyard_runtime.errors import LoadError, needs
from modelyard_runtime.formats.networks import Network
from modelyard_runtime.model import Tensor
from modelyard_runtime.stopwatch import Stopwatch

_DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
    "seq(map(int64,tensor(float)))": "FP32",  # what converted classifiers call probabilities
    "seq(map(string,tensor(float)))": "FP32",
}


def load_onnx(path: Path, watch: Stopwatch) -> Network:
    """Raises LoadError."""
    with watch.importing():
        try:
            import onnxruntime  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError as error:
            raise LoadError(needs(path.name, "onnxruntime")) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads(os.environ, len(os.sched_getaffinity(0)))
    if os.environ.get("MODELYARD_BATCH"):
        # Threads that wait for the next call in a loop take the cores of the other workers.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=onnxruntime.get_available_providers()
        )
    except Exception as error:
        raise LoadError(f"{path.name} is not an ONNX model: {type(error).__name__}: {error}") from error
    outputs = tuple(_tensor(each) for each in session.get_outputs())
    names = [each.name for each in outputs]

    def run(given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: _array(value) for name, value in zip(names, session.run(names, dict(given)), strict=True)}

    refused = onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument
    inputs = tuple(_tensor(each) for each in session.get_inputs())
    return Network("onnx_onnxruntime", inputs, outputs, run, faults=(ValueError, IndexError, refused))


def threads(environment: Mapping[str, str], cores: int) -> int:
    """Of one call: as many as pools of threads are told to have, which is what the specification of the instance
    or whoever deployed it says (onnxruntime itself does not ask), and no more than there are cores."""
    said = environment.get("OMP_NUM_THREADS", "")
    return min(int(said), cores) if said.isdecimal() and int(said) else cores


def _tensor(declared: Any) -> Tensor:
    datatype = _DATATYPES.get(declared.type)
    if datatype is None:
        raise LoadError(f"{declared.name} is a {declared.type}, which has no counterpart in a request")
    if declared.type.startswith("seq("):
        return Tensor(declared.name, datatype, (-1, -1))
    return Tensor(declared.name, datatype, tuple(s if isinstance(s, int) else -1 for s in declared.shape))


def _array(value: Any) -> Any:
    """A list of maps (class to probability, a row each) becomes a matrix in the order of the classes."""
    import numpy as np

    if isinstance(value, list) and value and isinstance(value[0], dict):
        classes = sorted(value[0])
        return np.array([[row[each] for each in classes] for row in value], dtype=np.float32)
    return np.asarray(value)
