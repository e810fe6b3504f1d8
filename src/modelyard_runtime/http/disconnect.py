"""Whether a waiting caller is still there."""

from collections.abc import Callable
from typing import Any


class Presence:
    """`disconnected` is a future that is done when the caller leaves; anything else means that he has left.

    Call `forget` in the end: Granian keeps the future, 1.4 KB, even after its request was answered. `told` is
    called, on the receiving thread, when the caller leaves later.
    """

    __slots__ = ("_future", "_told", "left")

    def __init__(self, disconnected: Any, told: Callable[[], None] | None = None) -> None:
        self._told = told
        self.left = not hasattr(disconnected, "add_done_callback")
        self._future = None if self.left else disconnected
        if self._future is not None:
            self._future.add_done_callback(self._leave)

    def forget(self) -> None:
        """From now on `left` means nothing."""
        future, self._future = self._future, None
        self._told = None
        if future is not None:
            future.cancel()

    def _leave(self, _future: Any) -> None:
        self.left = True
        if self._told is not None:
            self._told()
