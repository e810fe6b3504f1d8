"""What model code may not do, tried by real processes: `intruder.py` under each degree of isolation."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds.engines import STUB, ProcessEngineWorld, spec

from modelyard.domain.process import ProcessState
from modelyard.engines.base import Resources
from modelyard.engines.launch import REACH, LaunchOptions, readable, trial
from modelyard.processes import isolation, limits, supervise
from modelyard.processes.directory import Spec
from modelyard.processes.isolation import Isolation, Users
from modelyard.processes.mounts import Mount, view

PYTHON = "/usr/bin/python3"  # the one of this environment may lie where another user cannot go
INTRUDER = Path(__file__).with_name("intruder.py")
READY, EXITED = ProcessState.READY, ProcessState.EXITED
RESOURCES = Resources(cpu=2, memory_mib=512, pids=40, open_files=321)
AUTO = isolation.users(isolation.AUTO, root=True, uid_map=isolation.id_map())[0] or Users(1, 1)

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="RIGHTS OF MODEL CODE NOT TESTED: only root may change user"),
    pytest.mark.skipif(AUTO.shared, reason="RIGHTS OF MODEL CODE NOT TESTED: no ids for instances exist here"),
    pytest.mark.skipif(not Path(PYTHON).exists(), reason=f"RIGHTS OF MODEL CODE NOT TESTED: no {PYTHON}"),
]

GONE, NO, DENIED = "ENOENT", "EACCES", "Permission denied"
ALWAYS = {
    "names in the data directory": NO,
    "names of instances": NO,
    "signal another": "EPERM",
    "signal the control plane": "EPERM",
    "root": "EPERM",
    "setuid program": True,
    "uncover": "",
    "package, read": "read 2 bytes",
    "package, written": NO,
    "package, added to": NO,
    "work": "written",
    "temporary files": "written",
    "groups": [],
    "umask": "0o77",
    "capabilities": ["CapBnd:\t0000000000000000"],
    "user's name": "model",
    "files": 321,
    "forks": "EAGAIN after fewer than 40: True",
}
FORBIDDEN = (
    "credentials", "database", "key", "other's log", "other's work", "other's socket", "admin socket",
    "xds socket", "other's environment", "control plane's environment",
)  # fmt: skip
EXPECTED = {
    "user": ALWAYS | dict.fromkeys(FORBIDDEN, NO),
    "view": ALWAYS
    | dict.fromkeys(FORBIDDEN, GONE)
    | {"names in the data directory": False, "names of instances": False, "package, written": "EROFS"}
    | {"package, added to": "EROFS"},
}


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory with secrets in it, on a way that is open to all, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="modelyard-", dir="/tmp") as name, ExitStack() as stack:
        Path(name).chmod(0o711)
        root = Path(name, "data")
        root.mkdir(mode=0o711)
        for secret in ("credentials.json", "modelyard.db", "keys/jwt.pem"):
            (root / secret).parent.mkdir(mode=0o700, exist_ok=True)
            (root / secret).write_text("secret")
            (root / secret).chmod(0o600)
        (root / "gateway").mkdir(mode=0o700)
        for listener in ("admin.sock", "xds.sock"):
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(str(root / "gateway" / listener))
            server.listen()
        shutil.copy("/usr/bin/id", Path(name, "id"))
        Path(name, "id").chmod(0o4755)
        yield root


def options(degree: str, data_dir: Path) -> LaunchOptions:
    tests = data_dir.parent / "tests"
    tests.mkdir(exist_ok=True)
    for file in (INTRUDER, STUB):
        shutil.copy(file, tests)
    shutil.copy2(data_dir.parent / "id", tests / "id")
    os.chmod(tests / "id", 0o4755)  # noqa: PTH101
    return LaunchOptions(
        python=PYTHON, isolation=Isolation(AUTO, views=degree == "view", ipc=True), shown=(tests,),
        command=lambda _: (PYTHON, "-I", "-S", str(tests / STUB.name)),
    )  # fmt: skip


def mountable() -> None:
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("VIEWS OF INSTANCES NOT TESTED: no mount namespace can be made here")


@pytest.fixture(params=["view", "user"])
async def world(request: pytest.FixtureRequest, data_dir: Path) -> AsyncIterator[ProcessEngineWorld]:
    if request.param == "view":
        mountable()
    made = ProcessEngineWorld(data_dir, options(request.param, data_dir))
    made.package.chmod(0o755)
    (made.package / "model").mkdir(mode=0o755)
    (made.package / "model" / "config.json").write_text("{}")
    await made.open()
    yield made
    await made.close()


async def intruded(world: ProcessEngineWorld, resources: Resources = RESOURCES) -> dict[str, object]:
    """What an intruder made of it, beside another instance."""
    tests = world.data_dir.parent / "tests"
    await world.start(replace(spec(2), envs=(("STUB", "serve"), ("TOKEN", "secret"))))
    await world.until(lambda seen: all(o.process.state is READY for o in seen))
    arguments = (str(world.data_dir), str(await world.pid("i-2")), str(os.getpid()), str(tests / "id"))
    command = (PYTHON, "-I", "-S", str(tests / INTRUDER.name), *arguments)
    await world.successor(limited=world.limited, command=lambda _: command)
    await world.start(replace(spec(1), resources=resources))
    await world.until(lambda seen: any(o.process.state is EXITED for o in seen))
    tail = await world.engine.log_tail("i-1", 30)
    assert tail.startswith("{"), tail
    found = json.loads(tail)
    assert isinstance(found, dict)
    return found


async def test_model_code_has_no_rights_it_does_not_need(
    world: ProcessEngineWorld, request: pytest.FixtureRequest
) -> None:
    degree = request.node.callspec.params["world"]
    expected = EXPECTED[degree]
    assert await intruded(world) == expected
    users = {(d.spec() or Spec(())).user for d in (world.directory("i-1"), world.directory("i-2"))}
    assert len(users) == 2
    assert all(user and AUTO.first <= user[0] <= AUTO.last for user in users)


async def test_processes_are_bounded_also_without_control_groups(world: ProcessEngineWorld) -> None:
    await world.successor(limited=False)
    assert world.engine.enforced()["pids"] == "enforced (rlimit)"
    assert (await intruded(world))["forks"] == "EAGAIN after fewer than 40: True"


async def test_too_much_memory_is_said_to_be_the_cause(world: ProcessEngineWorld, tmp_path: Path) -> None:
    if not (how := limits.detect(tmp_path).describe()["memory"]).startswith("enforced"):
        pytest.skip(f"LIMIT NOT TESTED: memory is {how}")
    await world.start(replace(spec(how="oom"), resources=replace(RESOURCES, memory_mib=64)))
    (seen,) = await world.until(lambda seen: seen[0].process.state is EXITED)
    assert seen.process.exit == "killed by signal 9 (out of memory)"


async def test_it_is_adopted_with_its_user(world: ProcessEngineWorld) -> None:
    await world.start(spec())
    await world.until(lambda seen: seen[0].process.state is READY)
    before = (world.directory().spec() or Spec(())).user
    assert before is not None
    two = Users(before[0], before[0] + 1)
    await world.successor(isolation=replace(world.options.isolation, users=two))
    number = next(n for n in range(2, 100) if two.of(f"i-{n}")[0] == before[0])
    await world.start(spec(number))
    assert (world.directory(f"i-{number}").spec() or Spec(())).user == two.of(f"i-{number}", {before[0]})
    await world.engine.stop("i-1", 10)
    await world.until(lambda seen: any(o.process.state is EXITED for o in seen))
    await world.engine.remove("i-1")
    assert not world.directory().path.exists()


async def test_the_strongest_degree_that_works_is_found(data_dir: Path) -> None:
    mountable()
    shown = readable(sys.executable)
    found = await isolation.detect(
        data_dir / "trial", AUTO, "", trial(sys.executable), lambda work: view(shown, data_dir, work)
    )
    assert found == Isolation(AUTO, views=True, ipc=True)
    assert not (data_dir / "trial").exists()


async def test_without_mounts_the_user_is_left_and_without_a_way_nothing(data_dir: Path) -> None:
    def broken(work: Path) -> Sequence[Mount]:
        return view((Path("/no/such/directory"),), data_dir, work)

    works = Spec((PYTHON, "-c", REACH))
    found = await isolation.detect(data_dir / "trial", AUTO, "", works, broken)
    assert (found.users, found.views, found.ipc) == (AUTO, False, True)
    assert "bind /no/such/directory" in found.describe()["files"]
    data_dir.parent.chmod(0o700)
    found = await isolation.detect(data_dir / "trial", AUTO, "", works, broken)
    assert found.users is None
    assert "ermission denied" in found.describe()["user"]
    assert data_dir.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("world", ["view"], indirect=True)
async def test_a_program_sees_only_its_own_processes(world: ProcessEngineWorld) -> None:
    command = (PYTHON, "-c", "import os; print(sum(n.isdigit() for n in os.listdir('/proc')), os.environ['HOME'])")
    await world.successor(limited=world.limited, command=lambda _: command)
    await world.start(spec())
    async with asyncio.timeout(20):
        await world.until(lambda seen: seen[0].process.state is EXITED)
    assert await world.engine.log_tail("i-1", 1) == f"1 {world.directory().path / 'work'}"


async def test_a_health_command_has_the_same_rights(world: ProcessEngineWorld) -> None:
    await world.start(replace(spec(), resources=RESOURCES))
    await world.until(lambda seen: seen[0].process.state is READY)
    look = "id -u; ulimit -n; cat /proc/self/cgroup; ls $0; grep CapBnd /proc/self/status"
    command = ("/bin/sh", "-c", f"({look}) > found 2>&1", str(world.data_dir))
    assert await supervise.enter(world.directory(), command, 20) == 0
    lines = (world.directory().path / "work" / "found").read_text().splitlines()
    made = world.directory().spec()
    assert made is not None
    assert made.user is not None
    assert lines[:2] == [str(made.user[0]), "321"]
    child = Path(f"/proc/{await world.pid()}/cgroup").read_text().splitlines()
    assert lines[2 : 2 + len(child)] == child
    assert lines[-1] == "CapBnd:\t0000000000000000"
    shown = lines[2 + len(child) : -1]
    assert "credentials.json" not in shown
    assert shown == (
        ["instances", "package"] if made.view else [f"ls: cannot open directory '{world.data_dir}': {DENIED}"]
    )


LEFT = """
import ctypes, ctypes.util, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
flags = os.O_CREAT | os.O_EXCL
found = [
    libc.shmget(7_331, 4096, 0o1000 | 0o2000 | 0o666),
    libc.semget(7_331, 1, 0o1000 | 0o2000 | 0o666),
    libc.msgget(7_331, 0o1000 | 0o2000 | 0o666),
    libc.mq_open(b"/modelyard-test", flags | os.O_RDWR, 0o666, None),
]
print(["made" if one >= 0 else "there" for one in found])
libc.shmget.argtypes = (ctypes.c_int, ctypes.c_size_t, ctypes.c_int)
print(errno.errorcode[ctypes.get_errno()] if libc.shmget(7_332, 1 << 33, 0o1666) < 0 else "as much as it liked")
print([os.path.exists(path) for path in ("/dev/shm/modelyard-test", "/dev/mqueue/left-by-root")])
if sys.argv[1:]:
    open("/dev/shm/modelyard-test", "w").write("left")
"""


async def test_shared_memory_and_queues_belong_to_one_instance(world: ProcessEngineWorld) -> None:
    """What one makes, System V's and POSIX's, another does not find, nor the same name after it."""
    program = world.data_dir.parent / "tests" / "left.py"
    program.write_text(LEFT)
    viewed = world.options.isolation.views
    await world.successor(command=lambda _: (PYTHON, "-I", "-S", str(program), *"x"[:viewed]))
    for number in (1, 2):
        await world.start(replace(spec(number), resources=RESOURCES))
        await world.until(lambda seen: all(o.process.state is EXITED for o in seen))
        made, too_much, files = (await world.engine.log_tail(f"i-{number}", 5)).splitlines()
        assert made == str(["made"] * 4)
        assert too_much == "ENOSPC"
        assert files == "[False, False]"


async def test_a_network_of_its_own_has_a_loopback_and_nothing_else(world: ProcessEngineWorld) -> None:
    """Also for what is run beside it, and it is reached as always."""
    alone = replace(world.options.isolation, network=True)
    await world.successor(isolation=alone)
    await world.start(spec())
    await world.until(lambda seen: seen[0].process.state is READY)
    look = (
        "import socket, sys; names = [name for _, name in socket.if_nameindex()];"
        "one = socket.create_server(('127.0.0.1', 0)); socket.create_connection(one.getsockname());"
        "sys.exit(0 if names == ['lo'] else 9)"
    )
    assert await supervise.enter(world.directory(), (PYTHON, "-c", look), 20, python=PYTHON) == 0
