"""What a script starts can import what the script can: pools that begin anew, and programs of the same Python."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from tests.worlds.model_server import Connection, Instance, Start, package

pytestmark = pytest.mark.e2e

HELPER = (
    "import log\nfrom mms.model_service.mxnet_model_service import MXNetBaseService\nlogger = log.getLogger('h')\n"
)
IMPORTS = """
    import concurrent.futures, multiprocessing, subprocess, sys
    import log, lain_over
    from .helper import logger
    import helper

    def square(n):
        logger.info("squared in a child")
        return [n * n, lain_over.NAME, helper.HELPS]
"""
WAYS = {
    "spawn": """
    class Pools(SingleNodeService):
        def __init__(self, *names):
            self.pool = multiprocessing.get_context("spawn").Pool(1)
        def _inference(self, data):
            return {"is": self.pool.map(square, [data["n"]])[0]}
    """,
    "forkserver": """
    class Pools(SingleNodeService):
        def __init__(self, *names):
            self.pool = multiprocessing.get_context("forkserver").Pool(1)
        def _inference(self, data):
            return {"is": self.pool.map(square, [data["n"]])[0]}
    """,
    "executor": """
    class Pools(SingleNodeService):
        def __init__(self, *names):
            self.pool = concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        def _inference(self, data):
            return {"is": self.pool.submit(square, data["n"]).result()}
    """,
    "joblib": """
    import joblib
    class Pools(SingleNodeService):
        def _inference(self, data):
            return {"is": joblib.Parallel(n_jobs=2)(joblib.delayed(square)(n) for n in (data["n"], 1))[0]}
    """,
    "program": """
    class Pools(SingleNodeService):
        def _inference(self, data):
            code = f"import customize_service, json; print(json.dumps(customize_service.square({data['n']})))"
            said = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, cwd="/")
            import json
            return {"is": json.loads(said.stdout)}
    """,
    "file": """
    import json, os
    HERE = os.path.dirname(os.path.abspath(__file__))
    class Pools(SingleNodeService):
        def _inference(self, data):
            command = [sys.executable, os.path.join(HERE, "worker.py"), str(data["n"])]
            said = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd="/")
            return {"is": json.loads(said.stdout)}
    """,
}
WORKER = "import customize_service, json, sys; print(json.dumps(customize_service.square(int(sys.argv[1]))))"


@contextmanager
def ended(instance: Instance) -> Iterator[None]:
    """Workers of some pools outlive who started them, as no instance's do: the engine ends all of them."""
    found = descendants(instance.process.pid)
    yield
    instance.process.wait(20)
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    children = [
        int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()
    ]
    return [*children, *(below for child in children for below in descendants(child))]


@pytest.fixture
def lain_over(tmp_path: Path) -> Path:
    """An environment of dependencies."""
    directory = tmp_path / "environment"
    directory.mkdir()
    (directory / "lain_over.py").write_text("NAME = 'over'\n")
    return directory


@pytest.mark.parametrize("way", WAYS)
def test_children_import_what_the_script_does(start: Start, tmp_path: Path, lain_over: Path, way: str) -> None:
    home = package(tmp_path / "p", IMPORTS + WAYS[way])
    (home / "helper.py").write_text(HELPER + "HELPS = 'helps'\n")
    (home / "worker.py").write_text(WORKER)
    before = sorted(home.rglob("*"))
    instance = start(home, MODELYARD_ENVIRONMENT=str(lain_over), PATH=os.environ["PATH"])
    instance.until_ready()
    assert instance.request("POST", "/", {"n": 3})[:2] == (200, {"is": [9, "over", "helps"]})
    assert sorted(home.rglob("*")) == before, "nothing is written into a package"
    with ended(instance):
        instance.process.terminate()
    assert "INFO h: squared in a child" in instance.end()[1]


def test_a_module_of_the_package_goes_before_ours(start: Start, tmp_path: Path) -> None:
    script = """
    import log, multiprocessing
    def whose(_):
        return log.WHOSE
    class Own(SingleNodeService):
        def __init__(self, *names):
            self.pool = multiprocessing.get_context("spawn").Pool(1)
        def _inference(self, data):
            return {"here": log.WHOSE, "there": self.pool.map(whose, [0])[0]}
    """
    home = package(tmp_path / "p", script)
    (home / "log.py").write_text("WHOSE = 'the package'\n")
    instance = start(home)
    instance.until_ready()
    assert instance.request("POST", "/", {})[1] == {"here": "the package", "there": "the package"}


def test_another_python_is_left_alone(start: Start, tmp_path: Path) -> None:
    """It reads the same PYTHONPATH; and what our sitecustomize hides there is run."""
    script = """
    import subprocess, sys
    class Other(SingleNodeService):
        def _inference(self, data):
            code = "import sys; print(sys.hidden, 'modelyard_runtime.loading.children' in sys.modules)"
            env = {**os.environ, "MODELYARD_CHILDREN": "/elsewhere"}
            return {"said": subprocess.check_output([sys.executable, "-c", code], env=env, text=True)}
    """
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import sys\nsys.hidden = 'run'\n")
    source = Path(__file__).parents[2] / "src"
    instance = start(package(tmp_path / "p", script), PYTHONPATH=f"{source}:{hidden}")
    instance.until_ready()
    assert instance.request("POST", "/", {})[1] == {"said": "run False\n"}


def test_a_pool_whose_workers_die_is_told_and_keeps_nobody_from_seeing_it(start: Start, tmp_path: Path) -> None:
    """`Pool` begins dead workers anew for ever, and `map` waits as long; the engine finds the instance hung."""
    script = """
    import multiprocessing
    def dies(n):
        os._exit(1)
    class Pools(SingleNodeService):
        def __init__(self, *names):
            self.pool = multiprocessing.get_context("spawn").Pool(1)
        def _inference(self, data):
            return self.pool.map(dies, [1])
    """
    instance = start(package(tmp_path / "p", script), MODELYARD_REQUEST_TIMEOUT_S="1")
    instance.until_ready()
    with closing(Connection(instance.path)) as connection:
        connection.request("POST", "/", b"{}")
        said: list[str] = []

        def told() -> bool:
            assert instance.health()[2]["x-in-flight"] in ("0", "1")
            said.extend(lines(instance))
            return any("no request has ended" in line for line in said)

        instance.until(told)
    line = next(line for line in said if "no request has ended" in line)
    assert "1 in flight: in customize_service.py:11 (_inference), which waits in threading.py:" in line
    with ended(instance):
        instance.process.kill()
    instance.end()


def lines(instance: Instance) -> list[str]:
    """What is in the log by now."""
    assert instance.process.stdout is not None
    if not select.select([instance.process.stdout], [], [], 0)[0]:
        return []
    return os.read(instance.process.stdout.fileno(), 1 << 16).decode().splitlines()
