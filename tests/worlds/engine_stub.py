"""A model server that is only a socket: what it does is told by STUB, so that it starts in milliseconds.

serve · stuck (ignores SIGTERM) · never (not healthy) · crash · oom · flood (writes 300 kB) · lines (writes ten
lines) · fork (leaves a grandchild that writes its pid to the work directory) · busy (says that one request is
inside) · hang (healthy once, then silent) · drop (closes each connection after its answer) · files (GET /x is 200
if work/x is there) · look (writes what it finds in the places of LOOK, and leaves a file there). "drop" and
"files" note each question in work/asked. It listens on the socket that it was handed, or else on PORT.
"""

import errno
import json
import os
import signal
import socket
import sys
import threading
import time


def answer(connection: socket.socket, how: str, count: list[int]) -> None:
    file = connection.makefile("rb")
    while line := file.readline():
        while file.readline().strip():
            pass
        count[0] += 1
        if how == "hang" and count[0] > 1:
            return signal.pause()
        name = line.split()[1].decode().lstrip("/")
        if how in {"files", "drop"}:
            with open("asked", "a") as asked:  # noqa: PTH123
                asked.write(name + "\n")
        bad = how == "never" or (how == "files" and not os.path.exists(name))  # noqa: PTH110
        status = "503 Busy" if bad else "200 OK"
        inside = 1 if how == "busy" else 0
        connection.sendall(
            f"HTTP/1.1 {status}\r\nx-in-flight: {inside}\r\nx-requests: 0\r\ncontent-length: 2\r\n\r\nok".encode()
        )
        if how == "drop":
            return connection.close()
    return None


def look(place: str) -> list[object]:
    """What is there, by name and content; whether a file can be added, a program run; how it is mounted."""
    found: list[object] = []
    try:
        if os.path.isfile(place):  # noqa: PTH113
            text = open(place).read()  # noqa: PTH123, SIM115
            mode = os.stat(place)  # noqa: PTH116
            return [text, oct(mode.st_mode & 0o777), mode.st_uid == os.getuid()]
        names = sorted(os.listdir(place))  # noqa: PTH208
        found.append({name: open(f"{place}/{name}").read() for name in names})  # noqa: PTH123, SIM115
        with open(f"{place}/{os.environ['NAME']}", "w") as file:  # noqa: PTH123
            file.write("written")
        found.append("written")
    except OSError as error:
        found.append(errno.errorcode[error.errno or 0])
    return found


def main() -> None:
    how = os.environ.get("STUB", "serve")
    print("stub:", how, flush=True)
    if how == "crash":
        print("Traceback: no such model", flush=True)
        sys.exit(3)
    if how == "oom":
        hog = bytearray(512 << 20)
        sys.exit(len(hog) and 0)
    if how == "flood":
        for number in range(3000):
            print(f"{number:07} {'x' * 91}", flush=True)
    if how == "look":
        for place in os.environ["LOOK"].split(":"):
            print("found", json.dumps(look(place)), flush=True)
    if how == "lines":
        for number in range(10):
            print("line", number, flush=True)
    if how == "stuck":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if how == "fork" and os.fork() == 0:
        os.setsid()
        with open("grandchild", "w") as file:  # noqa: PTH123
            file.write(str(os.getpid()))
        while True:
            time.sleep(100)
    if "MODELYARD_SOCKET_FD" in os.environ:
        server = socket.socket(fileno=int(os.environ["MODELYARD_SOCKET_FD"]))
    else:  # a program, behind a door
        server = socket.create_server((os.environ.get("HOST", "0.0.0.0"), int(os.environ["PORT"])))
    count = [0]
    while True:
        connection, _ = server.accept()
        threading.Thread(target=answer, args=(connection, how, count), daemon=True).start()


main()
