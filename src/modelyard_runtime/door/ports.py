"""Who listens on a port of this machine, and the right to one that no other door may have.

A port is reserved by a name (an abstract Unix socket, which the kernel frees when its holder ends), not by binding
it: the program has to bind it, and need not know how to share it. Whoever listens there is believed only if it
runs as the same user as its door, since another process of the machine may have been quicker, and if this machine
reaches it by itself: on a loopback address, or on all.
"""

import errno
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

from modelyard_runtime.door.reach import Reach, tcp, unix

NAME = "\0modelyard-port-%d"
LISTENS = "0A"
TABLES = (("/proc/self/net/tcp", socket.AF_INET, 8), ("/proc/self/net/tcp6", socket.AF_INET6, 32))
"""With the digits of an address."""
MAPPED = bytes(10) + b"\xff\xff"
LOOK_S = 1.0


class TakenError(Exception):
    """The port is not to be had."""


def reserve(port: int) -> socket.socket:
    """Keep the port from every other door of this network while the result is open. Raises TakenError."""
    held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        held.bind(NAME % port)
    except OSError as error:
        held.close()
        text = f"another instance has port {port}" if error.errno == errno.EADDRINUSE else str(error)
        raise TakenError(text) from None
    if any(_listening(port)):
        held.close()
        raise TakenError(f"another program listens on port {port}")
    return held


def program(port: int, own: str, user: int) -> Reach:
    """Where the command of this instance listens: on the Unix socket `own`, else on `port`."""
    place = os.open(os.path.dirname(own), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)  # noqa: PTH120
    return unix(f"/proc/self/fd/{place}/{os.path.basename(own)}", guarded(port, user))  # noqa: PTH119


def guarded(port: int, user: int) -> Reach:
    """Connects to `port` of this machine while a process of `user` listens there. Whether it does is asked again
    after LOOK_S: a program may end its server and start another one."""
    found: tuple[Reach | None, float] = (None, 0.0)

    def reach() -> socket.socket:
        nonlocal found
        known, until = found
        now = time.monotonic()
        if known is None or now >= until:
            host = next((host for host, owner in _listening(port) if host and owner == user), "")
            known = tcp(host, port) if host else None
            found = (known, now + LOOK_S)
        if known is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        return known()

    return reach


def listens(port: int, own: str, user: int) -> bool:
    """Whether a connection to the command would find it, as far as can be told without one."""
    with suppress(OSError):
        if stat.S_ISSOCK(os.stat(own).st_mode):  # noqa: PTH116
            return True
    return any(host and owner == user for host, owner in _listening(port))


def own_ports() -> list[int]:
    """Where we and what we started listen: our process group, and whoever descends from us."""
    sockets = _sockets(_family())
    return sorted({port for _, port, _, inode in _listeners() if inode in sockets})


def _family() -> set[int]:
    us, group = os.getpid(), os.getpgrp()
    parents, family = {}, {us}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
                _, parent, its_group = file.read().rpartition(")")[2].split()[:3]
        except OSError:
            continue  # it has ended
        parents[int(name)] = int(parent)
        if int(its_group) == group:
            family.add(int(name))
    more = True
    while more:
        children = {pid for pid, parent in parents.items() if parent in family} - family
        family |= children
        more = bool(children)
    return family


def _sockets(pids: set[int]) -> set[int]:
    """The inodes of those that these processes have open, as far as we may look."""
    found = set()
    for pid in pids:
        with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                with suppress(OSError):  # closed by now
                    link = os.readlink(entry.path)  # noqa: PTH115
                    if link.startswith("socket:["):
                        found.add(int(link[8:-1]))
    return found


def _listening(port: int) -> Iterator[tuple[str, int]]:
    """Where the port is listened on, as an address to connect to ("": not from here), and by which user."""
    return ((host, owner) for host, found, owner, _ in _listeners() if found == port)


def _listeners() -> Iterator[tuple[str, int, int, int]]:
    """An address to connect to ("": it listens on one of the network alone), its port, user and inode, of
    everything that listens in this network."""
    for table, family, size in TABLES:
        try:
            with open(table, encoding="ascii") as file:  # noqa: PTH123
                next(file)
                for line in file:
                    fields = line.split()
                    if fields[3] != LISTENS:
                        break  # the kernel tells those that listen first
                    address, _, port = fields[1].partition(":")
                    words = (int(address[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, size, 8))
                    yield _host(family, b"".join(words)), int(port, 16), int(fields[7]), int(fields[9])
        except OSError:
            continue  # this kernel has no such addresses


def _host(family: int, address: bytes) -> str:
    """How a listener with this local address is reached by this machine alone."""
    if family == socket.AF_INET6 and address.startswith(MAPPED):
        family, address = socket.AF_INET, address[len(MAPPED) :]
    if family == socket.AF_INET:
        if not any(address):
            return "127.0.0.1"
        return socket.inet_ntop(family, address) if address[0] == 127 else ""
    return "::1" if not any(address[:-1]) and address[-1] in (0, 1) else ""
