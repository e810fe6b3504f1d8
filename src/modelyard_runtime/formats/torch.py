"""TorchScript and torch.export files, which hold the code of their network. (A state dict does not.)

Loading TorchScript runs no Python. Loading a torch.export file can: torch unpickles whatever constants the file
says are pickled.

TorchScript runs on a card where the instance was granted one. What torch.export saved runs on the CPU: it is bound
to the devices that it was saved with.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelyard_runtime.errors import LoadError, needs
from modelyard_runtime.formats.networks import Network
from modelyard_runtime.loading import declared
from modelyard_runtime.loading.package import Package
from modelyard_runtime.model import Tensor
from modelyard_runtime.stopwatch import Stopwatch

_DATATYPES = {
    "torch.bool": "BOOL",
    "torch.uint8": "UINT8",
    "torch.int8": "INT8",
    "torch.int16": "INT16",
    "torch.int32": "INT32",
    "torch.int64": "INT64",
    "torch.float16": "FP16",
    "torch.bfloat16": "BF16",
    "torch.float32": "FP32",
    "torch.float64": "FP64",
}


def load_torchscript(path: Path, package: Package, watch: Stopwatch) -> Network:
    """A script knows no shapes and often no types: `inputs` of config.json may declare them, else FP32.

    Raises LoadError.
    """
    torch = _torch(path, watch)
    device = _device(torch)
    try:
        module = torch.jit.load(str(path), map_location=device).eval()
    except Exception as error:
        raise LoadError(f"{path.name} is not a TorchScript file: {type(error).__name__}: {error}") from error
    names = [a.name for a in module.forward.schema.arguments[1:] if not a.has_default_value()]
    known = _declared(package)
    inputs = tuple(known.get(name, Tensor(name, "FP32", ())) for name in names)
    return Network(
        "pytorch_torchscript", inputs, _outputs(package), _runner(torch, module, inputs, package, device)
    )


def load_exported(path: Path, package: Package, watch: Stopwatch) -> Network:
    """The program knows its inputs; a size that may vary is -1. Raises LoadError."""
    torch = _torch(path, watch)
    try:
        program = torch.export.load(str(path))
        module = program.module()
    except Exception as error:
        raise LoadError(f"{path.name} is not a torch.export file: {type(error).__name__}: {error}") from error
    wanted = program.graph_signature.user_inputs
    values = {n.name: n.meta.get("val") for n in program.graph.nodes if n.op == "placeholder" and n.name in wanted}
    inputs = tuple(_tensor(name, values[name]) for name in wanted)
    return Network("pytorch_export", inputs, _outputs(package), _runner(torch, module, inputs, package, "cpu"))


def _torch(path: Path, watch: Stopwatch) -> Any:
    with watch.importing():
        try:
            import torch  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError as error:
            raise LoadError(needs(path.name, "torch")) from error
    return torch


def _device(torch: Any) -> str:
    """The first card that this instance was granted. Of a part of one, no more than that part of its memory."""
    if not torch.cuda.is_available():
        return "cpu"
    if share := os.environ.get("MODELYARD_GPU_SHARE"):
        torch.cuda.set_per_process_memory_fraction(float(share))
    return "cuda"


def _runner(
    torch: Any, module: Any, inputs: Sequence[Tensor], package: Package, device: str
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    names = [each.name for each in _outputs(package)]

    def run(given: Mapping[str, Any]) -> dict[str, Any]:
        with torch.inference_mode():
            result = module(*(_to_torch(torch, given[each.name], each).to(device) for each in inputs))
        return {name: _to_numpy(torch, value) for name, value in _named(result, names).items()}

    return run


def _to_torch(torch: Any, array: Any, declared: Tensor) -> Any:
    import numpy as np

    tensor = torch.from_numpy(np.require(array, requirements=["C", "W"]))
    return tensor.to(torch.bfloat16) if declared.datatype == "BF16" else tensor


def _to_numpy(torch: Any, tensor: Any) -> Any:
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _named(result: Any, names: Sequence[str]) -> dict[str, Any]:
    """A dict names its own; others are `output`, or `output_0`, `output_1` … unless config.json names them."""
    if isinstance(result, dict):
        return {str(name): value for name, value in result.items()}
    if not isinstance(result, (list, tuple)):
        return {names[0] if names else "output": result}
    if len(names) != len(result):
        names = [f"output_{n}" for n in range(len(result))]
    return dict(zip(names, result, strict=True))


def _tensor(name: str, value: Any) -> Tensor:
    datatype = _DATATYPES.get(str(getattr(value, "dtype", "")))
    if datatype is None:
        raise LoadError(f"the input {name} is not a tensor that a request can carry")
    return Tensor(name, datatype, tuple(size if isinstance(size, int) else -1 for size in value.shape))


def _declared(package: Package) -> dict[str, Tensor]:
    """`"inputs": [{"name", "datatype", "shape"}]` of config.json."""
    return {each.name: each for each in declared.tensors(package, "inputs")}


def _outputs(package: Package) -> tuple[Tensor, ...]:
    return declared.tensors(package, "outputs") or (Tensor("output", "FP32", ()),)
