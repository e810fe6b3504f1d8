"""The health checks that a model's config.json asks for (contract §3), and what is wrong with them. Pure.

    health            what liveness asks, and readiness too unless it has its own
    readiness_health  what readiness asks, and liveness too if `health` is absent
    startup_health    what is asked until the first success; absent: the same as readiness

A readiness check that is derived from liveness keeps its own pace (`domain.health.READINESS`): `failure_threshold`
is patience before an instance is replaced, not a time during which callers may meet an unhealthy one. Values may
be strings. Where our own model server runs the model, only paths that it answers count: its `/health`, or an api
that the model declares.

    {"health": {"url": "/up", "period_seconds": "10"}}, an image
        -> liveness GET /up every 10 s, 12 failures; readiness GET /up every 1 s, 3 failures
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from modelyard.core.packages.programs import words
from modelyard.domain.errors import Violation
from modelyard.domain.health import LIVENESS, PATH, READINESS, Check, Health
from modelyard.domain.texts import shown

KEYS = ("health", "readiness_health", "startup_health")
CODE = "3592"
METHODS = ("HTTP", "EXEC")
PROTOCOLS = ("http", "https")
URL = re.compile(r"/[!-~]{0,1023}")
MAX_S = 86_400
NUMBERS = {
    "period_seconds": ("period_s", 1, MAX_S),
    "timeout_seconds": ("timeout_s", 1, MAX_S),
    "initial_delay_seconds": ("delay_s", 0, MAX_S),
    "failure_threshold": ("failures", 1, 10_000),
}
"""Key of config.json → field of Check, minimum and maximum."""


def health(config: Mapping[str, object], *, model_type: str = "", own_server: bool = False) -> Health:
    """The checks to make. An invalid one counts as absent (`violations` refuses it when it is published).
    `own_server`: the model brings its own, as images do."""
    paths = None if own_server else _paths(config, model_type)
    said = {key: _check(config[key], paths) for key in KEYS if _sound(config, key)}
    alive, ready, started = (said.get(key) for key in KEYS)
    readiness = ready or (_paced(alive) if alive else READINESS)
    return Health(startup=started or readiness, readiness=readiness, liveness=alive or ready or LIVENESS)


def violations(config: Mapping[str, object]) -> Iterator[Violation]:
    """What is wrong with the health checks of a config.json."""
    for key in KEYS:
        said = config.get(key)
        if said is None:
            continue
        yield from _wrong(key, said)
        if (
            config.get("cmd")
            and isinstance(said, Mapping)
            and (_method(said), _protocol(said)) == ("HTTP", "https")
        ):
            text = f"is {shown(said['protocol'])}, must be http: a command is reached without TLS"
            yield Violation(f"{key}.protocol", text, CODE)


def _sound(config: Mapping[str, object], key: str) -> bool:
    return config.get(key) is not None and not any(_wrong(key, config[key]))


def _paced(check: Check) -> Check:
    """The same check at the pace of readiness; a longer timeout is kept."""
    return replace(
        check,
        period_s=READINESS.period_s,
        timeout_s=max(check.timeout_s, READINESS.timeout_s),
        failures=READINESS.failures,
        delay_s=READINESS.delay_s,
    )


def _paths(config: Mapping[str, object], model_type: str) -> frozenset[str] | None:
    """The paths that the instance answers besides `/health`; None: any, since it brings its own server."""
    if model_type == "Image":
        return None
    apis = config.get("apis")
    declared = apis if isinstance(apis, list) else []
    gets = (a for a in declared if isinstance(a, dict) and str(a.get("method", "POST")).upper() == "GET")
    return frozenset(str(api.get("url", "/")) for api in gets)


def _check(value: object, paths: frozenset[str] | None) -> Check:
    assert isinstance(value, Mapping)
    if _method(value) == "EXEC":
        question = Check(command=words(value["command"]))
    else:
        url = str(value.get("url", PATH))
        question = Check(path=url if paths is None or url in paths else PATH, protocol=_protocol(value))
    numbers = {field: int(str(value[key])) for key, (field, _, _) in NUMBERS.items() if value.get(key) is not None}
    return replace(question, **numbers)  # type: ignore[arg-type]  # each is a number


def _method(value: Mapping[str, object]) -> str:
    return str(value.get("check_method") or "HTTP").upper()


def _protocol(value: Mapping[str, object]) -> str:
    return str(value.get("protocol") or "http").lower()


def _wrong(key: str, value: object) -> Iterator[Violation]:
    if not isinstance(value, Mapping):
        yield Violation(key, "must be an object", CODE)
        return
    if _method(value) not in METHODS:
        yield Violation(f"{key}.check_method", f"is {shown(value['check_method'])}, must be HTTP or EXEC", CODE)
    elif _method(value) == "EXEC":
        command = value.get("command")
        given = [command] if isinstance(command, str) else command if isinstance(command, list) else []
        if not given or not all(isinstance(word, str) and word.strip() and "\0" not in word for word in given):
            text = (
                f"is {shown(command)}, must be a command (a string or an array of them) when check_method is EXEC"
            )
            yield Violation(f"{key}.command", text, CODE)
    elif not (isinstance(url := value.get("url", PATH), str) and URL.fullmatch(url)):
        yield Violation(f"{key}.url", f"is {shown(url)}, must be a path that begins with /", CODE)
    if _protocol(value) not in PROTOCOLS:
        yield Violation(f"{key}.protocol", f"is {shown(value['protocol'])}, must be http or https", CODE)
    for name, (_, least, most) in NUMBERS.items():
        number = value.get(name)
        if number is not None and not _whole(number, least, most):
            yield Violation(
                f"{key}.{name}", f"is {shown(number)}, must be a whole number from {least} to {most}", CODE
            )


def _whole(value: object, least: int, most: int) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return False
    text = str(value)
    return text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most
