"""What a call into Granian's native part gives back: a future, or at once its result or error."""

from collections.abc import Callable
from typing import Any

Then = Callable[[Any, BaseException | None], None]  # the result, or why there is none


def when_done(future: Any, then: Then) -> Any:
    """`then` is called once: on the receiving thread, or here and now if it is done. The future, to cancel it; a
    cancelled one is an error."""
    if not hasattr(future, "add_done_callback"):
        then(*_done(future))
        return None

    def tell(done: Any) -> None:
        try:
            result = done.result()
        except BaseException as error:  # noqa: BLE001 - it is handed on
            then(None, error)
        else:
            then(result, None)

    future.add_done_callback(tell)
    return future


def _done(future: Any) -> tuple[Any, BaseException | None]:
    try:
        next(iter(future))
    except StopIteration as end:
        return end.value, None
    except Exception as error:  # noqa: BLE001 - it is handed on
        return None, error
    return None, None
