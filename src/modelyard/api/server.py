"""The process's HTTP server."""

import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI

from modelyard.api.arrivals import Rules
from modelyard.api.protocol import Arrivals
from modelyard.iam.addresses import NOBODY, Proxies


class ApiServer:
    """Uvicorn on a socket that is open already; signals are main's matter.

    Whom X-Forwarded-For is believed of is decided by `proxies`, not by uvicorn, which would believe everybody on
    this machine. `ending` is called first of all at a stop, so that answers without an end come to one.
    """

    def __init__(
        self,
        app: FastAPI,
        listener: socket.socket,
        proxies: Proxies = NOBODY,
        *,
        ending: Callable[[], None] = lambda: None,
    ) -> None:
        self._ending = ending
        self.arrivals = Arrivals(Rules(proxies=proxies))
        config = uvicorn.Config(
            app,
            http=self.arrivals.protocol,  # type: ignore[arg-type]  # called as a class would be
            ws="none",
            proxy_headers=False,
            timeout_keep_alive=self.arrivals.rules.bounds.idle_s,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        self._server = _QuietServer(config)
        # Inherited by connections. Head and body of an answer are two writes: the second would wait, up to 40 ms,
        # for a client that is in no hurry to acknowledge the first.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._listener = listener

    async def serve(self) -> None:
        await self._server.serve(sockets=[self._listener])

    def stop(self) -> None:
        self._ending()
        self._server.should_exit = True


class _QuietServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
