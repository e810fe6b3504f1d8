"""`import log; logger = log.getLogger(__name__)`, as published scripts do. The model server offers it so.

A logger from here speaks from INFO on, unless a level says otherwise: its own, that of a logger above it, or one
that somebody set for all (`basicConfig(level=…)`, `dictConfig`). A handler is no level: `logging.warning()` adds
one, too.
"""

import logging


class _FromInfo(logging.Logger):
    def getEffectiveLevel(self) -> int:  # noqa: N802 - the name in `logging`
        logger: logging.Logger = self
        while logger.parent is not None and logger.level == logging.NOTSET:
            logger = logger.parent
        unsaid = logger is logging.root and logger.level == logging.WARNING and not getattr(logger, _SET, False)
        return logging.INFO if unsaid else logger.level


class _Root(logging.RootLogger):
    """Remembers that a level was set, also where it is the one that it had."""

    def setLevel(self, level: int | str) -> None:  # noqa: N802
        super().setLevel(level)
        setattr(self, _SET, True)


_SET = "_level_was_set"


def notice_levels() -> None:
    """Once for each process, before the model's code."""
    if type(logging.root) is logging.RootLogger:
        logging.root.__class__ = _Root


def getLogger(name: str | None = None) -> logging.Logger:  # noqa: N802 - the name that the scripts call
    logger = logging.getLogger(name)
    if type(logger) is logging.Logger:  # neither the root's nor one of a class of the author's own
        logger.__class__ = _FromInfo
    return logger
