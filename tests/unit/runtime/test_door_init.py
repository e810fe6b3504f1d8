"""The first process of a container that has this machine's programs."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import modelyard_runtime

PLACE = str(Path(next(iter(modelyard_runtime.__path__))).parent)
BOOT = "import sys; sys.path.append(sys.argv[1]); from modelyard_runtime.door.init import main; main(sys.argv[2:])"
HANDLES = """
import signal, sys
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, lambda *_: sys.exit(5))
print("ready", flush=True)
signal.pause()
"""
ORPHAN = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.read(int(sys.argv[1]), 1)
        os._exit(0)
    os._exit(0)
os.wait()
print(os.getpid(), flush=True)
os.read(int(sys.argv[2]), 1)
sys.exit(3)
"""


def started(*argv: str, pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", "-E", "-c", BOOT, PLACE, *argv]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=pass_fds)


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137)])
def test_it_ends_as_its_program_ends(script: str, status: int) -> None:
    with started("/bin/sh", "-c", script) as process:
        assert process.wait(30) == status


@pytest.mark.parametrize(("name", "status"), [("/no/such/program", 127), ("/etc/hostname", 126)])
def test_a_program_that_cannot_be_run_is_named(name: str, status: int) -> None:
    with started(name) as process:
        said = process.communicate(timeout=30)[1].decode()
    assert process.returncode == status
    assert name in said


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_are_passed_on(how: signal.Signals) -> None:
    with started(sys.executable, "-c", HANDLES) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(how)
        assert process.wait(30) == 5


def test_one_that_handles_no_signal_ends_by_it() -> None:
    """As no first process of a container would."""
    with started("/bin/sh", "-c", "echo ready; exec sleep 60") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM


def test_the_end_of_another_is_not_its_own() -> None:
    """Children of its program that nobody waited for."""
    orphan, release = os.pipe()
    main, end = os.pipe()
    with started(sys.executable, "-c", ORPHAN, str(orphan), str(main), pass_fds=(orphan, main)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.write(release, b"x")
        assert process.poll() is None
        os.write(end, b"x")
        assert process.wait(30) == 3
    for descriptor in (orphan, release, main, end):
        os.close(descriptor)
