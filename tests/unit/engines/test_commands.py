"""How a command is started: its words, its environment, its port."""

import socket
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from modelyard.domain.health import PATH, Check, Health
from modelyard.domain.program import Program
from modelyard.engines import commands
from modelyard.engines.base import InstanceSpec, NoRoomError, StartRefusedError
from modelyard.engines.launch import LaunchOptions, process_spec
from modelyard.processes import limits
from modelyard.processes.directory import Spec
from modelyard.processes.isolation import Isolation

PROGRAM = Program(command=("serve", "--fast"), port=9000)
SPEC = InstanceSpec("i-1", "s-1", 1, 1, "t", "d", "llm", "1.0.0", program=PROGRAM)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "package" / "model").mkdir(parents=True)
    return tmp_path / "package"


def made(spec: InstanceSpec, package: Path, tmp_path: Path, **options: object) -> Spec:
    directory = tmp_path / "data" / "instances" / "i-1"
    enforcement = limits.switched_off("the test wants it")
    settled = commands.settled(spec, package)
    return process_spec(settled, package, directory, enforcement, LaunchOptions(**options))  # type: ignore[arg-type]


def test_it_runs_behind_a_door_with_its_port_in_its_environment(package: Path, tmp_path: Path) -> None:
    process = made(SPEC, package, tmp_path)
    env = dict(process.env)
    assert process.argv[-2:] == ("serve", "--fast")
    assert process.listen
    assert env["HOST"] == "127.0.0.1"
    assert int(env["PORT"]) in commands.PORTS
    assert env["MODEL_DIR"] == str(package / "model")
    assert env["SOCKET_PATH"] == str(tmp_path / "data/instances/i-1/work/program.sock")
    assert commands.port_of(SPEC, process) == int(env["PORT"])
    assert commands.has_door(SPEC, process)


def test_in_a_network_of_its_own_it_has_the_port_of_its_model(package: Path, tmp_path: Path) -> None:
    process = made(SPEC, package, tmp_path, isolation=Isolation(network=True))
    assert dict(process.env)["PORT"] == "9000"
    assert commands.port_of(SPEC, process) is None


def test_where_it_has_a_view_of_its_own_its_socket_has_a_short_name(package: Path, tmp_path: Path) -> None:
    env = dict(made(SPEC, package, tmp_path, isolation=Isolation(views=True)).env)
    assert env["SOCKET_PATH"] == "/tmp/program.sock"


def test_what_the_variant_says_does_not_win_over_its_port(package: Path, tmp_path: Path) -> None:
    spec = replace(SPEC, envs=(("PORT", "1"), ("HOST", "0.0.0.0"), ("MODEL", "big")))
    env = dict(made(spec, package, tmp_path).env)
    assert (env["HOST"], env["MODEL"]) == ("127.0.0.1", "big")
    assert int(env["PORT"]) in commands.PORTS


def test_what_its_dependencies_brought_goes_before_all_else(package: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "site"
    spec = replace(SPEC, envs=(("PYTHONPATH", "/mine"),))
    env = dict(made(spec, package, tmp_path, overlay=lambda _: overlay).env)
    assert env["PYTHONPATH"] == f"{overlay}:/mine"
    assert env["PATH"].startswith(f"{overlay}/bin:")


def test_a_package_with_a_script_is_served_and_asked_by_its_script(package: Path, tmp_path: Path) -> None:
    """Earlier releases published such packages, and passed over their `cmd`."""
    (package / "model" / "customize_service.py").touch()
    up = Check(path="/up")
    spec = replace(SPEC, health=Health(up, up, up), script_health=Health(stalled_s=240))
    process = made(spec, package, tmp_path)
    scripts = replace(SPEC, program=None, health=Health(stalled_s=240))
    assert process == made(scripts, package, tmp_path)
    assert "PORT" not in dict(process.env)
    assert not commands.has_door(spec, process)


def test_a_package_without_one_is_asked_as_its_command_says(package: Path) -> None:
    up = Check(path="/up")
    spec = replace(SPEC, health=Health(up, up, up), script_health=Health())
    assert commands.settled(spec, package) == replace(spec, script_health=None)


def test_an_image_is_not_served_by_our_model_server(package: Path) -> None:
    with pytest.raises(StartRefusedError, match="x@sha256:1 is an image"):
        commands.settled(replace(SPEC, program=Program("x@sha256:1")), package)


def test_a_variable_of_a_script_makes_no_door(package: Path, tmp_path: Path) -> None:
    spec = replace(SPEC, program=None, envs=(("SOCKET_PATH", "x"), ("PORT", "1"), ("MODELYARD_PORT_SHARED", "1")))
    process = made(spec, package, tmp_path)
    assert not commands.has_door(spec, process)
    assert commands.port_of(spec, process) is None


def test_a_port_that_is_taken_is_passed_over() -> None:
    place = Path("/data/instances/i-1")
    first = commands.free_port(place, ())
    second = commands.free_port(place, {first})
    assert second != first
    with closing(socket.create_server(("127.0.0.1", second))):
        assert commands.free_port(place, {first}) not in {first, second}


def test_no_port_left_is_want_of_room() -> None:
    with pytest.raises(NoRoomError, match="none of the ports 20000 to 29999 is free"):
        commands.free_port(Path("/x"), frozenset(commands.PORTS))


def test_a_worker_of_a_batch_service_answers_for_itself(package: Path, tmp_path: Path) -> None:
    own = Health(startup=Check(path="/up"), readiness=Check(path="/up"), liveness=Check(command=("ask",)))
    spec = replace(SPEC, batch=True, health=own)
    process = made(spec, package, tmp_path)
    assert dict(process.env)["MODELYARD_BATCH_HEALTH"] == "/up"
    asked = commands.health(spec, process)
    assert (asked.startup.path, asked.readiness.path, asked.liveness.command) == (PATH, PATH, ("ask",))
    assert not commands.has_door(spec, process)
