"""`import log; logger = log.getLogger(__name__)`, as published scripts do. The model server offers it so.

A logger from here speaks from INFO on, unless its author, or somebody above it, says another level or where to.
"""

import logging


class _FromInfo(logging.Logger):
    def getEffectiveLevel(self) -> int:  # noqa: N802 - the name in `logging`
        logger: logging.Logger = self
        while logger.parent is not None and logger.level == logging.NOTSET:
            logger = logger.parent
        decided = logger.parent is not None or logger.handlers or logger.level != logging.WARNING
        return logger.level if decided else logging.INFO


def getLogger(name: str | None = None) -> logging.Logger:  # noqa: N802 - the name that the scripts call
    logger = logging.getLogger(name)
    if type(logger) is logging.Logger:  # neither the root's nor one of a class of the author's own
        logger.__class__ = _FromInfo
    return logger
