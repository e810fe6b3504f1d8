"""Mounts a directory of the host, a volume, where a process is to see it: that very directory, or none.

Beside `confine.py`, and as that imported by name only: it must never import the package. Its pure half is used by
who decides whether a volume may be mounted.

The directory is opened step by step, and no step may be a symbolic link, so that what was renamed or replaced
since it was admitted leads nowhere else. What is mounted is what was opened. Neither devices nor setuid files work
there; what is mounted in it is not shown.

Instances are users that nobody else is. So that a volume outlives them, the owner of its directory is mapped to
the instance's user (an id-mapped mount, Linux 5.12): what it writes belongs on disk to that owner and the group of
that number, and what belongs to that owner is its own. Root is mapped to nobody, since a setuid file that a model
left there would be root's: in a directory of root's, as in one whose file system knows no mapping, the modes
decide.
"""

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442
"""Numbers of system calls, the same on every architecture."""
NEW_USERS = 0x10000000
HERE, EMPTY_PATH, CLONE, FROM_EMPTY = -100, 0x1000, 1, 4
READ_ONLY, NO_SUID, NO_DEVICES, NO_PROGRAMS, MAPPED = 1, 2, 4, 8, 0x100000
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND = 1, 2, 4, 8, 32, 4096
DENIED = 13


def opened(path: str) -> int:
    """A handle on this very directory. Raises OSError: ENOTDIR also where a step is a symbolic link."""
    handle = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for name in filter(None, path.split("/")):
        flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            step = os.open(name, flags, dir_fd=handle)
        finally:
            os.close(handle)
        handle = step
    return handle


def mapped(owner: int, user: "int | None") -> bool:
    """Whether the owner of a volume is to be the instance's user there (None: each has its own)."""
    return owner not in {0, user}


def unfit(owner: int, mode: int, user: "int | None", *, writable: bool, maps: bool = True) -> str:
    """Why the instance's user cannot use the directory ("": it can). `maps`: owners can be mapped there."""
    if owner == user or (maps and mapped(owner, user)):
        return ""
    if owner == 0:
        whose = "which belongs to root"
        give = "give it to a user who owns nothing else (chown), whose files are the instances' then, or "
    else:
        whose, give = f"which belongs to user {owner}, who cannot be mapped to instances there", ""
    if not mode & 0o001:
        return f"{whose}, and nobody else may enter it: {give}open it to others (chmod o+rx)"
    if writable and not mode & 0o002:
        return f"{whose}, and nobody else may write there: {give}mount it with read_only"
    return ""


def of_root(owner: int, group: int, user: "int | None") -> str:
    """Why nobody can write in a directory whose owner is mapped ("": its group is as well). Root's group is mapped
    to nobody, and where a group is not mapped the kernel lets nothing be written."""
    if group or not mapped(owner, user):
        return ""
    give = f"chown {owner}:{owner}, or mount it with read_only"
    return f"whose group is root's, so that nothing can be written there: {give}"


def volume(mount: "Mapping[str, object]", target: bytes, user: "list[int] | None") -> None:
    """Mount it at `target`. Raises OSError, whose text says why."""
    from confine import call  # type: ignore[import-not-found]  # beside this file

    path, writable = str(mount["source"]), bool(mount["writable"])
    try:
        handle = opened(path)
    except OSError as error:
        raise OSError(error.errno, f"{path}: {error.strerror}, or a symbolic link leads there") from None
    try:
        status = os.fstat(handle)
        owner = status.st_uid, status.st_gid or status.st_uid
        if user and mapped(status.st_uid, user[0]) and _attached(handle, target, mount, owner, user):
            return
        if user and (why := unfit(status.st_uid, status.st_mode, user[0], writable=writable, maps=False)):
            raise OSError(DENIED, f"{path}, {why}")
        call("mount", b"/proc/self/fd/%d" % handle, target, None, BIND, None)
        flags = NOSUID | NODEV | (0 if writable else RDONLY) | (0 if mount["programs"] else NOEXEC)
        call("mount", None, target, None, REMOUNT | BIND | flags, None)
    finally:
        os.close(handle)


def _attached(
    handle: int, target: bytes, mount: "Mapping[str, object]", owner: "tuple[int, int]", user: "list[int]"
) -> bool:
    """Mount what was opened with its owner mapped; False where that cannot be."""
    from confine import call

    flags = MAPPED | NO_SUID | NO_DEVICES
    flags |= (0 if mount["writable"] else READ_ONLY) | (0 if mount["programs"] else NO_PROGRAMS)
    tree = owners = -1
    try:
        owners = _owners(owner, user)
        tree = call("syscall", OPEN_TREE, handle, b"", EMPTY_PATH | CLONE | os.O_CLOEXEC)
        wanted = b"".join(value.to_bytes(8, sys.byteorder) for value in (flags, 0, 0, owners))
        call("syscall", MOUNT_SETATTR, tree, b"", EMPTY_PATH, wanted, len(wanted))
        call("syscall", MOVE_MOUNT, tree, b"", HERE, target, FROM_EMPTY)
    except OSError:
        return False
    finally:
        for one in (tree, owners):
            if one >= 0:
                os.close(one)
    return True


def _owners(owner: "tuple[int, int]", user: "list[int]") -> int:
    """A name space of users in which what `owner` (user and group) owns belongs to `user`."""
    from confine import call

    reader, writer = os.pipe()
    kept, held = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(held)
            os.close(reader)
            call("unshare", NEW_USERS)
            os.write(writer, b"1")
            os.read(kept, 1)  # until whoever asks has it, or was killed
        finally:
            os._exit(1)
    os.close(writer)
    os.close(kept)
    try:
        if not os.read(reader, 1):
            raise OSError(1, "no name space of users can be made")
        for name, outside, instance in zip(("uid_map", "gid_map"), owner, user, strict=True):
            with open(f"/proc/{child}/{name}", "w", encoding="ascii") as file:  # noqa: PTH123
                file.write(f"{outside} {instance} 1")
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(reader)
        os.close(held)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
