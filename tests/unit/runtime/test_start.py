"""What a start imports, and what it says of itself."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from modelyard_runtime.http import sse as streams
from modelyard_runtime.loading.load_watchdog import place
from modelyard_runtime.protocols import multipart as forms
from modelyard_runtime.stopwatch import Stopwatch

ROOT = Path(__file__).parents[3]
HEAVY = ("numpy", "asyncio", "pandas", "sklearn", "joblib", "ssl", "email", "importlib.metadata")


def test_a_script_that_needs_nothing_imports_nothing_heavy() -> None:
    program = f"""
import sys
import modelyard_runtime.main, modelyard_runtime.http.exchange, modelyard_runtime.loading.load_watchdog
from modelyard_runtime.loading.loader import load
from modelyard_runtime.http.server import Server
from modelyard_runtime.settings import settings
read = settings({{"MODELYARD_MODEL_DIR": "examples/echo", "PORT": "0"}})
Server().serve(load(read), "m", "")
print([name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_phases_do_not_count_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    watch = Stopwatch()
    watch.started()
    assert watch.phases_s == {}
    with watch.phase("load"):
        now[0] += 1
        with watch.importing():
            now[0] += 2
        now[0] += 4
    with watch.phase("warm-up"):
        now[0] += 8
    watch.finished()
    phases = dict(watch.phases_s)
    start = phases.pop("start")
    assert phases.pop("total") == pytest.approx(start + 15)
    assert list(phases.items()) == [("imports", 2), ("load", 5), ("warm-up", 8)]
    assert watch.report().endswith("imports 2000, load 5000, warm-up 8000)")


def test_the_place_of_a_load_is_in_the_package(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("def load(event):\n    event.wait()\n")
    names: dict[str, object] = {}
    source = tmp_path / "slow.py"
    exec(compile(source.read_text(), str(source), "exec"), names)
    held = threading.Event()
    loading = threading.Thread(target=names["load"], args=(held,))  # type: ignore[arg-type]
    loading.start()
    try:
        frames = [sys._current_frames()[loading.ident or 0]]
        while "slow.py:2" not in place(frames, tmp_path):
            frames = [sys._current_frames()[loading.ident or 0]]
        assert place(frames, tmp_path).startswith("in slow.py:2 (load)")
        assert place(frames, tmp_path / "elsewhere").startswith("in threading.py:")
        assert place([], tmp_path) == "nowhere"
    finally:
        held.set()
        loading.join()


def test_instances_of_the_release_before_find_what_they_import_late() -> None:
    """An upgrade replaces the files of an instance that runs on; it reads these at its first stream or form."""
    from modelyard_runtime import multipart, sse

    assert (sse.Caller, sse.Stream, sse.stream) == (streams.Caller, streams.Stream, streams.stream)
    assert (multipart.boundary, multipart.form) == (forms.boundary, forms.form)
