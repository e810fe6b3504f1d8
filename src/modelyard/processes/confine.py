"""In a forked child: take on control groups, limits, a view of the files and an identity, then become the program.

Used by the shim (`shim.py`) and by whoever joins a running process (`nsenter.py`), as a top-level module of
theirs: it must never import the package. The C half of ctypes is used on purpose, see `shim.py`.

Promises: whatever cannot be taken on raises, and the program does not run; only a control group that was not made
is passed over, since `shim.prepare` has said so. After `drop` there are no capabilities to get back: the bounding
set is empty and no new privileges can come from a setuid file.
"""

import os
import resource
import sys

try:
    import _ctypes
    import _signal as signal  # type: ignore[import-not-found]
except ImportError:  # another Python: the same, slower
    import ctypes as _ctypes  # type: ignore[no-redef]
    import signal

SET_PDEATHSIG, CAPBSET_DROP, SET_NO_NEW_PRIVS = 1, 24, 38
NEW_NAMESPACE = 0x00020000
NAMESPACES = {"ipc": 0x08000000, "net": 0x40000000}
SET_FLAGS, UP = 0x8914, 1
SHM_PAGES = "/proc/sys/kernel/shmall"
KEYCTL = {"x86_64": 250, "aarch64": 219}
JOIN_SESSION_KEYRING = 1
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, SLAVE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 19
DETACH = 2
LAST_CAPABILITY = "/proc/sys/kernel/cap_last_cap"

if hasattr(_ctypes, "CDLL"):
    _libc = _ctypes.CDLL(None, use_errno=True)

    def _function(name: str) -> object:
        return getattr(_libc, name)
else:

    class _Int(_ctypes._SimpleCData):  # type: ignore[type-arg]
        _type_ = "i"

    class _Function(_ctypes.CFuncPtr):
        _flags_ = 1 | 8  # FUNCFLAG_CDECL, FUNCFLAG_USE_ERRNO
        _restype_ = _Int

    def _function(name: str) -> object:
        return _Function(_ctypes.dlsym(_ctypes.dlopen("", 0), name))


def call(name: str, *args: "int | bytes | None") -> int:
    """A function of the C library that answers an int; below zero is raised as OSError."""
    result: int = _function(name)(*args)  # type: ignore[operator]
    if result < 0:
        number = _ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return result


def prctl(option: int, value: int) -> None:
    call("prctl", option, value, 0, 0, 0)


def join(groups: list[dict]) -> None:  # type: ignore[type-arg]
    """Move this process into its control groups."""
    for group in groups:
        try:
            with open(group["path"] + "/cgroup.procs", "w", encoding="ascii") as file:  # noqa: PTH123
                file.write("0")
        except OSError:
            pass  # said by `shim.prepare` already


def limit(spec: dict) -> None:  # type: ignore[type-arg]
    """Limits that come with the process, not with a group. A lower one that holds already stays."""
    for kind, wanted in ((resource.RLIMIT_NOFILE, spec["open_files"]), (resource.RLIMIT_NPROC, spec["processes"])):
        if wanted:
            hard = resource.getrlimit(kind)[1]
            value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(kind, (value, value))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crashing model must not fill the disk


def separate(spec: dict) -> None:  # type: ignore[type-arg]
    """Take on namespaces of its own, before `see`: what is mounted there belongs to them."""
    names = spec["namespaces"]
    if not names:
        return
    for name in names:
        call("unshare", NAMESPACES[name])
    if "net" in names:
        _loopback()
    if "ipc" in names and spec["shared_memory_mib"]:
        with open(SHM_PAGES, "w", encoding="ascii") as file:  # noqa: PTH123
            file.write(str((spec["shared_memory_mib"] << 20) // resource.getpagesize()))


def _loopback() -> None:
    """A new network has a loopback that is down."""
    import fcntl
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = b"lo".ljust(16, b"\0") + UP.to_bytes(2, sys.byteorder) + bytes(22)
        fcntl.ioctl(any_socket, SET_FLAGS, request)


def see(mounts: list[dict], root: str, user: "list[int] | None", handed: "dict[str, str]") -> None:  # type: ignore[type-arg]
    """See nothing of the file system but `mounts` (`view.Mount`), in this order. `root` is an empty directory;
    `handed`: contents of files that are never written to a disk."""
    if not mounts:
        return
    before = os.umask(0o022)
    call("unshare", NEW_NAMESPACE)
    call("mount", None, b"/", None, REC | SLAVE, None)  # what is unmounted outside goes here too, never back
    call("mount", b"modelyard", os.fsencode(root), b"tmpfs", NOSUID | NODEV, b"mode=0755,size=1m")
    for mount in mounts:
        try:
            if mount["kind"] == "secret":
                _keep(os.fsencode(root), os.fsencode(root + mount["path"]), handed[mount["path"]], user)
            else:
                _mount(mount, os.fsencode(root + mount["path"]), user)
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"{mount['kind']} {mount['path']}") from None
    call("mount", None, os.fsencode(root), None, REMOUNT | BIND | RDONLY | NOSUID | NODEV, None)
    os.chdir(root)
    call("pivot_root", b".", b".")
    call("umount2", b".", DETACH)
    os.umask(before)


def _keep(root: bytes, target: bytes, content: str, user: "list[int] | None") -> None:
    """A file in the memory that the root of the view is, for this user alone."""
    parent = os.path.dirname(target)  # noqa: PTH120
    os.makedirs(parent, 0o755, exist_ok=True)  # noqa: PTH103
    if os.stat(parent).st_dev != os.stat(root).st_dev:  # noqa: PTH116
        raise OSError(18, "something else is mounted there")
    file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o400)
    try:
        data = content.encode()
        if os.write(file, data) != len(data):
            raise OSError(28, "no space is left for secrets")
        if user:
            os.fchown(file, *user)
    finally:
        os.close(file)


def _mount(mount: dict, target: bytes, user: "list[int] | None") -> None:  # type: ignore[type-arg]
    kind, source = mount["kind"], os.fsencode(mount["source"])
    if kind == "link":
        os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)  # noqa: PTH103, PTH120
        os.symlink(source, target)  # noqa: PTH211
        return
    if kind == "deny":
        if os.path.lexists(target):  # a card may be gone by now
            call("mount", target, target, None, BIND, None)
            call("mount", None, target, None, REMOUNT | BIND | NOSUID | NODEV, None)
        return
    os.makedirs(target, 0o755, exist_ok=True)  # noqa: PTH103
    if kind == "bind":
        deep = REC if mount["deep"] else 0
        call("mount", source, target, None, BIND | deep, None)
        flags = NOSUID | (0 if mount["devices"] else NODEV) | (0 if mount["writable"] else RDONLY)
        call("mount", None, target, None, REMOUNT | BIND | flags, None)
    elif kind == "tmpfs":
        call("mount", b"modelyard", target, b"tmpfs", NOSUID | NODEV, source)
    elif kind == "volume":
        import attach  # type: ignore[import-not-found]  # most have none

        attach.volume(mount, target, user)
    elif kind in ("proc", "mqueue"):
        call("mount", kind.encode(), target, kind.encode(), NOSUID | NODEV | NOEXEC, source)


def drop(user: "list[int] | None", groups: "list[int]") -> None:
    """Become `user` (uid, gid), who is in `groups` too, without a capability, and never get a privilege again."""
    if user:
        uid, gid = user
        with open(LAST_CAPABILITY, encoding="ascii") as file:  # noqa: PTH123
            last = int(file.read())
        for capability in range(last + 1):
            prctl(CAPBSET_DROP, capability)
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        os.umask(0o077)
    else:
        os.umask(0o022)
    prctl(SET_NO_NEW_PRIVS, 1)


def forget_keys(user: "list[int] | None") -> None:
    """Leave the key ring of our session, which holds what its members put there until the last one has ended."""
    number = KEYCTL.get(os.uname().machine)
    if user and number is not None:
        try:  # noqa: SIM105 - contextlib would be another import of each instance
            call("syscall", number, JOIN_SESSION_KEYRING, None)
        except OSError:
            pass  # a kernel or a container without key rings: nothing to leave


def run(spec: dict, argv: "list[str]", parent: int) -> None:  # type: ignore[type-arg]
    """The program, unless `parent` died meanwhile: it dies with it."""
    prctl(SET_PDEATHSIG, signal.SIGKILL)  # after the change of user, which clears it
    if os.getppid() == parent:
        os.execvpe(argv[0], argv, dict(spec["env"]))  # noqa: S606
