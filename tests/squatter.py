"""Takes a port by whatever means a program without rights has. Imports nothing but the standard library: models in
tests are made of it."""

import itertools
import socket
import sys

ADDRESSES = ("127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1")
MULTIPATH = 262
BIND_TO_DEVICE, V6_ONLY = 25, 26


def attempts() -> "list[tuple[str, bool, bool, int | None, bool, int]]":
    """(address, SO_REUSEADDR, SO_REUSEPORT, IPV6_V6ONLY, bound to lo, protocol)"""
    yes_no = (False, True)
    return [
        one
        for one in itertools.product(ADDRESSES, yes_no, yes_no, (None, 0, 1), yes_no, (0, MULTIPATH))
        if ":" in one[0] or one[3] is None
    ]


def take(port: int, address: str, *how: "bool | int | None") -> socket.socket:
    reuse_address, reuse_port, v6_only, device, protocol = how
    found = socket.socket(
        socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, int(protocol or 0)
    )
    try:
        if device:
            found.setsockopt(socket.SOL_SOCKET, BIND_TO_DEVICE, b"lo\0")
        if reuse_address:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if v6_only is not None:
            found.setsockopt(socket.IPPROTO_IPV6, V6_ONLY, v6_only)
        found.bind((address, port))
        found.listen()
    except BaseException:
        found.close()
        raise
    return found


def got(port: int) -> "list[str]":
    """What worked, in one round through all of it."""
    found = []
    for address, *how in attempts():
        try:
            take(port, address, *how).close()
        except OSError:
            continue
        found.append(f"{address},{','.join(map(str, how))}")
    return found


if __name__ == "__main__":
    print(got(int(sys.argv[1])))
