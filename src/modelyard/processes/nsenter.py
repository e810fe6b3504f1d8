"""Runs a command beside a running child: in its control groups, limits, view, user and environment.

Run by `supervise.enter` as `python -I -S -E`, like the shim: it never imports the package.
Promises: the command never outlives its time or whoever asked for it, and never has more rights than the child.
Exit status: the command's; 125 when the child cannot be joined, 126 or 127 as a shell has them.
"""

import os
import signal
import sys

import confine  # type: ignore[import-not-found]  # beside this file
from shim import load, started  # type: ignore[import-not-found]

NOT_JOINED, NOT_FOUND = 125, 127


def joined(state: dict, names: "list[str]") -> "list[int]":  # type: ignore[type-arg]
    """The child's namespaces, open; raises when its pid means another process by now."""
    if not names:
        return []
    pid = state["pid"]
    handles = [os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in names]
    if started(pid) != state["pid_started"]:
        raise ProcessLookupError("the child ended")
    return handles


def main(path: str, limit_s: str, command: "list[str]") -> None:
    parent = os.getppid()
    signal.alarm(int(float(limit_s)) + 2)  # survives the exec: should nobody be left to kill it
    os.chdir(path)
    spec = {
        "view": [],
        "processes": 0,
        "namespaces": [],
        "groups": [],
        **load("spec.json"),
    }  # an older release knew none of these
    home = spec["cwd"] or os.getcwd() + "/work"  # noqa: PTH109
    names = [*spec["namespaces"], *(["mnt"] if spec["view"] else [])]  # the files last: /proc goes with them
    namespaces = joined(load("state.json"), names)
    confine.join(spec["plan"]["groups"])
    confine.limit(spec)
    for namespace in namespaces:
        confine.call("setns", namespace, 0)
    os.chdir(home)
    confine.forget_keys(spec["user"])
    confine.drop(spec["user"], spec["groups"])
    spec["env"] = [pair for pair in spec["env"] if pair[0] != "MODELYARD_SOCKET_FD"]
    try:
        confine.run(spec, command, parent)
    except OSError:
        os._exit(NOT_FOUND)


def run(path: str, limit_s: str, *command: str) -> None:
    try:
        main(path, limit_s, list(command))
    except BaseException:  # noqa: BLE001 - whatever it was, nothing was run
        sys.excepthook(*sys.exc_info())
    os._exit(NOT_JOINED)
