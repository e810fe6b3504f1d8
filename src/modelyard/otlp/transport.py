"""OTLP over gRPC, or as protobuf over HTTP (OpenTelemetry protocol 1.x). See `base` for what is promised."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

import grpc
import httpx

from modelyard.otlp.base import GRPC, ReceiverAwayError, RefusedError, Signal, Transport

TIMEOUT_S = 10.0
TOTAL_S = 30.0
"""Of one exchange over HTTP, however slowly it goes on."""
MOST_ANSWER = 64 * 1024
"""Bytes of an answer: what OTLP answers is a number and a sentence."""
REFUSED = frozenset({400, 413, 422})


def transport(signal: Signal, endpoint: str, protocol: str, more: Mapping[str, str]) -> Transport:
    """`endpoint`: http:// or https://. `more`: headers."""
    return OverGrpc(signal, endpoint, more) if protocol == GRPC else OverHttp(signal, endpoint, more)


class OverGrpc:
    """gRPC; TLS where the endpoint is https."""

    def __init__(self, signal: Signal, endpoint: str, more: Mapping[str, str]) -> None:
        parts = urlsplit(endpoint)
        target = f"{parts.hostname}:{parts.port or 4317}"
        if ":" in (parts.hostname or ""):
            target = f"[{parts.hostname}]:{parts.port or 4317}"
        options = (("grpc.enable_http_proxy", 0), ("grpc.max_reconnect_backoff_ms", 5000))
        self._channel = (
            grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options)
            if parts.scheme == "https"
            else grpc.aio.insecure_channel(target, options)
        )
        self._export = self._channel.unary_unary(signal.method)
        self._metadata = tuple(more.items())

    async def send(self, request: bytes) -> bytes:
        try:
            return bytes(await self._export(request, timeout=TIMEOUT_S, metadata=self._metadata))
        except grpc.aio.AioRpcError as error:
            said = f"{error.code().name}: {error.details()}"
            if error.code() in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED} and (
                error.code() is grpc.StatusCode.INVALID_ARGUMENT or "larger than max" in (error.details() or "")
            ):
                raise RefusedError(said) from error
            raise ReceiverAwayError(said) from error

    async def close(self) -> None:
        await self._channel.close()


class OverHttp:
    """Protobuf over HTTP; the signal's path is added where the endpoint has none."""

    def __init__(self, signal: Signal, endpoint: str, more: Mapping[str, str]) -> None:
        bare = urlsplit(endpoint).path in {"", "/"}
        self._url = endpoint.rstrip("/") + signal.path if bare else endpoint
        self._headers = {**more, "content-type": "application/x-protobuf", "accept-encoding": "identity"}
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)

    async def send(self, request: bytes) -> bytes:
        try:
            async with asyncio.timeout(TOTAL_S):
                return await self._exchange(request)
        except httpx.HTTPError as error:
            raise ReceiverAwayError(str(error) or type(error).__name__) from error
        except TimeoutError as error:
            raise ReceiverAwayError(f"no whole answer within {TOTAL_S:g} s") from error

    async def _exchange(self, request: bytes) -> bytes:
        async with self._http.stream("POST", self._url, content=request, headers=self._headers) as answer:
            if answer.status_code in REFUSED:
                raise RefusedError(f"status {answer.status_code}")
            if not answer.is_success:
                later = answer.headers.get("retry-after", "")
                raise ReceiverAwayError(
                    f"status {answer.status_code}", float(later) if later.isdecimal() else None
                )
            return await _bounded(answer)

    async def close(self) -> None:
        await self._http.aclose()


async def _bounded(answer: httpx.Response) -> bytes:
    """The body; b"", which says that everything was taken, where it is longer than any answer of OTLP."""
    body = b""
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) > MOST_ANSWER:
            return b""
    return body
