"""The ADS server: carries the protocol's requests and responses over gRPC on a Unix socket.

One Envoy, one stream: a new stream replaces the one before it. Nothing is decided here. The same server answers
Envoy's questions about signed requests (`gateway.signatures`), and takes its spans (`gateway.tracing`).
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import grpc

from modelyard import trees
from modelyard.gateway import credentials, signatures, xds
from modelyard.gateway.protocol import Request, Response
from modelyard.gateway.signatures import Check, unknown

_METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
_SPANS = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_KINDS = {kind.url: kind for kind in xds.Kind}
_MAX_BYTES = 256 * 1024 * 1024

Spans = Callable[[bytes], None]
"""Takes an ExportTraceServiceRequest; must not raise."""


class AdsServer:
    """`on_connected`, `on_request` and `on_disconnected` are called in the loop's thread, never two at a time."""

    def __init__(
        self,
        path: Path,
        on_connected: Callable[[], None],
        on_request: Callable[[Request], None],
        on_disconnected: Callable[[], None],
        check: Check = unknown,
        *,
        spans: Spans | None = None,
    ) -> None:
        self._spans = spans
        self._path = path
        self._on_connected = on_connected
        self._on_request = on_request
        self._on_disconnected = on_disconnected
        self._check = check
        self._server: Any = None
        self._outbox: asyncio.Queue[bytes | None] | None = None
        self._directory = -1
        self.bytes_sent = 0

    async def open(self) -> None:
        """Listen. The address goes through the directory's descriptor: a Unix path holds 107 bytes at most."""
        self._directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        trees.remove(self._path)
        self._server = grpc.aio.server(
            options=[("grpc.max_receive_message_length", _MAX_BYTES), ("grpc.max_send_message_length", _MAX_BYTES)]
        )
        self._server.add_generic_rpc_handlers(
            (_Handler(self._stream, self._checked, self._told if self._spans else None),)
        )
        self._server.add_insecure_port(f"unix:/proc/self/fd/{self._directory}/{self._path.name}")
        await self._server.start()
        self._path.chmod(0o600)

    async def close(self) -> None:
        if self._outbox is not None:
            self._outbox.put_nowait(None)
        if self._server is not None:
            await self._server.stop(grace=None)
            self._server = None
        if self._directory >= 0:
            os.close(self._directory)
            self._directory = -1

    def streaming(self) -> bool:
        return self._outbox is not None

    def send(self, responses: Iterable[Response]) -> None:
        """Queue for the present stream; without one there is nobody to tell."""
        if self._outbox is None:
            return
        for response in responses:
            carried = [(r.name, r.version, r.body) for r in response.resources]
            body = xds.response(response.kind.url, carried, response.removed, response.nonce)
            self.bytes_sent += len(body)
            self._outbox.put_nowait(body)

    async def _stream(self, requests: AsyncIterator[bytes], _context: object) -> AsyncIterator[bytes]:
        outbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        if self._outbox is not None:
            self._outbox.put_nowait(None)
        self._outbox = outbox
        self._on_connected()
        reader = asyncio.create_task(self._read(requests, outbox))
        try:
            while (body := await outbox.get()) is not None:
                yield body
        finally:
            reader.cancel()
            if self._outbox is outbox:
                self._outbox = None
                self._on_disconnected()

    async def _checked(self, body: bytes, context: Any) -> bytes:
        return await signatures.answer(self._check, body, tuple(context.invocation_metadata() or ()))

    async def _told(self, body: bytes, _context: object) -> bytes:
        """Spans of Envoy; the answer is an empty message."""
        if self._spans is not None:
            self._spans(body)
        return b""

    async def _read(self, requests: AsyncIterator[bytes], outbox: asyncio.Queue[bytes | None]) -> None:
        try:
            async for body in requests:
                url, nonce, refusal, subscribe, unsubscribe, initial = xds.request(body)
                error = credentials.redacted(refusal)
                if self._outbox is outbox and url in _KINDS:
                    self._on_request(Request(_KINDS[url], nonce, error, subscribe, unsubscribe, initial))
        finally:
            outbox.put_nowait(None)


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(
        self,
        stream: Callable[[AsyncIterator[bytes], object], AsyncIterator[bytes]],
        checked: Callable[[bytes, Any], Awaitable[bytes]],
        told: Callable[[bytes, Any], Awaitable[bytes]] | None,
    ) -> None:
        self._handlers = {
            _METHOD: grpc.stream_stream_rpc_method_handler(stream),
            signatures.METHOD: grpc.unary_unary_rpc_method_handler(checked),
            **({_SPANS: grpc.unary_unary_rpc_method_handler(told)} if told is not None else {}),
        }

    def service(self, handler_call_details: Any) -> Any:
        return self._handlers.get(handler_call_details.method)
