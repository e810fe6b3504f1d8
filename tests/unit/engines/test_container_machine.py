"""Packages in containers: what they find there, and whose programs these are."""

import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.worlds.engines import spec

from modelyard.domain.devices import Grant, Kind
from modelyard.domain.pools import EngineKind, PoolEngine
from modelyard.domain.program import Program
from modelyard.domain.resources import Resources
from modelyard.engines.base import InstanceSpec, StartRefusedError
from modelyard.engines.containers import machine
from modelyard.engines.containers.machine import contained, image
from modelyard.engines.containers.shape import ContainerOptions, package_body
from modelyard.engines.launch import LaunchOptions

HIDDEN = Path("/srv/modelyard")
OURS = ContainerOptions("0123456789abcdef")
OPTIONS = LaunchOptions(python="/srv/python/bin/python")


def package(**changes: Any) -> InstanceSpec:
    return spec(1, engine=PoolEngine(EngineKind.CONTAINER), **changes)


def test_the_model_server_listens_on_a_port_and_reads_its_package(tmp_path: Path) -> None:
    runs = contained(package(resources=Resources(cpu=2)), tmp_path, OPTIONS, HIDDEN, joins=True)
    assert runs.argv[-3:] == ("/srv/python/bin/python", "-m", "modelyard_runtime")
    assert (runs.env["PORT"], runs.env["MODELYARD_HOST"], runs.port) == ("8080", "127.0.0.1", 8080)
    assert runs.env["MODELYARD_MODEL_DIR"] == str(tmp_path)
    assert runs.env["OMP_NUM_THREADS"] == "2"
    assert not {"MODELYARD_SOCKET_FD", "MODELYARD_METRICS_SOCKET"} & runs.env.keys()
    assert str(tmp_path) in runs.shown
    assert runs.directory == "/work"


def test_a_port_that_is_published_is_listened_to_from_outside(tmp_path: Path) -> None:
    assert contained(package(), tmp_path, OPTIONS, HIDDEN, joins=False).env["MODELYARD_HOST"] == "0.0.0.0"


def test_a_command_runs_beside_its_files_on_the_port_of_its_model(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay"
    options = replace(OPTIONS, overlay=lambda _package: overlay)
    runs = contained(
        package(program=Program(command=("serve", "x"), port=9000)), tmp_path, options, HIDDEN, joins=True
    )
    assert runs.argv[-2:] == ("serve", "x")
    assert (runs.port, runs.env["PORT"], runs.env["HOST"]) == (9000, "9000", "127.0.0.1")
    assert runs.directory == runs.env["MODEL_DIR"] == str(tmp_path / "model")
    assert runs.env["PATH"].startswith(f"{overlay}/bin:")
    assert str(tmp_path) in runs.shown


def test_a_batch_service_with_a_command_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartRefusedError, match="pools of processes only"):
        contained(package(program=Program(command=("serve",)), batch=True), tmp_path, OPTIONS, HIDDEN, joins=True)


def test_what_it_finds_of_the_machine_is_read_only_and_holds_no_secret(tmp_path: Path) -> None:
    runs = replace(
        contained(package(), tmp_path, OPTIONS, HIDDEN, joins=True), image="machine:1", user="1234:1234"
    )
    made = package_body(package(), OURS, runs)
    host = made["HostConfig"]
    assert isinstance(host, dict)
    assert all(mount["ReadOnly"] for mount in host["Mounts"])
    assert not {"/", "/etc", "/root", "/var", "/home", "/run"} & {mount["Source"] for mount in host["Mounts"]}
    assert (host["CapAdd"], host["CapDrop"], host["Init"]) == ([], ["ALL"], False)
    assert (made["User"], made["Image"], made["WorkingDir"]) == ("1234:1234", "machine:1", "/work")


def test_of_a_data_directory_among_the_machines_own_it_finds_its_package_alone() -> None:
    hidden = Path("/usr/local/modelyard")
    place = hidden / "packages" / "0123"
    runs = contained(package(), place, OPTIONS, hidden, joins=True)
    assert runs.hidden == str(hidden)
    assert str(place) in runs.shown
    host = package_body(package(), OURS, runs)["HostConfig"]
    assert isinstance(host, dict)
    (cover,) = [mount for mount in host["Mounts"] if mount["Target"] == str(hidden)]
    assert cover["Type"] == "tmpfs"
    assert contained(package(), Path("/srv/modelyard/packages/0123"), OPTIONS, HIDDEN, joins=True).hidden == ""


def test_the_list_of_libraries_is_not_mounted_where_one_with_those_of_gpus_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "ld.so.cache"
    there.touch()
    monkeypatch.setattr(machine, "LIBRARIES", str(there))
    monkeypatch.setattr(machine, "CONFIGURED", (str(there),))

    def shown(*devices: Grant) -> bool:
        runs = contained(package(devices=devices), tmp_path / "package", OPTIONS, HIDDEN, joins=True)
        return str(there) in runs.shown

    assert shown()
    assert shown(Grant(Kind.NPU, 0))
    assert not shown(Grant(Kind.GPU, 0, 0.5))


@pytest.mark.skipif(os.geteuid() != 0, reason="GROUPS OF DEVICES NOT TESTED: only root may give files away")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to a group")
def test_its_user_is_in_the_groups_of_its_cards(tmp_path: Path) -> None:
    card = tmp_path / "davinci0"
    card.touch()
    mine = package(devices=(Grant(Kind.NPU, 0, node=str(card)),))
    runs = replace(contained(mine, tmp_path, OPTIONS, HIDDEN, joins=True), user="5000:5000")

    def host(group: int, mode: int) -> dict[str, Any]:
        os.chown(card, 0, group)
        card.chmod(mode)
        return package_body(mine, OURS, runs)["HostConfig"]  # type: ignore[return-value]

    assert host(1234, 0o660)["GroupAdd"] == ["1234"]
    assert "GroupAdd" not in host(1234, 0o666)
    with pytest.raises(StartRefusedError, match="davinci0 can be opened by user 0 and group 1234 only"):
        host(1234, 0o600)


def test_nothing_is_shown_twice(tmp_path: Path) -> None:
    """A place within another one is there already."""
    inner = tmp_path / "inner"
    inner.mkdir()
    options = replace(OPTIONS, shown=(inner, tmp_path))
    shown = contained(package(), tmp_path, options, HIDDEN, joins=True).shown
    assert str(tmp_path) in shown
    assert str(inner) not in shown
    assert len(set(shown)) == len(shown)


def test_its_image_has_directories_and_links_alone_and_is_named_by_them() -> None:
    (name, content), again = image(), image()
    assert (name, content) == again
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        entries = tar.getmembers()
    assert all(entry.isdir() or entry.issym() for entry in entries)
    assert len({entry.name for entry in entries}) == len(entries)
    assert {entry.name for entry in entries if entry.mode == 0o1777} == {"work", "tmp", "var/tmp"}
