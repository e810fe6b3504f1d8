"""How a door connects to the port of its program. Nothing here waits.

A `Reach` begins a connection and gives its socket, which does not block; whether the port is open shows when the
connection is made or refused. It raises OSError when it cannot even begin, which is as good as refused.
"""

import errno
import os
import socket
from collections.abc import Callable

Reach = Callable[[], socket.socket]

BEGUN = frozenset({0, errno.EINPROGRESS})
NEW_NETWORK = 0x40000000


def tcp(host: str, port: int) -> Reach:
    """A numeric address in our own network."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET

    def reach() -> socket.socket:
        return _connected(socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK), (host, port))

    return reach


def tcp_within(namespace: int, host: str, port: int) -> Reach:
    """In the network that `namespace` (a descriptor of /proc/PID/ns/net, which stays the caller's) is. A socket
    belongs to the network in which it was made, so the calling thread is there for that moment only."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def reach() -> socket.socket:
        _join(namespace)
        try:
            made = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        finally:
            _join(home)
        return _connected(made, (host, port))

    return reach


def unix(path: str, otherwise: Reach) -> Reach:
    """A Unix socket, by a path that fits a socket address; `otherwise` while there is none."""

    def reach() -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            return _connected(made, path)
        except (FileNotFoundError, ConnectionRefusedError):
            return otherwise()

    return reach


def _connected(made: socket.socket, address: "tuple[str, int] | str") -> socket.socket:
    try:
        if made.family != socket.AF_UNIX:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begun = made.connect_ex(address)
        if begun not in BEGUN:
            raise OSError(begun, os.strerror(begun))
    except BaseException:
        made.close()
        raise
    return made


def _join(namespace: int) -> None:
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(namespace, NEW_NETWORK) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "setns")
