"""What the model's code logs reaches the instance's log at the level that its author set.

Python by itself drops what is below WARNING while nobody has added a handler, whatever level a logger was given,
and all that goes to loggers whose only handler is the null handler of a library. Here records without a handler go
to stderr, and the logger's level alone decides. A script that configures logging (`basicConfig`, `dictConfig`,
handlers of its own) finds it unconfigured, and gets exactly what it asks for.

    logging.getLogger("m").setLevel(logging.INFO)      its INFO is told; the DEBUG of others is not
    logging.getLogger("m")                             WARNING and above, as in Python
    a handler on it or above it                        that handler, and nothing of ours
    a null handler, and propagate = False              silence, as wished
"""

import logging
import os
import sys
from typing import Any

from model_service.log import notice_levels

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _Stderr(logging.StreamHandler[Any]):
    """Whatever `sys.stderr` is at the time of writing."""

    def __init__(self) -> None:
        logging.Handler.__init__(self, logging.NOTSET)
        self.setFormatter(logging.Formatter(_FORMAT))

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, _stream: Any) -> None: ...


def speak() -> None:
    """Once for each process, before the model's code."""
    logging.lastResort = _Stderr()
    logging.Logger.callHandlers = _call_handlers  # type: ignore[method-assign]
    notice_levels()


def _call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
    """`Logger.callHandlers`, but for null handlers, which count only where their logger does not propagate."""
    handled = False
    logger: logging.Logger | None = self
    while logger is not None:
        for handler in logger.handlers:
            handled = handled or not isinstance(handler, logging.NullHandler)
            if record.levelno >= handler.level:
                handler.handle(record)
        if not logger.propagate:
            handled = handled or bool(logger.handlers)
            break
        logger = logger.parent
    last = logging.lastResort
    if not handled and last is not None and record.levelno >= last.level:
        last.handle(record)


def tell(text: str) -> None:
    """Writes lines of the model server's own, whatever the model's code has done to `sys.stderr`."""
    try:
        print(text, end="", file=sys.stderr, flush=True)
    except Exception:  # noqa: BLE001 - closed, or not a stream at all
        os.write(2, text.encode(errors="backslashreplace"))
