"""Who listens on a port of this machine, and the right to one that no other door may have.

A port is reserved by a name (an abstract Unix socket, which the kernel frees when its holder ends), not by binding
it: the program has to bind it, and need not know how to share it. Whoever listens there is believed only if it
runs as the same user as its door: another process of the machine may have been quicker.
"""

import errno
import os
import socket
from collections.abc import Iterator

from modelyard_runtime.door.reach import Reach, tcp

NAME = "\0modelyard-port-%d"
LISTENS = "0A"
TABLES = (("/proc/self/net/tcp", "127.0.0.1"), ("/proc/self/net/tcp6", "::1"))


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


def guarded(port: int, user: int) -> Reach:
    """Connects to `port` of this machine once a process of `user` listens there."""
    found: list[Reach] = []

    def reach() -> socket.socket:
        if not found:
            for host, owner in _listening(port):
                if owner == user:
                    found.append(tcp(host, port))
                    break
            else:
                raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        return found[0]()

    return reach


def own_ports(user: int) -> list[int]:
    """Where processes of this user listen."""
    return sorted({port for _, port, owner in _listeners() if owner == user})


def _listening(port: int) -> Iterator[tuple[str, int]]:
    """Where the port is listened on, as an address to connect to, and by which user."""
    return ((host, owner) for host, found, owner in _listeners() if found == port)


def _listeners() -> Iterator[tuple[str, int, int]]:
    """An address to connect to, its port, and its user, of everything that listens in this network."""
    for table, host in TABLES:
        try:
            with open(table, encoding="ascii") as file:  # noqa: PTH123
                next(file)
                for line in file:
                    fields = line.split()
                    if fields[3] == LISTENS:
                        yield host, int(fields[1].rpartition(":")[2], 16), int(fields[7])
        except OSError:
            continue  # this kernel has no such addresses
