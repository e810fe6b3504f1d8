"""What an image runs in tests: a small HTTP server that knows nothing of Modelyard, of the kind that HOW says.

good · deaf (ignores SIGTERM) · late (opens its port after 3 s) · never (does not open it) · forks (has a child
that ignores SIGTERM). All take more memory than there is at `POST /hog`.

It listens on LISTEN (8080), answers `POST /` with its version, `GET /health` with 200, `GET /slow` after a second,
and echoes the frames of a WebSocket at `/ws`. After SIGTERM it finishes what is inside.
"""

import asyncio
import base64
import hashlib
import json
import os
import signal
import time

HOW, VERSION = os.environ.get("HOW", "good"), os.environ.get("VERSION", "1")
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
inside: "set[asyncio.Task[None]]" = set()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            task = asyncio.current_task()
            assert task is not None
            inside.add(task)
            try:
                _, path = head.split(" ", 2)[:2]
                headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                await reader.readexactly(int(headers.get("content-length", 0)))
                if path == "/ws":
                    await echo(reader, writer, headers_of(head)["sec-websocket-key"])
                    return
                if path == "/slow":
                    await asyncio.sleep(1)
                if path == "/hog":
                    hog = bytearray(4 << 30)
                    hog[::4096] = b"x" * len(hog[::4096])
                said = {"version": VERSION, "path": path, "model": os.environ.get("MODELYARD_MODEL_NAME")}
                if path.startswith("/file/"):
                    with open(f"{os.environ['MODEL_DIR']}/{path[6:]}") as file:  # noqa: PTH123
                        said["content"] = file.read()
                body = json.dumps(said)
                answer = (
                    f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
                )
                writer.write((answer + body).encode())
                await writer.drain()
            finally:
                inside.discard(task)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def headers_of(head: str) -> "dict[str, str]":
    pairs = (line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    return {name.lower(): value for name, value in pairs}


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
    accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
    writer.write(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        f"sec-websocket-accept: {accept}\r\n\r\n".encode()
    )
    while True:
        first, second = await reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            size = int.from_bytes(await reader.readexactly(2), "big")
        mask = await reader.readexactly(4)
        data = bytes(b ^ mask[i % 4] for i, b in enumerate(await reader.readexactly(size)))
        assert len(data) < 126
        writer.write(bytes([first, len(data)]) + data)
        await writer.drain()
        if first & 0x0F == 8:
            return


async def main() -> None:
    print("image server", HOW, VERSION, flush=True)
    if HOW == "late":
        await asyncio.sleep(3)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    if HOW == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        loop.add_signal_handler(signal.SIGTERM, ended.set)
    if HOW == "forks" and os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(1000)  # noqa: ASYNC251 - another process
    if HOW == "never":
        await ended.wait()
        return
    server = await asyncio.start_server(serve, "0.0.0.0", int(os.environ.get("LISTEN", "8080")))
    await ended.wait()
    server.close()
    if inside:
        await asyncio.wait(inside)
    print("image server ends", flush=True)


asyncio.run(main())
