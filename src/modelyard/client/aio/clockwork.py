"""What waits, for the client that does not block."""

from asyncio import Lock, sleep

__all__ = ["Lock", "sleep"]
