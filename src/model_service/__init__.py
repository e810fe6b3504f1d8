"""The base classes that ModelArts inference scripts import (contract §3, "Model package").

No framework is imported here: a script that needs one imports it itself. The family of a class (its attribute
`takes_file`) says what `model_path` means to the scripts written for it.
"""


class BadRequest(Exception):
    """Raised by a step of a script: the caller's input is wrong. The caller is answered 400 with this text.

    raise model_service.BadRequest("age must be positive")
    """


class ConnectionClosed(Exception):
    """A WebSocket has ended, by whoever: what `receive` and `send` of its connection raise from then on.

    A script need not catch it: a conversation that ends with it has ended as it should. `code` is RFC 6455's.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"the WebSocket is closed ({code})")
        self.code = code
