"""What a directory means, file by file."""

import fcntl
import json
import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.processes.directory import Exit, ProcessDir, Sight, Spec, SpecUnreadableError, State
from modelyard.processes.limits import Group, Plan

SPEC = Spec(
    argv=("/bin/true", "-x"),
    env=(("A", "1"), ("B", "ü")),
    listen=True,
    plan=Plan((Group("/cg/i", (("pids.max", "5"),)),), "/cg/i/oom", "/cg/i/weight"),
    user=(1, 2),
    label={"id": "i", "nested": {"list": [1, 2]}},
)


@pytest.fixture
def directory(tmp_path: Path) -> ProcessDir:
    return ProcessDir(tmp_path)


def test_a_spec_survives_the_disk_and_is_private(directory: ProcessDir) -> None:
    directory.write_spec(SPEC, 5)
    assert directory.spec() == SPEC
    assert stat.S_IMODE((directory.path / "spec.json").stat().st_mode) == 0o600
    assert [path.name for path in directory.path.iterdir()] == ["spec.json"]


def test_fields_of_a_later_release_of_the_same_format_are_ignored(directory: ProcessDir) -> None:
    directory.write_spec(SPEC, 5)
    path = directory.path / "spec.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"later": 1}))
    assert directory.spec() == SPEC


@pytest.mark.parametrize("text", ['{"format": 2}', "{}", "[]", "{", '{"format": 1, "argv": 7}'])
def test_an_unreadable_spec_is_an_error(directory: ProcessDir, text: str) -> None:
    (directory.path / "spec.json").write_text(text)
    with pytest.raises(SpecUnreadableError, match=str(directory.path)):
        directory.spec()


STATE = {"pid": 10, "pid_started": 11, "shim": 12, "shim_started": 13, "unenforced": ""}
EXIT = {"status": None, "signal": None, "oom": False, "error": "", "ended_ms": 9}


@pytest.mark.parametrize(
    ("files", "text"),
    [
        pytest.param({}, "was never started", id="spec alone"),
        pytest.param({"state": STATE}, "its supervisor was killed", id="no exit"),
        pytest.param({"state": STATE, "exit": EXIT | {"status": 0}}, "exited with status 0", id="status"),
        pytest.param({"state": STATE, "exit": EXIT | {"signal": 15}}, "killed by signal 15", id="signal"),
        pytest.param(
            {"state": STATE, "exit": EXIT | {"signal": 9, "oom": True}},
            "killed by signal 9 (out of memory)",
            id="memory",
        ),
        pytest.param({"exit": EXIT | {"error": "no disk"}}, "could not be started: no disk", id="error"),
    ],
)
def test_without_the_lock_it_has_ended(
    directory: ProcessDir, files: dict[str, dict[str, object]], text: str
) -> None:
    directory.write_spec(SPEC, 5)
    for name, values in files.items():
        (directory.path / f"{name}.json").write_text(json.dumps(values))
    sight = directory.sight()
    assert (sight.state, str(sight.exit), sight.created_ms) == (State.EXITED, text, 5)


def test_with_the_lock_it_runs_whatever_else_lies_there(directory: ProcessDir) -> None:
    directory.write_spec(SPEC, 5)
    lock = os.open(directory.path / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert directory.sight() == Sight(State.RUNNING, 5)
    (directory.path / "state.json").write_text(json.dumps(STATE))
    directory.write_stop(3)
    assert directory.sight() == Sight(State.RUNNING, 5, 10, (12, 13), stopping=True)
    os.close(lock)
    assert directory.sight().state is State.EXITED


def test_nothing_there(directory: ProcessDir) -> None:
    assert directory.sight() == Sight(State.ABSENT)
    assert ProcessDir(directory.path / "never").sight() == Sight(State.ABSENT)
    assert directory.log_tail(5) == ""


@pytest.mark.parametrize(
    ("old", "new", "lines", "expected"),
    [
        pytest.param("", "a\nb\n", 5, "a\nb", id="fewer than asked"),
        pytest.param("", "a\nb\nc", 2, "b\nc", id="last line not ended"),
        pytest.param("a\nb\n", "c\n", 2, "b\nc", id="over the rotation"),
        pytest.param("a\nb", "b\nc\n", 2, "bb\nc", id="a line that the rotation cut"),
        pytest.param("", "x" * 70_000 + "\nend\n", 5, "end", id="half a line is left out"),
        pytest.param("", "\n\n", 5, "\n", id="empty lines"),
    ],
)
def test_log_tail(directory: ProcessDir, old: str, new: str, lines: int, expected: str) -> None:
    if old:
        (directory.path / "log.1").write_text(old)
    (directory.path / "log").write_text(new)
    assert directory.log_tail(lines) == expected


@pytest.mark.parametrize(
    ("exit", "text"),
    [
        (Exit(code=0), "exited with status 0"),
        (Exit(code=0, oom=True), "exited with status 0"),  # a worker died, and it got over it
        (Exit(code=3, oom=True), "exited with status 3 (out of memory)"),
        (Exit(signal=9), "killed by signal 9"),
        (Exit(text="was never started"), "was never started"),
    ],
)
def test_exit_reads_as_a_sentence(exit: Exit, text: str) -> None:
    assert str(exit) == text


RECORDS = ("spec.json", "state.json", "stop.json", "exit.json", "log")


@given(name=st.sampled_from(RECORDS), content=st.binary(max_size=80) | st.text(max_size=40).map(str.encode))
def test_any_bytes_in_any_record_are_a_sight(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as path:
        directory = ProcessDir(Path(path))
        directory.write_spec(SPEC, 5)
        for known, values in (("state", STATE), ("exit", EXIT | {"status": 0})):
            (directory.path / f"{known}.json").write_text(json.dumps(values))
        (directory.path / name).write_bytes(content)
        sight = directory.sight()
        assert sight.state is State.EXITED
        assert sight.exit is not None
        assert sight.pid in {None, 10}
        directory.log_tail(3)


@given(
    st.dictionaries(
        st.sampled_from([*STATE, "boot"]),
        st.integers() | st.none() | st.booleans() | st.text(max_size=3) | st.lists(st.integers(), max_size=1),
    )
)
def test_no_record_names_a_process_that_cannot_be_ours(values: dict[str, object]) -> None:
    """0 and below are groups and everybody, 1 is init."""
    with tempfile.TemporaryDirectory() as path:
        directory = ProcessDir(Path(path))
        (directory.path / "state.json").write_text(json.dumps(STATE | values))
        birth = directory.birth()
        assert birth is None or all(type(pid) is int and 1 < pid <= 2**22 for pid in (birth.pid, birth.shim))
