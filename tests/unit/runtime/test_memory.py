"""Freed memory is kept for the next call, for models of arrays."""

import platform
import subprocess
import sys

import pytest

HERE = "from modelyard_runtime.loading.memory import keep_freed; "


def said(code: str, **env: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="NOT PROVEN HERE: another C library")
@pytest.mark.parametrize(
    ("code", "env", "kept"),
    [
        pytest.param("import numpy; " + HERE, {}, "True", id="arrays"),
        pytest.param(HERE, {}, "False", id="no arrays: nothing is imported"),
        pytest.param(
            "import numpy; " + HERE, {"MALLOC_TRIM_THRESHOLD_": "1"}, "False", id="the environment first"
        ),
    ],
)
def test_who_keeps(code: str, env: dict[str, str], kept: str) -> None:
    assert said(code + "print(keep_freed())", PYTHONPATH="src", **env) == kept


def test_arrays_are_not_faulted_in_again() -> None:
    code = """
import resource, threading
import numpy as np
from modelyard_runtime.loading.memory import keep_freed
keep_freed()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def work():
    for _ in range(3):
        [np.ones(1 << 20, dtype=np.uint8) for _ in range(4)]
    before = faults()
    for _ in range(50):
        [np.ones(1 << 20, dtype=np.uint8) for _ in range(4)]
    print(faults() - before)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
    assert int(said(code, PYTHONPATH="src")) < 50
