"""What `modelyard check` says of a package without running any of it."""

import json
import pickle
from pathlib import Path

import pytest

from modelyard.artifacts import script
from modelyard.workshop.check import Level, check

GOOD = "from model_service.model_service import SingleNodeService\nclass M(SingleNodeService):\n    pass\n"


def package(root: Path, **files: str | bytes) -> Path:
    (root / "model").mkdir()
    for name, content in files.items():
        path = root / "model" / name.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def found(root: Path, level: Level, *, safe_only: bool = False) -> dict[str, str]:
    return {f.where: f.text for f in check(root, safe_only=safe_only).findings if f.level is level}


def test_a_sound_package(tmp_path: Path) -> None:
    config = json.dumps({"model_type": "Custom", "example": {}, "runtime": "python3"})
    report = check(package(tmp_path, customize_service__py=GOOD, config__json=config))
    assert (report.findings, report.sound) == ((), True)
    assert check(tmp_path / "model") == report


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    config = {
        "model_type": "Custom",
        "apis": [{"url": "x"}],
        "health": {"period_seconds": "often"},
        "dependencies": [{"packages": [{"package_name": "--pre"}]}],
        "runtime": "python2.7",
        "model_file": "gone.pkl",
    }
    package(tmp_path, customize_service__py="class M(:\n", helper__py="x = (", config__json=json.dumps(config))
    assert set(found(tmp_path, Level.ERROR)) == {
        "apis[0].url",
        "health.period_seconds",
        "dependencies[0].packages[0].package_name",
        "customize_service.py",
        "model_file",
    }
    assert set(found(tmp_path, Level.NOTE)) == {"runtime", "example"}


def test_a_package_with_a_command_is_sound_whatever_its_files_are(tmp_path: Path) -> None:
    config = json.dumps({"cmd": ["./server"], "runtime": "python2.7"})
    package(tmp_path, server=b"\x7fELF", config__json=config)
    report = check(tmp_path)
    assert (report.sound, set(found(tmp_path, Level.NOTE))) == (True, {"runtime"})
    assert report.package is not None
    assert report.package.model_type == "Custom"
    (tmp_path / "model" / "customize_service.py").write_text(GOOD)
    assert set(found(tmp_path, Level.ERROR)) == {"cmd"}


@pytest.mark.parametrize("config", [{"model_type": "Scikit_Learn"}, {"cmd": "./server"}])
def test_a_pickle_is_code(tmp_path: Path, config: dict[str, str]) -> None:
    package(tmp_path, model__pkl=pickle.dumps({"a": 1}), config__json=json.dumps(config))
    assert check(tmp_path).sound
    assert found(tmp_path, Level.WARNING) == {"model.pkl": "is a pickle: loading it runs code"}
    assert not check(tmp_path, safe_only=True).sound


@pytest.mark.parametrize(
    ("files", "where"),
    [
        pytest.param({}, "model", id="nothing"),
        pytest.param({"config__json": "{"}, "model/config.json", id="no-json"),
        pytest.param({"config__json": '{"model_type": "TensorFlow"}'}, "customize_service.py", id="no-code"),
    ],
)
def test_what_is_missing(tmp_path: Path, files: dict[str, str], where: str) -> None:
    assert where in found(package(tmp_path, **files), Level.ERROR)


def test_no_directory(tmp_path: Path) -> None:
    assert not check(tmp_path / "none").sound


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(GOOD, "", id="one"),
        pytest.param(GOOD + "class N(M):\n    pass\n", "", id="leaf-of-a-chain"),
        pytest.param(GOOD + "class N(SingleNodeService):\n    pass\n", "several services (M, N)", id="two"),
        pytest.param("class M:\n    pass\n", "defines no class", id="none"),
        pytest.param("import mms\nclass M(mms.model_service.X):\n    pass\n", "", id="attribute"),
        pytest.param("import model_service.a as s\nclass M(s.B):\n    pass\n", "", id="module-under-a-name"),
        pytest.param("from base import Base\nclass M(Base):\n    pass\n", "", id="from-a-sibling"),
        pytest.param("from base import Service\n", "", id="the service of a sibling"),
        pytest.param(f"from .base import *\n{GOOD}", "", id="star"),
        pytest.param("\ufeff" + GOOD, "", id="byte order mark"),
        pytest.param("# coding: latin-1\n" + GOOD, "", id="declared encoding"),
        pytest.param(
            "from model_service.model_service import SingleNodeService as S\nX = type('X', (S,), {})",
            "",
            id="made by a call",
        ),
        pytest.param(GOOD + "def f():\n    class N(SingleNodeService): pass\n", "", id="inside of a function"),
        pytest.param("x = " + "(" * 500, "syntax error", id="deep"),
        pytest.param("x = (", "line 1", id="syntax"),
        pytest.param("\0", "null bytes", id="null"),
    ],
)
def test_the_service_of_a_script(text: str, said: str) -> None:
    told = "; ".join(f.text for f in script.faults("m.py", {"m.py": text.encode()}.get))
    assert said in told
    assert bool(told) is bool(said)


PYTHON_2 = 'print "x"\n'


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        pytest.param("", {}, id="not imported"),
        pytest.param("import helper", {"helper.py": True}, id="imported"),
        pytest.param("from helper import x", {"helper.py": True}, id="from"),
        pytest.param("from .helper import x", {"helper.py": True}, id="relative"),
        pytest.param("from . import helper", {"helper.py": True}, id="relative name"),
        pytest.param("import package.deep", {"package/deep.py": True}, id="in a package"),
        pytest.param("from package import deep", {"package/deep.py": True}, id="from a package"),
        pytest.param("import middle", {"helper.py": True}, id="by another"),
        pytest.param("def f():\n    import helper", {"helper.py": False}, id="in a function"),
        pytest.param("try:\n    import helper\nexcept SyntaxError: pass", {"helper.py": False}, id="in a try"),
        pytest.param("import middle\nimport helper", {"helper.py": True}, id="twice"),
    ],
)
def test_only_what_is_imported_counts(text: str, faults: dict[str, bool]) -> None:
    files = {
        "m.py": f"{GOOD}{text}\n",
        "middle.py": "import helper",
        "helper.py": PYTHON_2,
        "package/__init__.py": "",
        "package/deep.py": PYTHON_2,
    }

    def read(name: str) -> bytes | None:
        return files[name].encode() if name in files else None

    assert {f.name: f.surely for f in script.faults("m.py", read)} == faults
