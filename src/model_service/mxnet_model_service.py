"""MXNet scripts: `model_path` is the model directory. (Older scripts import this as `mms.model_service…`.)

`_inference` runs the exported network (`NAME-symbol.json`, `NAME-0000.params`) unless the script replaces it: a
list of arrays, or a dict of arrays by input name, in; a list of arrays out. Never tried with MXNet itself, which
ended before the Python releases that this server needs.
"""

from pathlib import Path
from typing import Any, ClassVar

from model_service.model_service import SingleNodeService


class MXNetBaseService(SingleNodeService):
    takes_file: ClassVar[bool | None] = False

    def _inference(self, data: Any) -> Any:
        import mxnet  # type: ignore[import-not-found,unused-ignore]

        named = data if isinstance(data, dict) else None
        values = list(data.values()) if named is not None else list(data)
        network = self.__dict__.get("_network")
        if network is None:
            network = self.__dict__["_network"] = _load(mxnet, self.model_path, list(named or ["data"]))
        results = network(*(mxnet.nd.array(value) for value in values))
        return [each.asnumpy() for each in (results if isinstance(results, (list, tuple)) else [results])]


def _load(mxnet: Any, model_path: str, inputs: list[str]) -> Any:
    symbols = sorted(Path(model_path).glob("*-symbol.json"))
    if not symbols:
        raise FileNotFoundError(f"no *-symbol.json in {model_path}")
    name = symbols[0].name.removesuffix("-symbol.json")
    weights = sorted(Path(model_path).glob(f"{name}-*.params"))
    return mxnet.gluon.SymbolBlock.imports(str(symbols[0]), inputs, str(weights[-1]) if weights else None)
