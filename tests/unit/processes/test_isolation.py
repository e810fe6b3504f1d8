"""Who instances run as, and what they see: settings and paths to values."""

from pathlib import Path

import pytest

from modelyard.processes.isolation import RANGES, Isolation, Users, users
from modelyard.processes.mounts import Mount, view

EVERY_ID = "         0          0 4294967295\n"
FEW_IDS = "         0     100000      65536\n"
ONE_ID = "         0       1000          1\n"


@pytest.mark.parametrize(
    ("text", "uid_map", "expected"),
    [
        pytest.param("auto", EVERY_ID, Users(*RANGES[0]), id="a range of our own"),
        pytest.param("auto", FEW_IDS, Users(*RANGES[1]), id="in a container that maps few"),
        pytest.param("1234", EVERY_ID, Users(1234, 1234), id="one for all"),
        pytest.param("1234:5678", EVERY_ID, Users(1234, 1234, 5678), id="one for all, and its group"),
        pytest.param("2000-2999", EVERY_ID, Users(2000, 2999), id="one each"),
    ],
)
def test_users_for_root(text: str, uid_map: str, expected: Users) -> None:
    assert users(text, root=True, uid_map=uid_map) == (expected, "")


@pytest.mark.parametrize(
    ("text", "root", "uid_map", "why"),
    [
        pytest.param("auto", False, EVERY_ID, "only root", id="not root"),
        pytest.param("1234", False, EVERY_ID, "only root", id="not root, whoever is asked for"),
        pytest.param("off", True, EVERY_ID, "instance_user is off", id="off"),
        pytest.param("auto", True, ONE_ID, "maps no range", id="rootless container"),
        pytest.param("auto", True, "", "maps no range", id="no /proc"),
    ],
)
def test_no_users_and_why(text: str, root: bool, uid_map: str, why: str) -> None:
    found, reason = users(text, root=root, uid_map=uid_map)
    assert found is None
    assert why in reason


@pytest.mark.parametrize("text", ["", "root", "0", "0:5", "0-10", "-5", "10-5", "7-7", "1234:", "1234:x", " 5"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"UID, UID:GID, FIRST-LAST"):
        users(text, root=True, uid_map=EVERY_ID)


def test_each_instance_has_its_own_user_again_and_again() -> None:
    every = Users(*RANGES[0])
    found = {every.of(f"i-{n}")[0] for n in range(1000)}
    assert len(found) == 1000
    assert every.of("i-1") == every.of("i-1")
    assert all(every.first <= uid <= every.last for uid in found)


def test_a_user_in_use_is_passed_over_until_all_are() -> None:
    few = Users(10, 12)
    taken: set[int] = set()
    for _ in range(3):
        uid, gid = few.of("i-1", taken)
        assert uid == gid
        assert uid not in taken
        taken.add(uid)
    assert few.of("i-1", taken)[0] in taken
    assert Users(7, 7, 8).of("i-1", {7}) == (7, 8)


def test_what_is_said_of_it() -> None:
    assert Isolation(Users(10, 12), True).describe() == {
        "user": "enforced (users 10-12, one for each instance)",
        "files": "enforced (mount namespace)",
        "shared_memory": "not enforced: switched off",
        "network": "shared with this machine",
    }
    whole = Isolation(Users(10, 12), True, ipc=True, network=True)
    assert whole.namespaces == ("ipc", "net")
    assert whole.describe()["shared_memory"] == "enforced (IPC namespace, /dev/shm of its own)"
    assert whole.describe()["network"] == "enforced (none but its own loopback)"
    bare = Isolation(Users(10, 12), reasons={"view": "because"}, ipc=True).describe()
    assert bare["shared_memory"] == "partly enforced (IPC namespace; /dev/shm not enforced: because)"
    assert "can reach each other" in Isolation(Users(7, 7), True).describe()["user"]
    assert Isolation(None, False, {"user": "why", "view": "because", "ipc": "so"}).describe() == {
        "user": "not enforced: why",
        "files": "not enforced: because",
        "shared_memory": "not enforced: so",
        "network": "shared with this machine",
    }


def test_what_lies_in_the_data_directory_is_shown_after_it_was_hidden() -> None:
    data, work = Path("/srv/yard"), Path("/srv/yard/instances/i/work")
    inside, outside = Path("/srv/yard/packages/d"), Path("/srv/python")
    mounts = view((inside, outside, Path("/usr/lib/python3")), data, work)
    own = [m for m in mounts if m.path.startswith("/srv") or m.path == "/tmp"]
    assert own == [
        Mount("bind", "/tmp", f"{work}/tmp", writable=True),
        Mount("bind", str(outside), str(outside)),
        Mount("tmpfs", str(data), "mode=0755,size=1m"),
        Mount("bind", str(inside), str(inside)),
        Mount("bind", str(work), str(work), writable=True),
    ]
    assert not any(m.path == "/usr/lib/python3" for m in mounts)  # /usr is there
    assert not any(m.writable for m in mounts if m.kind == "bind" and m.path not in {"/tmp", "/dev", str(work)})


def test_a_directory_is_there_under_both_its_names(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "name").symlink_to("real")
    mounts = view((tmp_path / "name",), tmp_path / "data", tmp_path / "data" / "work")
    assert {m.path for m in mounts if m.path.startswith(str(tmp_path))} >= {
        str(tmp_path / "name"),
        str((tmp_path / "real").resolve()),
    }
