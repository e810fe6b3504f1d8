"""`import log`, as published scripts do."""

from model_service.log import getLogger

__all__ = ["getLogger"]
