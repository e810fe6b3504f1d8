"""A real gateway in a temporary data directory, small real instances behind it, and tokens that it trusts."""

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from modelyard.domain.identity import Access, Role
from modelyard.domain.routing import Endpoint, RouteState, ServiceRoute, TrackRoute
from modelyard.gateway.envoy import EnvoyGateway
from modelyard.gateway.signatures import Check, unknown
from modelyard.processes.directory import ProcessDir

KEY = ECKey.generate_key("P-256", {"kid": "test", "use": "sig", "alg": "ES256"})
OTHER_KEY = ECKey.generate_key("P-256", {"kid": "test", "use": "sig", "alg": "ES256"})
JWKS = json.dumps({"keys": [KEY.as_dict(private=False)]})


def token(
    project_id: str = "p",
    *roles: str,
    user_id: str = "u",
    lives_s: int = 3600,
    issued_s: int | None = None,
    key: ECKey = KEY,
    token_id: str = "",
) -> str:
    issued = int(time.time()) if issued_s is None else issued_s
    has = frozenset(Role(role) for role in roles) if roles else frozenset({Role.MEMBER})
    access = Access(user_id, project_id, has, token_id or os.urandom(8).hex())
    claims = {"iss": "modelyard", "access": access.text(), "iat": issued, "exp": issued + lives_s}
    return jwt.encode({"alg": "ES256", "kid": "test"}, claims, key)


def envoy_pid(data_dir: Path) -> int:
    """The process of the last Envoy that was started there."""
    runs = sorted((data_dir / "gateway").glob("envoy-*"), key=lambda path: int(path.name.partition("-")[2]))
    pid = ProcessDir(runs[-1]).sight().pid
    assert pid is not None
    return pid


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Seen:
    """One request as the instance saw it."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Instance:
    """An HTTP server on a Unix socket that answers with its name. `behave` may answer otherwise, or never."""

    name: str
    path: Path
    seen: list[Seen] = field(default_factory=list)
    behave: Callable[["Instance", Seen, asyncio.StreamWriter], "asyncio.Future[None] | None"] | None = None
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    server: asyncio.Server | None = None

    async def start(self) -> None:
        self.path.unlink(missing_ok=True)
        self.server = await asyncio.start_unix_server(self._serve, self.path, limit=1 << 20)

    async def kill(self) -> None:
        """As SIGKILL looks from outside: the listener refuses, every connection breaks."""
        assert self.server is not None
        self.server.close()
        for writer in list(self.writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
                body = await self._body(reader, headers)
                seen = Seen(head[0], headers, body)
                self.seen.append(seen)
                if self.behave is not None:
                    waits = self.behave(self, seen, writer)
                    if waits is not None:
                        await waits
                    continue
                answer(writer, 200, self.name.encode())
                await writer.drain()
        self.writers.discard(writer)
        writer.close()

    async def _body(self, reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            chunks = []
            while size := int(await reader.readline(), 16):
                chunks.append(await reader.readexactly(size))
                await reader.readline()
            await reader.readline()
            return b"".join(chunks)
        return await reader.readexactly(int(headers.get("content-length", 0)))


def answer(writer: asyncio.StreamWriter, status: int, body: bytes, headers: str = "") -> None:
    head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
    writer.write(head.encode() + body)


@dataclass
class GatewayWorld:
    data_dir: Path
    port: int
    gateway: EnvoyGateway
    client: httpx.AsyncClient
    instances: dict[str, Instance] = field(default_factory=dict)

    async def instance(self, name: str) -> Instance:
        instance = Instance(name, self.data_dir / f"{name}.sock")
        await instance.start()
        self.instances[name] = instance
        return instance

    def new_gateway(self, *, concurrency: int = 1) -> EnvoyGateway:
        return EnvoyGateway(self.data_dir, self.port, JWKS, host="127.0.0.1", concurrency=concurrency)

    async def until(
        self, true: Callable[[], bool], gateway: EnvoyGateway | None = None, limit_s: float = 10
    ) -> None:
        """Wait for a condition that changes when a view does."""
        changed = asyncio.Event()
        (gateway or self.gateway).watch(lambda _: changed.set())
        async with asyncio.timeout(limit_s):
            while not true():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), 0.05)
                changed.clear()

    async def published(self, *routes: ServiceRoute) -> None:
        for route in routes:
            await self.gateway.put(route)
        await self.until(lambda: all(self.gateway.view(r.service_id).acked == r for r in routes))
        await self.listening()

    async def listening(self) -> None:
        """A fresh Envoy listens some milliseconds after it acknowledged its first routes."""
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                await asyncio.sleep(0.01)

    async def answers(self, status: int, path: str = "s") -> None:
        """Ask until the answer is this; Envoy may be away meanwhile."""
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await self.call(path)).status_code == status:
                        return
                await asyncio.sleep(0.01)

    async def call(self, path: str = "s", **kwargs: object) -> httpx.Response:
        headers = {"X-Auth-Token": token()} | kwargs.pop("headers", {})  # type: ignore[operator]
        headers = {name: value for name, value in headers.items() if value is not None}
        method = str(kwargs.pop("method", "POST"))
        return await self.client.request(method, f"/v1/infers/{path}", headers=headers, **kwargs)  # type: ignore[arg-type]


def route(service_id: str = "s", **tracks: int) -> ServiceRoute:
    """`route(a=70, b=30)`: track 0 is the instance a, and so on; `a_b=70` puts two into one track."""
    made = tuple(
        TrackRoute(index, weight, tuple(Endpoint(name, f"unix:{name}.sock") for name in names.split("_")))
        for index, (names, weight) in enumerate(tracks.items())
    )
    return ServiceRoute(service_id, "p", RouteState.OPEN, made, request_timeout_s=5)


@contextlib.asynccontextmanager
async def gateway_world(
    data_dir: Path, check: Check = unknown, *, memory_bytes: int | None = None, **more: Any
) -> AsyncIterator[GatewayWorld]:
    port = free_port()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        gateway = EnvoyGateway(
            data_dir, port, JWKS, host="127.0.0.1", concurrency=1, check=check, memory_bytes=memory_bytes, **more
        )
        await gateway.open()
        made = GatewayWorld(data_dir, port, gateway, client)
        try:
            yield made
        finally:
            await made.gateway.stop()
            for instance in made.instances.values():
                await instance.kill()
