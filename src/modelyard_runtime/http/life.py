"""A model server as a process: it listens from its first moment, serves, and drains before it ends."""

import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from modelyard_runtime.http.server import Server
from modelyard_runtime.http.transport import Transport
from modelyard_runtime.settings import Settings

if TYPE_CHECKING:
    from modelyard_runtime.model import Model

_QUIET_S = 0.5  # how long requests may still begin after SIGTERM before connections are closed
_FLUSH_S = 5.0  # how long the last answers may take to leave


class RealTime:
    """Answers requests. `say` writes a line to the log."""

    def __init__(self, read: Settings, listening: socket.socket, say: Callable[[str], None]) -> None:
        self._read = read
        self._say = say
        self._server = Server(read.max_waiting, read.request_timeout_s)
        self._transport = Transport(listening, self._server.handle)
        self.ledger = self._server.ledger
        self._transport.start()

    @property
    def serving(self) -> bool:
        return self._server.serving

    def serve(self, load: "Callable[[], Model]") -> None:
        model = load()
        from modelyard_runtime.loading.load_watchdog import Standstill

        read, server = self._read, self._server
        server.standstill = Standstill(read.model_dir, self._say, read.request_timeout_s)
        if model.websocket is not None:
            self._transport.take_websockets(server.converse)
        else:
            self._transport.settle()
        server.serve(model, read.model_name, read.model_version)

    def work(self) -> None:
        self._server.work()

    def stop(self) -> None:
        """The control plane routes nothing here any more. What is in flight is answered, and so is what comes
        late."""
        if not self.serving:
            return
        ledger = self.ledger
        self._server.hang_up()
        deadline = time.monotonic() + _QUIET_S
        while ledger.in_flight and time.monotonic() < deadline:
            time.sleep(0.01)
        self._transport.stop()
        while ledger.in_flight:
            time.sleep(0.01)
        self._transport.stopped.wait(_FLUSH_S)

    def leave(self) -> bool:
        return self._server.leave()
