"""How an instance is handed its cards, and kept from others."""

import os
from pathlib import Path

import pytest

from modelyard.domain.devices import Grant, Kind
from modelyard.engines.base import StartRefusedError
from modelyard.engines.devices import (
    container_environment,
    container_requests,
    denied,
    described,
    environment,
    groups,
    node,
    polite,
)
from modelyard.processes.isolation import Isolation

WHOLE = (Grant(Kind.GPU, 0, 1, "GPU-a"), Grant(Kind.GPU, 2, 1, "GPU-b"))
BY_NUMBER = (Grant(Kind.GPU, 0), Grant(Kind.GPU, 2))
HALF = (Grant(Kind.GPU, 1, 0.5, "GPU-c"),)
NPUS = (Grant(Kind.NPU, 3), Grant(Kind.NPU, 4))
EMPTY = dict.fromkeys(
    ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "ASCEND_VISIBLE_DEVICES", "ASCEND_RT_VISIBLE_DEVICES"), ""
)
ROOTS = pytest.mark.skipif(os.geteuid() != 0, reason="GROUPS OF DEVICES NOT TESTED: only root may give files away")


def nvidia(value: str) -> dict[str, str]:
    return {"CUDA_VISIBLE_DEVICES": value, "NVIDIA_VISIBLE_DEVICES": value, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        pytest.param((), EMPTY, id="none"),
        pytest.param(WHOLE, EMPTY | nvidia("GPU-a,GPU-b"), id="by name"),
        pytest.param(BY_NUMBER, EMPTY | nvidia("0,2"), id="by number"),
        pytest.param(HALF, EMPTY | nvidia("GPU-c") | {"MODELYARD_GPU_SHARE": "0.5"}, id="half"),
        pytest.param(
            NPUS, EMPTY | {"ASCEND_VISIBLE_DEVICES": "3,4", "ASCEND_RT_VISIBLE_DEVICES": "3,4"}, id="NPUs"
        ),
        pytest.param(
            (Grant(Kind.NPU, 1, 1 / 3),),
            EMPTY
            | {"ASCEND_VISIBLE_DEVICES": "1", "ASCEND_RT_VISIBLE_DEVICES": "1"}
            | {"MODELYARD_NPU_SHARE": "0.333333"},
            id="a third of an NPU",
        ),
    ],
)
def test_the_environment_of_a_process(grants: tuple[Grant, ...], expected: dict[str, str]) -> None:
    assert environment(grants) == expected


def test_who_shares_a_card_takes_a_part_of_its_memory() -> None:
    assert polite(WHOLE) == polite(()) == polite((Grant(Kind.NPU, 0, 0.5),)) == {}
    assert polite(HALF) == {"XLA_PYTHON_CLIENT_MEM_FRACTION": "0.5", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


def test_a_container_gets_its_own_and_nothing_else() -> None:
    assert container_requests(()) == {}
    assert container_environment(()) == EMPTY | {"NVIDIA_VISIBLE_DEVICES": "void"}
    assert container_requests(WHOLE) == {
        "DeviceRequests": [
            {"Driver": "nvidia", "DeviceIDs": ["GPU-a", "GPU-b"], "Capabilities": [["gpu"]]},
        ]
    }
    assert container_environment(HALF) == {
        "NVIDIA_VISIBLE_DEVICES": "GPU-c",
        "ASCEND_VISIBLE_DEVICES": "",
        "ASCEND_RT_VISIBLE_DEVICES": "",
        "MODELYARD_GPU_SHARE": "0.5",
    }
    asked = container_requests(NPUS)["Devices"]
    assert isinstance(asked, list)
    paths = ["/dev/davinci3", "/dev/davinci4", "/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc"]
    assert [one["PathOnHost"] for one in asked] == [one["PathInContainer"] for one in asked] == paths
    assert {one["CgroupPermissions"] for one in asked} == {"rw"}


def test_files_of_other_cards_are_denied(tmp_path: Path) -> None:
    names = [
        "nvidia0",
        "nvidia1",
        "nvidia10",
        "nvidiactl",
        "nvidia-uvm",
        "davinci0",
        "davinci_manager",
        "vdavinci100",
    ]
    for name in (*names, "null"):
        (tmp_path / name).touch()
    mine = (
        Grant(Kind.GPU, 0, 1, "GPU-a", f"{tmp_path}/nvidia1"),
        Grant(Kind.NPU, 0, 0.5, "", f"{tmp_path}/davinci0"),
    )
    assert [Path(path).name for path in denied(mine, tmp_path)] == ["nvidia0", "nvidia10", "vdavinci100"]
    assert len(denied((), tmp_path)) == 5
    assert denied((), tmp_path / "nowhere") == ()
    assert node(Grant(Kind.GPU, 7)) == "/dev/nvidia7"


def test_what_holds_is_said_where_there_are_cards(tmp_path: Path) -> None:
    assert described(Isolation(views=True), tmp_path) == {}
    (tmp_path / "davinci0").touch()
    enforced = described(Isolation(views=True), tmp_path)["accelerators"]
    assert enforced == "enforced (files of other cards cannot be opened)"
    reasons = {"view": "only root may"}
    assert described(Isolation(reasons=reasons), tmp_path)["accelerators"] == "not enforced: only root may"


@ROOTS
def test_who_may_open_a_card(tmp_path: Path) -> None:
    card = tmp_path / "davinci0"
    card.touch()
    mine = (Grant(Kind.NPU, 0, node=str(card)),)

    def let(mode: int, user: int = 0, group: int = 0) -> None:
        os.chown(card, user, group)
        card.chmod(mode)

    let(0o666)
    assert groups(mine, (5000, 5000)) == ()
    let(0o660, group=1234)
    assert groups(mine, (5000, 5000)) == (1234,)
    assert groups(mine, (5000, 1234)) == (), "it is its own"
    assert groups(mine, None) == groups(mine, (0, 0)) == (), "whoever is root opens all"
    let(0o600, user=5000)
    assert groups(mine, (5000, 5000)) == ()
    for mode, group in ((0o600, 1234), (0o640, 1234), (0o660, 0)):
        let(mode, group=group)
        with pytest.raises(StartRefusedError, match=f"davinci0 can be opened by user 0 and group {group} only"):
            groups(mine, (5000, 5000))
    card.unlink()
    assert groups(mine, (5000, 5000)) == (), "set by hand: another file may be its"
