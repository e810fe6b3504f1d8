"""customize_service.py as its authors write it: base classes, constructors, imports, steps."""

import asyncio
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard_runtime.errors import LoadError
from modelyard_runtime.loading.loader import describe, load
from modelyard_runtime.loading.script import constructor_arguments
from modelyard_runtime.loading.tensorflow1 import _is_older
from modelyard_runtime.model import Model
from modelyard_runtime.settings import Settings


@pytest.fixture(autouse=True)
def clean_imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "path_hooks", [*sys.path_hooks])
    yield
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("customize_service", "sibling", "log", "mms"):
            del sys.modules[name]


def package(directory: Path, script: str, files: dict[str, str] | None = None, **config: Any) -> Settings:
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "customize_service.py").write_text(textwrap.dedent(script))
    for name, content in (files or {}).items():
        (directory / name).write_text(content)
    return Settings(model_dir=directory, model_name="iris", model_version="1.0.0", port=0)


def predict(model: Model, data: Any) -> Any:
    assert model.predict is not None
    return model.predict(data)


CONSTRUCTORS = {
    "tensorflow": ("tfserving_model_service", "TfServingBaseService", "self, model_name, model_path", "."),
    "pytorch": ("pytorch_model_service", "PTServingBaseService", "self, model_name, model_path", "net.pth"),
    "mxnet": ("mxnet_model_service", "MXNetBaseService", "self, model_name, model_path", "."),
    "machine learning": ("python_model_service", "XgSklServingBaseService", "self, model_path", "net.pth"),
    "plain": ("model_service", "SingleNodeService", "self, model_name, model_path", "."),
    "plain, one argument": ("model_service", "SingleNodeService", "self, model_path", "."),
}


@pytest.mark.parametrize("case", CONSTRUCTORS)
def test_constructor(tmp_path: Path, case: str) -> None:
    module, base, parameters, expected = CONSTRUCTORS[case]
    script = f"""
        from model_service.{module} import {base}
        class Service({base}):
            def __init__({parameters}):
                self.seen = model_path, locals().get("model_name")
            def inference(self, data):
                return self.seen
    """
    model = load(package(tmp_path, script, {"net.pth": ""}, model_file="net.pth"))
    path, name = predict(model, {})
    assert Path(path) == tmp_path / expected
    assert name == ("iris" if "model_name" in parameters else None)


ONE, BOTH = "XgSklServingBaseService", "SingleNodeService"
SIGNATURES = {
    "args and kwargs": (BOTH, "*args, **kwargs", ("iris", ".")),
    "args": (BOTH, "*args", ("iris", ".")),
    "kwargs": (BOTH, "**kwargs", ("iris", ".")),
    "name and args": (BOTH, "model_name, *args", ("iris", ".")),
    "name and kwargs": (BOTH, "model_name, **kwargs", ("iris", ".")),
    "of one": (ONE, "*args, **kwargs", ("", "net.pth")),
    "kwargs of one": (ONE, "**kwargs", ("", "net.pth")),
    "path and kwargs of one": (ONE, "model_path, **kwargs", ("", "net.pth")),
    "only by name": (BOTH, "*, model_name, model_path", ("iris", ".")),
    "path by name": (ONE, "*, model_path", ("", "net.pth")),
    "path and an option": (ONE, "model_path, threads=4", ("", "net.pth")),
    "the other way round": (BOTH, "model_path, model_name", ("iris", ".")),
    "other names": (BOTH, "a, b, c=3", ("iris", ".")),
    "defaults": (BOTH, "model_name='', model_path=''", ("iris", ".")),
}


@pytest.mark.parametrize("case", SIGNATURES)
def test_the_signature_decides_what_a_constructor_gets(tmp_path: Path, case: str) -> None:
    base, parameters, (name, path) = SIGNATURES[case]
    passed = ", ".join(p.split("=")[0].strip() for p in parameters.split(",") if p.strip() != "*")
    body = f"super().__init__({passed})"
    if parameters.startswith("*, "):
        body = f"super().__init__({', '.join(f'{p}={p}' for p in passed.split(', '))})"
    if case == "path and an option":
        body = "super().__init__(model_path)"
    if case == "the other way round":
        body = "super().__init__(model_name, model_path)"
    if case == "other names":
        body = "super().__init__(a, b)"
    script = f"""
        from model_service.model_service import SingleNodeService
        from model_service.python_model_service import XgSklServingBaseService
        class Service({base}):
            def __init__(self, {parameters}):
                {body}
            def inference(self, data):
                return self.model_name, self.model_path
    """
    model = load(package(tmp_path, script, {"net.pth": ""}, model_file="net.pth"))
    assert predict(model, {}) == (name, str(tmp_path / path))


@pytest.mark.parametrize(
    ("parameters", "got"),
    [
        pytest.param("model_name", ["iris"], id="the name alone"),
        pytest.param("path, model_name", ["/m", "iris"], id="a path before the name"),
        pytest.param("model_path, name", ["/m", "iris"], id="a name behind the path"),
        pytest.param("model_path, threads=4", ["/m", 4], id="an option behind the path"),
        pytest.param("model_name, path=None", ["iris", "/m"], id="a path with a default"),
        pytest.param("ctx=None, model_name=None, model_path=None", [None, "iris", "/m"], id="behind another"),
        pytest.param("model_name, ctx=None, model_path=None", ["iris", None, "/m"], id="something else between"),
        pytest.param("ctx=1, model_path=2, /, more=3", [1, "/m", 3], id="only by position"),
        pytest.param("path, *, model_name", ["/m", "iris"], id="one of them by name"),
        pytest.param("a=None, b=None, model_path=None", [None, None, "/m"], id="options first"),
    ],
)
def test_names_come_first_wherever_they_stand_then_the_order(parameters: str, got: list[Any]) -> None:
    names = [each.split("=")[0].strip() for each in parameters.split(",") if each.strip() not in "*/"]
    made: dict[str, Any] = {}
    exec(f"class S:\n    def __init__(self, {parameters}):\n        self.got = [{', '.join(names)}]", made)
    arguments, named = constructor_arguments(made["S"], "iris", Path("/m"))
    assert made["S"](*arguments, **named).got == got


@pytest.mark.parametrize(
    ("config", "path"),
    [
        pytest.param({"model_type": "Custom"}, ".", id="custom"),
        pytest.param({}, ".", id="none"),
        pytest.param({"model_type": "MindSpore"}, ".", id="mindspore"),
        pytest.param({"model_type": "PyTorch"}, "net.pth", id="pytorch"),
        pytest.param({"model_type": "Scikit_Learn"}, "net.pth", id="scikit-learn"),
    ],
)
def test_no_word_of_a_script_changes_its_model_path(tmp_path: Path, config: dict[str, str], path: str) -> None:
    script = """
        import os
        from model_service.model_service import SingleNodeService
        class Service(SingleNodeService):
            "os.path.dirname(model_path) tf.Session saved_model.loader json.loads(data)"
            def inference(self, data):
                return self.model_path, os.path.dirname(self.model_path)
    """
    model = load(package(tmp_path, script, {"net.pth": ""}, model_file="net.pth", **config))
    assert predict(model, {})[0] == str(tmp_path / path)


LOADS = {
    "json.loads": ("import json", "return json.loads(data)", True),
    "under a name": ("import json as j", "return j.loads(data, object_pairs_hook=dict)", True),
    "by its name": ("from json import loads", "return loads(data)", True),
    "inside": ("", "import json; return json.loads(data)", True),
    "after a look": ("import json", "return json.loads(data) if isinstance(data, str) else data", True),
    "pickle": ("import pickle", "return pickle.loads(data)", False),
    "in a text": ("import json", "'json.loads(data)'; return data", False),
    "of a part": ("import json", "return json.loads(data['text'])", False),
    "after a use": ("import json", "data = data['text']; return json.loads(data)", False),
    "of another": ("import json", "x = data; return json.loads(x)", False),
}


@pytest.mark.parametrize("case", LOADS)
def test_whether_a_script_parses_the_text_is_a_fact_of_its_syntax(tmp_path: Path, case: str) -> None:
    head, body, wants_text = LOADS[case]
    script = f"""
{head}
from model_service.model_service import SingleNodeService
class Service(SingleNodeService):
    def _preprocess(self, data):
        {body}
"""
    assert load(package(tmp_path, script)).wants_text is wants_text


def test_a_script_of_coroutines_that_parses_gets_the_text_too(tmp_path: Path) -> None:
    script = """
        import json
        from model_service.model_service import SingleNodeService
        class Service(SingleNodeService):
            async def _preprocess(self, data):
                return json.loads(data)
    """
    model = load(package(tmp_path, script))
    assert (model.predict, model.wants_text) == (None, True)


@pytest.mark.parametrize(
    ("text", "older"),
    [
        pytest.param("import tensorflow as tf\ntf.Session()", True, id="session"),
        pytest.param("import tensorflow\ntensorflow.saved_model.loader.load()", True, id="loader"),
        pytest.param("import tensorflow as tf\n# tf.Session", False, id="comment"),
        pytest.param("import tensorflow as tf\nx = 'saved_model.loader'", False, id="text"),
        pytest.param("tf = 1\ntf.Session", False, id="another tf"),
    ],
)
def test_whether_a_script_is_older_is_a_fact_of_its_syntax(tmp_path: Path, text: str, older: bool) -> None:
    (tmp_path / "s.py").write_text(text)
    assert _is_older(tmp_path / "s.py") is older


STEPS = {
    "none": ("pass", 1),
    "preprocess": ("def _preprocess(self, data): return data + 1", 2),
    "inference": ("def _inference(self, data): return data * 10", 10),
    "postprocess": ("def _postprocess(self, data): return [data]", [1]),
    "two": ("def _preprocess(self, d): return d + 1\n    def _postprocess(self, d): return [d]", [2]),
    "inference itself": ("def inference(self, data): return 'mine'", "mine"),
}


@pytest.mark.parametrize("case", STEPS)
def test_any_subset_of_the_steps(tmp_path: Path, case: str) -> None:
    body, expected = STEPS[case]
    script = (
        f"from model_service.model_service import SingleNodeService\nclass S(SingleNodeService):\n    {body}\n"
    )
    assert predict(load(package(tmp_path, script)), 1) == expected


def test_coroutine_steps(tmp_path: Path) -> None:
    script = """
        from model_service.model_service import SingleNodeService
        class S(SingleNodeService):
            def _preprocess(self, data): return data + 1
            async def _inference(self, data): return data * 10
    """
    model = load(package(tmp_path, script))
    assert model.predict is None
    assert model.predict_async is not None

    async def call() -> Any:
        assert model.predict_async is not None
        return await model.predict_async(1)

    assert asyncio.run(call()) == 20


def test_imports_as_published(tmp_path: Path) -> None:
    script = """
        import log
        import sibling
        from .sibling import ANSWER
        from mms.model_service.mxnet_model_service import MXNetBaseService
        logger = log.getLogger(__name__)
        class S(MXNetBaseService):
            def _inference(self, data): return [ANSWER, sibling.ANSWER]
    """
    assert predict(load(package(tmp_path, script, {"sibling.py": "ANSWER = 42"})), {}) == [42, 42]
    assert not list(tmp_path.rglob("__pycache__")), "a package is a snapshot: nothing is written into it"


def test_the_older_machine_learning_script_gets_text_and_returns_a_list(tmp_path: Path) -> None:
    script = """
        import json
        from model_service.python_model_service import XgSklServingBaseService
        class user_Service(XgSklServingBaseService):
            def _preprocess(self, data):
                json_data = json.loads(data, object_pairs_hook=dict)
                return [list(each.values()) for each in json_data["data"]["req_data"]]
            def _inference(self, data):
                return [sum(row) for row in data]
    """
    model = load(package(tmp_path, script))
    assert (model.wants_text, model.wraps_lists) == (True, True)
    assert predict(model, '{"data": {"req_data": [{"a": 1, "b": 2}]}}') == [{"predictresult": 3}]


def test_a_model_loaded_in_a_thread_is_waited_for(tmp_path: Path) -> None:
    script = """
        import threading
        from model_service.model_service import SingleNodeService
        class S(SingleNodeService):
            def __init__(self, model_name, model_path):
                threading.Thread(target=self.load).start()
            def load(self):
                threading.Event().wait(0.05)
                self.answer = 42
            def _inference(self, data): return self.answer
    """
    assert predict(load(package(tmp_path, script)), {}) == 42


HEAD = "from model_service.model_service import SingleNodeService\n"
FAILURES = {
    "syntax": ("def broken(:\n", r"syntax error in customize_service\.py, line 1"),
    "import": ("import no_such_thing\n", r"imports 'no_such_thing', which is not installed"),
    "top level": ("1 / 0\n", r"importing .* failed: ZeroDivisionError: division by zero .*line 1"),
    "no class": ("class Service: pass\n", "defines no class that derives from"),
    "two classes": (
        f"{HEAD}class A(SingleNodeService): pass\nclass B(SingleNodeService): pass\n",
        r"several services \(A, B\)",
    ),
    "constructor": (
        f"{HEAD}class A(SingleNodeService):\n    def __init__(self, model_path): open('/no/such/file')\n",
        r"A.__init__ .* failed: FileNotFoundError: .*/no/such/file.* \(customize_service.py, line 3\)",
    ),
    "arguments": (
        f"{HEAD}class A(SingleNodeService):\n    def __init__(self, a, b, c): pass\n",
        r"takes \(a, b, c\); expected",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_failures_name_their_cause(tmp_path: Path, case: str) -> None:
    script, cause = FAILURES[case]
    with pytest.raises(LoadError) as failure:
        load(package(tmp_path, script))
    line = describe(failure.value, tmp_path)
    assert "\n" not in line
    with pytest.raises(LoadError, match=cause):
        raise LoadError(line)


def test_a_thread_that_fails_to_load_is_a_failure(tmp_path: Path) -> None:
    script = """
        import threading
        from model_service.model_service import SingleNodeService
        class S(SingleNodeService):
            def __init__(self, model_name, model_path):
                threading.Thread(target=self.load).start()
            def load(self):
                raise OSError("no weights")
    """
    with pytest.raises(LoadError, match="OSError: no weights"):
        load(package(tmp_path, script))


def test_a_base_class_of_the_package_itself_is_not_the_service(tmp_path: Path) -> None:
    script = f"""{HEAD}
class Base(SingleNodeService): pass
class Leaf(Base):
    def _inference(self, d): return 'leaf'
"""
    assert predict(load(package(tmp_path, script)), {}) == "leaf"
