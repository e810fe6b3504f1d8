"""What waits, for the client that blocks. `aio/clockwork.py` has the same names for the one that does not."""

from threading import Lock
from time import sleep

__all__ = ["Lock", "sleep"]
