"""Scripts of each framework, in the manner of the public user guide: images in a form, only some of the steps.

TensorFlow, PyTorch, scikit-learn and XGBoost are the real ones, where they are installed. Caffe, MXNet and Spark
cannot be had here: their stand-ins show what the base classes call, and prove nothing about the real ones.
"""

import importlib.util
import io
import json
import sys
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelyard_runtime.loading.loader import load
from modelyard_runtime.protocols.modelarts import ModelArts
from modelyard_runtime.protocols.plane import Plane
from modelyard_runtime.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore")  # of the frameworks, which are not ours to mend

BOUNDARY = "x-boundary"


def needs(framework: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(framework) is None
    return pytest.mark.skipif(missing, reason=f"NOT PROVEN HERE: needs {framework}, which is not installed")


@pytest.fixture(autouse=True)
def clean_imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "path_hooks", [*sys.path_hooks])
    yield
    for name in ("customize_service", "log", "mms", "mms.model_service"):
        sys.modules.pop(name, None)


def plane(directory: Path, script: str, **config: Any) -> Plane:
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "customize_service.py").write_text(textwrap.dedent(script))
    return Plane(ModelArts(load(Settings(directory, "mnist", "1.0.0", port=0)), "mnist"))


def picture(seed: int) -> bytes:
    from PIL import Image

    pixels = np.random.default_rng(seed).integers(0, 255, (28, 28), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def ask(served: Plane, files: dict[str, bytes]) -> Any:
    """Posts a form as curl -F does."""
    parts = [
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{field}"; filename="{field}.png"\r\n'
        "content-type: image/png\r\n\r\n".encode()
        + content
        + b"\r\n"
        for field, content in files.items()
    ]
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    reply = served.answer(body, lambda _: f"multipart/form-data; boundary={BOUNDARY}")
    assert reply.status == 200, reply.body
    assert isinstance(reply.body, bytes)
    return json.loads(reply.body)


def pixels(content: bytes) -> Any:
    from PIL import Image

    return np.array(Image.open(io.BytesIO(content)), dtype=np.float32)


TENSORFLOW = """
    from PIL import Image
    import numpy as np
    from model_service.tfserving_model_service import TfServingBaseService

    class Digits(TfServingBaseService):
        def _preprocess(self, data):
            found = {}
            for field, files in data.items():
                for name, file in files.items():
                    image = np.array(Image.open(file), dtype=np.float32)
                    image.resize((1, 784))
                    found[field] = image
            return found

        def _postprocess(self, data):
            return {"digits": [row.index(max(row)) for rows in data.values() for row in rows]}
"""

TENSORFLOW_1 = """
    import threading
    import numpy as np
    import tensorflow as tf
    from PIL import Image
    from model_service.tfserving_model_service import TfServingBaseService

    class Digits(TfServingBaseService):
        def __init__(self, model_name, model_path):
            self.model_path = model_path
            self.inputs, self.outputs = {}, {}
            threading.Thread(target=self.restore).start()

        def restore(self):
            self.session = tf.Session(graph=tf.Graph())
            tag = tf.saved_model.tag_constants.SERVING
            meta = tf.saved_model.loader.load(self.session, [tag], self.model_path)
            signature = meta.signature_def["serving_default"]
            tensor = self.session.graph.get_tensor_by_name
            self.inputs = {name: tensor(info.name) for name, info in signature.inputs.items()}
            self.outputs = {name: tensor(info.name) for name, info in signature.outputs.items()}

        def _preprocess(self, data):
            (files,) = data.values()
            (file,) = files.values()
            return {"images": np.array(Image.open(file), dtype=np.float32).reshape(1, 784)}

        def _inference(self, data):
            return self.session.run(self.outputs, {self.inputs[name]: value for name, value in data.items()})

        def _postprocess(self, data):
            return {"digits": [np.argmax(row) for rows in data.values() for row in rows]}
"""


@needs("tensorflow")
@pytest.mark.parametrize(
    ("script", "signature"),
    [
        pytest.param(TENSORFLOW, "serving_default", id="only pre and post"),
        pytest.param(TENSORFLOW, "predict_images", id="the only signature, of any name"),
        pytest.param(TENSORFLOW_1, "serving_default", id="a session of TensorFlow 1, in a thread"),
    ],
)
def test_tensorflow(tmp_path: Path, script: str, signature: str) -> None:
    import tensorflow as tf

    weights = np.random.default_rng(1).normal(size=(784, 10)).astype(np.float32)
    module = tf.Module()
    module.weights = tf.Variable(weights)
    spec = tf.TensorSpec([None, 784], tf.float32, name="images")
    run = tf.function(lambda images: {"scores": images @ module.weights}, input_signature=[spec])
    tf.saved_model.save(module, str(tmp_path), signatures={signature: run})
    served = plane(tmp_path, script, model_type="TensorFlow")
    for seed in range(6):
        expected = int(np.argmax(pixels(picture(seed)).reshape(1, 784) @ weights))
        assert ask(served, {"images": picture(seed)}) == {"digits": [expected]}


PYTORCH = """
    import json
    import os
    import log
    import numpy as np
    import torch
    from PIL import Image
    from model_service.pytorch_model_service import PTServingBaseService

    logger = log.getLogger(__name__)

    class Digits(PTServingBaseService):
        def __init__(self, model_name, model_path):
            super(Digits, self).__init__(model_name, model_path)
            self.model = torch.nn.Linear(784, 10)
            self.model.load_state_dict(torch.load(model_path, map_location="cpu"))
            self.model.eval()
            beside = os.path.dirname(os.path.realpath(self.model_path))
            with open(os.path.join(beside, "label.json")) as file:
                self.label = json.load(file)

        def _preprocess(self, data):
            return {
                field: torch.stack([self.pixels(file) for file in files.values()])
                for field, files in data.items()
            }

        def pixels(self, file):
            return torch.tensor(np.array(Image.open(file), dtype=np.float32).ravel())

        def _postprocess(self, data):
            return [{field: self.label[torch.argmax(value[0])]} for field, value in data.items()]
"""


@needs("torch")
def test_pytorch(tmp_path: Path) -> None:
    import torch

    network = torch.nn.Linear(784, 10)
    torch.save(network.state_dict(), tmp_path / "mnist.pt")
    (tmp_path / "label.json").write_text(json.dumps([f"digit {n}" for n in range(10)]))
    served = plane(tmp_path, PYTORCH, model_type="PyTorch")
    for seed in range(6):
        expected = int(torch.argmax(network(torch.tensor(pixels(picture(seed)).ravel()))))
        assert ask(served, {"images": picture(seed)}) == [{"images": f"digit {expected}"}]


MACHINE_LEARNING = (
    "from model_service.python_model_service import XgSklServingBaseService as Base\nclass S(Base): pass\n"
)


@pytest.mark.parametrize("framework", ["sklearn", "xgboost", "xgboost in its own format"])
def test_machine_learning_without_a_step_of_its_own(tmp_path: Path, framework: str) -> None:
    import joblib
    import xgboost
    from sklearn.datasets import load_iris
    from sklearn.tree import DecisionTreeClassifier

    x, y = load_iris(return_X_y=True)
    rows = x[::50]
    if framework == "sklearn":
        tree = DecisionTreeClassifier(random_state=1).fit(x, y)
        joblib.dump(tree, tmp_path / "model.m")
        expected = tree.predict(rows)
    else:
        booster = xgboost.train({}, xgboost.DMatrix(x, y), num_boost_round=3)
        expected = booster.predict(xgboost.DMatrix(rows))
        if framework == "xgboost":
            joblib.dump(booster, tmp_path / "model.m")
        else:
            booster.save_model(tmp_path / "model.json")
    served = plane(tmp_path, MACHINE_LEARNING, model_type="XGBoost")
    body = {"data": {"req_data": [dict(zip("abcd", row.tolist(), strict=True)) for row in rows]}}
    reply = served.answer(json.dumps(body).encode(), lambda _: "")
    status, answer = reply.status, reply.body
    assert status == 200, answer
    found = [row["predictresult"] for row in json.loads(bytes(answer))["data"]["resp_data"]]  # type: ignore[arg-type]
    assert found == pytest.approx(expected.tolist())


def stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **names: Any) -> None:
    module = types.ModuleType(name)
    vars(module).update(names)
    monkeypatch.setitem(sys.modules, name, module)


def test_caffe_by_a_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, ...]] = []

    class Net:
        def __init__(self, prototxt: str, weights: str, phase: int) -> None:
            made.append((Path(prototxt).name, Path(weights).name, str(phase)))
            self.blobs = {"data": types.SimpleNamespace(data=np.zeros((1, 1, 28, 28)))}

        def forward(self) -> dict[str, Any]:
            return {"prob": np.array([[0.1, self.blobs["data"].data.sum()]])}

    stand_in(monkeypatch, "caffe", Net=Net, TEST=1)
    script = """
        from model_service.caffe_model_service import CaffeBaseService
        import numpy as np
        from PIL import Image

        class Lenet(CaffeBaseService):
            def __init__(self, model_name, model_path):
                super(Lenet, self).__init__(model_name, model_path)
            def _preprocess(self, data):
                for files in data.values():
                    for file in files.values():
                        self.net.blobs["data"].data[...] = np.array(Image.open(file))
                        return
            def _postprocess(self, data):
                return {"predicted": str(np.argmax(data["prob"][0, :]))}
    """
    for name in ("lenet_train_test.prototxt", "lenet_deploy.prototxt", "lenet.caffemodel"):
        (tmp_path / name).touch()
    served = plane(tmp_path, script, model_type="Caffe")
    assert ask(served, {"image": picture(1)}) == {"predicted": "1"}
    assert made == [("lenet_deploy.prototxt", "lenet.caffemodel", "1")]


def test_mxnet_by_a_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Array:
        def __init__(self, value: Any) -> None:
            self.value = np.array(value)

        def asnumpy(self) -> Any:
            return self.value

    class SymbolBlock:
        @staticmethod
        def imports(symbol: str, inputs: list[str], params: str) -> Any:
            assert (Path(symbol).name, inputs, Path(params).name) == (
                "net-symbol.json",
                ["data"],
                "net-0003.params",
            )
            return lambda x: Array(x.value * 2)

    gluon, nd = types.SimpleNamespace(SymbolBlock=SymbolBlock), types.SimpleNamespace(array=Array)
    stand_in(monkeypatch, "mxnet", gluon=gluon, nd=nd)
    script = """
        from mms.model_service.mxnet_model_service import MXNetBaseService
        class S(MXNetBaseService):
            def _preprocess(self, data): return [data["rows"]]
    """
    for name in ("net-symbol.json", "net-0001.params", "net-0003.params"):
        (tmp_path / name).touch()
    served = plane(tmp_path, script, model_type="MXNet")
    assert served.answer(b'{"rows": [[1, 2]]}', lambda _: "").body == b"[[[2,4]]]"


def test_spark_by_a_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = types.SimpleNamespace(builder=types.SimpleNamespace(getOrCreate=lambda: "the session"))
    stand_in(monkeypatch, "pyspark")
    stand_in(monkeypatch, "pyspark.sql", SparkSession=session)
    script = """
        from model_service.spark_model_service import SparkServingBaseService
        class S(SparkServingBaseService):
            def _inference(self, data): return {"spark": self.spark, "path": self.model_path}
    """
    served = plane(tmp_path, script, model_file="model")
    assert json.loads(bytes(served.answer(b"{}", lambda _: "").body)) == {  # type: ignore[arg-type]
        "spark": "the session",
        "path": str(tmp_path / "model"),
    }
