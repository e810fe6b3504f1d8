"""What a model runs where it is not our model server: the command of its config, or its image (contract §3). Pure.

    "cmd": "python serve.py --port $PORT"           run by the shell
    "cmd": ["python", "serve.py"]                   run as it is
    "port": 9000                                    where it listens in a network of its own (8080)

The same keys may be in config.json and in the request to publish, which wins.
"""

from collections.abc import Iterator, Mapping

from modelyard.core.packages import images
from modelyard.domain.errors import Violation
from modelyard.domain.model import Model
from modelyard.domain.program import PORT, Program
from modelyard.domain.texts import shown

KEYS = ("cmd", "port", "swr_location")
"""Keys of config.json that the request to publish may contain too."""
CODE = "3016"
MOST_BYTES = 8192
MOST_WORDS = 256
PORTS = range(1, 65_536)


def program(config: Mapping[str, object]) -> Program | None:
    """None: our model server. An invalid command counts as absent (`violations` refuses it at publishing)."""
    cmd = config.get("cmd")
    image = config.get(images.RESOLVED) if config.get("model_type") == images.TYPE else None
    if any(violations(config)) or not (cmd or image):
        return None
    return Program(image=str(image or ""), command=words(cmd) if cmd else (), port=_port(config))


def is_image(model: Model) -> bool:
    """Whether its instances are containers."""
    own = program(model.config)
    return own is not None and bool(own.image)


def words(cmd: object) -> tuple[str, ...]:
    """A string is run by the shell, an array as it is: as a health check's command is."""
    if isinstance(cmd, str):
        return ("/bin/sh", "-c", cmd)
    assert isinstance(cmd, list)
    return tuple(str(word) for word in cmd)


def violations(config: Mapping[str, object]) -> Iterator[Violation]:
    """What is wrong with the command of a config, by itself. Absent, null and "" are the same."""
    cmd = config.get("cmd")
    if cmd is not None and cmd != "":
        yield from _wrong("cmd", cmd)
    port = config.get("port")
    if (
        port is not None
        and (cmd or config.get("model_type") == images.TYPE)
        and not (isinstance(port, int | str) and _is_port(port))
    ):
        yield Violation("port", f"is {shown(port)}, must be a whole number from 1 to 65535", CODE)


def _wrong(field: str, cmd: object) -> Iterator[Violation]:
    given = [cmd] if isinstance(cmd, str) else cmd
    if not isinstance(given, list) or not all(isinstance(word, str) for word in given):
        yield Violation(field, f"is {shown(cmd)}, must be a string or an array of strings", CODE)
        return
    if not given or not str(given[0]).strip():
        yield Violation(field, f"is {shown(cmd)}, must name a program", CODE)
    if any("\0" in word for word in given):
        yield Violation(field, "has a null character, which no command can have", CODE)
    if len(given) > MOST_WORDS:
        yield Violation(field, f"has {len(given)} words, at most {MOST_WORDS} are possible", CODE)
    if (size := sum(len(word.encode()) for word in given)) > MOST_BYTES:
        yield Violation(field, f"has {size} bytes, at most {MOST_BYTES} are possible", CODE)


def _port(config: Mapping[str, object]) -> int:
    port = config.get("port")
    return PORT if port is None else int(str(port))


def _is_port(port: int | str) -> bool:
    text = str(port)
    return (
        not isinstance(port, bool) and text.isascii() and text.isdigit() and len(text) < 6 and int(text) in PORTS
    )
