"""Model code that tries everything it has no right to, as the program of an instance; prints a JSON object.

    python intruder.py DATA_DIR PID_OF_ANOTHER PID_OF_THE_CONTROL_PLANE SETUID_PROGRAM

Each entry is what came of an attempt: the name of the error, or what it got.
"""

import ctypes
import errno
import getpass
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable

DATA, OTHER, PLANE, SETUID = sys.argv[1:5]
WORK = os.getcwd()  # noqa: PTH109
PACKAGE = os.environ["MODELYARD_MODEL_DIR"]


def read(path: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123
        return f"read {len(file.read(100))} bytes"


def write(path: str) -> str:
    with open(path, "w") as file:  # noqa: PTH123
        file.write("mine")
    return "written"


def connect(path: str) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    return "connected"


def kill(pid: str) -> str:
    os.kill(int(pid), 0)
    return "may signal it"


def become_root() -> str:
    os.setuid(0)
    return "root"


def setuid_program() -> str:
    return subprocess.run([SETUID, "-u"], capture_output=True, text=True, check=True).stdout.strip()


def uncover() -> str:
    """In a user namespace of its own it may mount; what was hidden from it must not come off."""
    script = f"umount {DATA} 2>/dev/null; umount /proc 2>/dev/null; cat {DATA}/credentials.json 2>/dev/null; true"
    out = subprocess.run(["unshare", "-Urm", "sh", "-c", script], capture_output=True, text=True, check=False)
    return out.stdout


def fork_until_it_fails() -> str:
    children = []
    try:
        while len(children) < 500:
            pid = os.fork()
            if pid == 0:
                ctypes.CDLL(None).pause()
            children.append(pid)
    except OSError as error:
        return f"{errno.errorcode[error.errno or 0]} after fewer than 40: {len(children) < 40}"
    finally:
        for pid in children:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
    return "as many as it liked"


ATTEMPTS: dict[str, Callable[[], object]] = {
    "credentials": lambda: read(f"{DATA}/credentials.json"),
    "database": lambda: read(f"{DATA}/modelyard.db"),
    "key": lambda: read(f"{DATA}/keys/jwt.pem"),
    "names in the data directory": lambda: "credentials.json" in os.listdir(DATA),  # noqa: PTH208
    "names of instances": lambda: "i-2" in os.listdir(f"{DATA}/instances"),  # noqa: PTH208
    "other's log": lambda: read(f"{DATA}/instances/i-2/log"),
    "other's work": lambda: os.listdir(f"{DATA}/instances/i-2/work"),  # noqa: PTH208
    "other's socket": lambda: connect(f"{DATA}/instances/i-2/s.sock"),
    "admin socket": lambda: connect(f"{DATA}/gateway/admin.sock"),
    "xds socket": lambda: connect(f"{DATA}/gateway/xds.sock"),
    "signal another": lambda: kill(OTHER),
    "signal the control plane": lambda: kill(PLANE),
    "other's environment": lambda: read(f"/proc/{OTHER}/environ"),
    "control plane's environment": lambda: read(f"/proc/{PLANE}/environ"),
    "root": become_root,
    "setuid program": lambda: setuid_program() == str(os.getuid()),
    "uncover": uncover,
    "package, read": lambda: read(f"{PACKAGE}/model/config.json"),
    "package, written": lambda: write(f"{PACKAGE}/model/config.json"),
    "package, added to": lambda: write(f"{PACKAGE}/model/more"),
    "work": lambda: write(f"{WORK}/mine"),
    "temporary files": lambda: write(f"{os.environ['TMPDIR']}/mine"),
    "groups": lambda: [g for g in os.getgroups() if g != os.getgid()],
    "umask": lambda: oct(os.umask(0o077)),
    "capabilities": lambda: [x for x in open("/proc/self/status").read().split("\n") if x[:6] == "CapBnd"],  # noqa: PTH123, SIM115
    "user's name": getpass.getuser,
    "files": lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    "forks": fork_until_it_fails,
}


def main() -> None:
    found: dict[str, object] = {}
    for name, attempt in ATTEMPTS.items():
        try:
            found[name] = attempt()
        except OSError as error:
            found[name] = errno.errorcode[error.errno or 0]
    print(json.dumps(found), flush=True)


main()
