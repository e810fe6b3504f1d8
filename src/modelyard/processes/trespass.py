"""Who of some processes has a port of this machine: who listens there, and who has only bound it.

The kernel's tables show listeners, with their users and inodes. A socket that is bound and does not listen is in
no table: a duplicate of it, taken from its process (pidfd_getfd, which only root may do of others), tells its
address. Not seen is a bound socket that lies in a message which nobody has received.
"""

import contextlib
import ctypes
import os
import socket
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelyard.processes.directory import stat

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LISTENS = "0A"
GETFD = 438
"""pidfd_getfd, alike on every architecture."""
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Listener:
    """A line of the kernel's tables."""

    place: str
    port: int
    user: int
    inode: int


def listeners(ports: Collection[int], tables: Iterable[Path] = TABLES) -> Iterator[Listener]:
    """Who listens on these."""
    for table in tables:
        with contextlib.suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                address, _, number = fields[1].partition(":")
                if (port := int(number, 16)) in ports and fields[3] == LISTENS:
                    yield Listener(f"{_address(address)}:{port}", port, int(fields[7]), int(fields[9]))


def held(pids: Collection[int], ports: Collection[int], inodes: Mapping[int, str]) -> str:
    """The first place, an address and one of the ports, that one of these processes has; "" for none. `inodes`:
    places of sockets that are known by their number."""
    for pid in pids:
        for descriptor, inode in _sockets(pid):
            if place := inodes.get(inode) or _bound(pid, descriptor, ports):
                return place
    return ""


def families(roots: Collection[int]) -> Mapping[int, set[int]]:
    """Of each process, those that it started, and those that they started."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := stat(int(entry.name))) is not None:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    families = {}
    for root in roots:
        family: set[int] = set()
        waiting = [root]
        while waiting:
            new = [pid for pid in children.get(waiting.pop(), ()) if pid not in family]
            family.update(new)
            waiting += new
        families[root] = family
    return families


def _sockets(pid: int) -> Iterator[tuple[int, int]]:
    """(descriptor, inode) of each socket that a process has open."""
    place = f"/proc/{pid}/fd"
    try:
        names = os.listdir(place)  # noqa: PTH208
    except OSError:
        return
    for name in names:
        with contextlib.suppress(OSError, ValueError):
            link = os.readlink(f"{place}/{name}")  # noqa: PTH115
            if link.startswith("socket:["):
                yield int(name), int(link[8:-1])


def _bound(pid: int, descriptor: int, ports: Collection[int]) -> str:
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return ""
    try:
        copy = _libc.syscall(GETFD, handle, descriptor, 0)
    finally:
        os.close(handle)
    if copy < 0:
        return ""
    with contextlib.suppress(OSError), socket.socket(fileno=copy) as one:
        if one.family in {socket.AF_INET, socket.AF_INET6} and one.type == socket.SOCK_STREAM:
            host, port = one.getsockname()[:2]
            if port in ports:
                return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return ""


def _address(text: str) -> str:
    """As the kernel writes it: words in the machine's order."""
    words = [int(text[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(text), 8)]
    raw = b"".join(words)
    return (
        f"[{socket.inet_ntop(socket.AF_INET6, raw)}]" if len(raw) == 16 else socket.inet_ntop(socket.AF_INET, raw)
    )
