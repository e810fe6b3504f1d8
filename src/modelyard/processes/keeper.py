"""Keeps ports: holds them bound, and never listens, so that nobody but our user can have them.

    python -I -S -E … keeper.run("8470", "8471")

Run by `ports.PortKeeper`, detached; it never imports the package. Its sockets share their port (SO_REUSEPORT)
with whoever else does and is the same user: the API and Envoy. Everybody else is refused at every address of the
port, in both families. They do not have SO_REUSEADDR: two sockets that have it may be bound side by side, whoever
owns them, as long as none listens.

What cannot be had yet (an Envoy of an earlier release does not share) is tried again and again. Who connects to
the Unix socket that it has as descriptor 3 is told what is missing: a JSON object, address → why. The rest is held
by then.
"""

import json
import os
import select
import socket
import sys

LISTEN_FD = 3
AGAIN_S = 0.05
V6_ONLY = (socket.IPPROTO_IPV6, 26)
NO_FAMILY = frozenset({"EAFNOSUPPORT", "EADDRNOTAVAIL", "EPROTONOSUPPORT"})
SPARED = "-1000"


def bound(family: int, port: int, *, alone: bool = False, over_old: bool = False) -> socket.socket:
    """A socket bound to every address of the family. `alone`: fails where anybody has the port, also we;
    `over_old`: connections that ended are no hindrance. Raises OSError."""
    holder = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            holder.setsockopt(*V6_ONLY, 1)
        if over_old:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if not alone:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))  # noqa: S104 - nothing is answered there
    except BaseException:
        holder.close()
        raise
    return holder


def place(family: int, port: int) -> str:
    return f"[::]:{port}" if family == socket.AF_INET6 else f"0.0.0.0:{port}"


def no_family(error: OSError) -> bool:
    """This machine has no such addresses: nobody can have the port there."""
    import errno

    return errno.errorcode.get(error.errno or 0) in NO_FAMILY


def hold(wanted: "set[tuple[int, int]]", kept: "list[socket.socket]") -> "dict[str, str]":
    """Take what is to be had of `wanted`; what is missing, and why."""
    missing = {}
    for family, port in sorted(wanted):
        try:
            kept.append(bound(family, port))
        except OSError as error:
            if not no_family(error):
                missing[place(family, port)] = os.strerror(error.errno or 0)
                continue
        wanted.discard((family, port))
    return missing


def main(ports: "list[int]") -> None:
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write(SPARED)
    except OSError:
        pass  # only root may ask to be spared
    questions = socket.socket(fileno=LISTEN_FD)
    kept: list[socket.socket] = []
    wanted: set[tuple[int, int]] = {
        (family, port) for port in ports for family in (socket.AF_INET, socket.AF_INET6)
    }
    while True:
        missing = hold(wanted, kept)
        asked, _, _ = select.select([questions], [], [], AGAIN_S if wanted else None)
        if asked:
            with questions.accept()[0] as one:
                try:
                    one.sendall(json.dumps(missing).encode())
                except OSError:
                    continue


def run(*ports: str) -> None:
    try:
        main([int(port) for port in ports])
    except BaseException:  # noqa: BLE001 - whatever it was, the log has it
        sys.excepthook(*sys.exc_info())
    os._exit(1)
