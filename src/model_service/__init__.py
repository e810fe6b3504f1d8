"""The base classes that ModelArts inference scripts import (contract §3, "Model package").

No framework is imported here: a script that needs one imports it itself. The family of a class (its attribute
`takes_file`) says what `model_path` means to the scripts written for it.
"""


class BadRequest(Exception):
    """Raised by a step of a script: the caller's input is wrong. The caller is answered 400 with this text.

    raise model_service.BadRequest("age must be positive")
    """
