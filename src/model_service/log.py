"""`import log; logger = log.getLogger(__name__)`, as published scripts do. The loader offers it so."""

import logging


def getLogger(name: str | None = None) -> logging.Logger:  # noqa: N802 - the name that the scripts call
    return logging.getLogger(name)
