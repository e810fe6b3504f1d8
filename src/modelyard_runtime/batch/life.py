"""A worker of a batch service as a process: it listens from its first moment, and ends at once."""

import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from modelyard_runtime.batch.door import Door
from modelyard_runtime.ledger import Ledger
from modelyard_runtime.settings import Settings

if TYPE_CHECKING:
    from modelyard_runtime.batch.over_http import OverHttp
    from modelyard_runtime.batch.predictors import InProcess
    from modelyard_runtime.batch.worker import Worker
    from modelyard_runtime.loading.load_watchdog import Standstill
    from modelyard_runtime.model import Model


_AT_A_TIME = 16  # requests to a model that is reached over HTTP


class Batch:
    """Predicts splits. `leaving`: the main thread is being made to stop. `say` writes a line to the log."""

    def __init__(
        self, read: Settings, listening: socket.socket, leaving: Callable[[], bool], say: Callable[[str], None]
    ) -> None:
        self._read = read
        self._leaving = leaving
        self._say = say
        self._standstill: Standstill | None = None
        self._worker: Worker | None = None
        self._model: InProcess | OverHttp | None = None
        self.ledger = Ledger()
        self._door = Door(listening, self._rows)
        self._door.open()

    @property
    def serving(self) -> bool:
        return self._door.ready

    def serve(self, load: "Callable[[], Model]") -> None:
        if self._read.batch_url:
            self._serve_url()
            return
        model = load()
        # Imported here, so that the health check answers earlier.
        from modelyard_runtime.batch.predictors import InProcess

        read = self._read
        self._begin(InProcess(model, f"{read.model_name} {read.model_version}".strip(), self._leaving))

    def _serve_url(self) -> None:
        """A model that listens elsewhere, as soon as it does. Raises LoadError."""
        from modelyard_runtime.batch.over_http import OverHttp

        read = self._read
        count = read.threads or _AT_A_TIME
        model = OverHttp(read.batch_url, count, read.request_timeout_s, own_socket=read.batch_socket)
        model.wait(read.batch_health)
        self._begin(model)

    def _rows(self) -> int:
        """How many rows have had their outcome. Whoever asks for our health asks it too, so that this is when a
        model that is stuck is noticed, and the log says where."""
        rows = self.ledger.begun
        if self._standstill is not None and self._worker is not None:
            busy = self._worker.busy
            self._standstill.look(rows + busy, int(busy), time.monotonic())
        return rows

    def _begin(self, model: "InProcess | OverHttp") -> None:
        from modelyard_runtime.batch.worker import Worker
        from modelyard_runtime.loading.load_watchdog import Standstill

        self._standstill = Standstill(self._read.model_dir, self._say, self._read.request_timeout_s)
        self._model = model
        self._worker = Worker(self.ledger)
        self._door.take(self._worker.begin)

    def work(self) -> None:
        assert self._worker is not None and self._model is not None
        self._worker.work(self._model.predictor, self._model.most, self._model.least)

    def stop(self) -> None:
        """Nothing is published any more: what is being predicted will be predicted again."""
        self._door.close()

    def leave(self) -> bool:
        return False
