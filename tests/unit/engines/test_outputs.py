"""Output of instances that ended, as it lies on disk: nothing goes before it was read."""

import errno
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from tests.worlds.engines import SPEC

from modelyard.domain.output import Output, Position
from modelyard.engines.outputs import Outputs
from modelyard.gateway.access_output import AccessOutput
from modelyard.processes import output
from modelyard.processes.directory import FORMAT, ProcessDir, Spec

READ = output.read


@pytest.fixture
def instances(tmp_path: Path) -> Path:
    (tmp_path / "outputs").mkdir()
    return tmp_path / "instances"


@pytest.fixture
def outputs(tmp_path: Path, instances: Path) -> Outputs:
    return Outputs(tmp_path, instances, 1_000_000)


def written(path: Path) -> Path:
    path.mkdir(parents=True)
    ProcessDir(path).write_spec(Spec(("x",), log_kept_bytes=1000, label=asdict(SPEC)), 1)
    (path / "log").write_bytes(b"last words\n")
    return path


def moved(to: Path) -> Callable[..., Output]:
    """Reads what was renamed just before."""

    def read(path: Path, after: Position | None, most_bytes: int, *, kept: bool) -> Output:
        if path != to:
            path.rename(to)
        return READ(path, after, most_bytes, kept=kept)

    return read


def test_one_that_is_set_aside_while_it_is_read_is_not_over(
    outputs: Outputs, instances: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(instances / "i-1")
    monkeypatch.setattr(output, "read", moved(instances.parent / "outputs" / "i-1"))
    first = outputs.read("i-1", None, 100, ended=True)
    assert (first.data, first.last) == (b"", False)
    rest = outputs.read("i-1", None, 100, ended=True)
    assert (rest.data, rest.last) == (b"last words\n", True)


async def test_a_gateways_that_is_set_aside_while_it_is_read_is_not_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "envoy-1")
    (tmp_path / "written").mkdir()
    calls = AccessOutput(tmp_path)
    (source,) = await calls.outputs()
    monkeypatch.setattr(output, "read", moved(tmp_path / "written" / source.instance_id))
    first = await calls.output(source.instance_id, None, 100)
    assert (first.data, first.last) == (b"", False)
    rest = await calls.output(source.instance_id, None, 100)
    assert (rest.data, rest.last) == (b"last words\n", True)


def test_a_lack_of_descriptors_removes_nothing(
    outputs: Outputs, instances: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(instances.parent / "outputs" / "i-1")
    with monkeypatch.context() as lacking:

        def lacks(_directory: ProcessDir) -> Spec:
            raise OSError(errno.EMFILE, "too many open files")

        lacking.setattr(ProcessDir, "spec", lacks)
        assert outputs.sources(()) == []
    assert [source.instance_id for source in outputs.sources(())] == [SPEC.instance_id]
    assert path.exists()


def test_output_of_a_later_release_waits_for_it_and_nobodys_is_removed(outputs: Outputs, instances: Path) -> None:
    later = written(instances.parent / "outputs" / "later")
    (later / "spec.json").write_text(json.dumps({"format": FORMAT + 1}))
    nobodys = written(instances.parent / "outputs" / "nobodys")
    (nobodys / "spec.json").write_text("torn")
    assert outputs.sources(()) == []
    assert later.exists()
    assert not nobodys.exists()


async def test_gateways_are_read_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    for name in ("envoy-10", "envoy-9", "envoy-2"):
        written(tmp_path / name)
    (source,) = await AccessOutput(tmp_path).outputs()
    assert source.instance_id.startswith("envoy-2-")
    (tmp_path / "envoy-2" / "spec.json").unlink()
    (source,) = await AccessOutput(tmp_path).outputs()
    assert source.instance_id.startswith("envoy-9-")
