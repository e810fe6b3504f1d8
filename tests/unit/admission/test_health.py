"""Health checks of config.json: what they ask, and what is wrong with them."""

import pytest

from modelyard.core.packages.health import health, violations
from modelyard.domain.health import LIVENESS, READINESS, Check, Health

IMAGE = "Image"
UP = Check(path="/up")
QUICK_UP = Check(path="/up", period_s=1, timeout_s=5, delay_s=0, failures=3)
EXEC = {"check_method": "exec", "command": "test -e ready"}
SHELL = ("/bin/sh", "-c", "test -e ready")


@pytest.mark.parametrize(
    ("config", "model_type", "expected"),
    [
        pytest.param({}, "", Health(), id="nothing said"),
        pytest.param({"health": None, "apis": []}, "", Health(), id="null"),
        pytest.param({"health": {"url": "/up"}}, IMAGE, Health(QUICK_UP, QUICK_UP, UP), id="health is for both"),
        pytest.param(
            {"health": {"url": "/up"}, "apis": [{"url": "/up", "method": "get"}]},
            "PyTorch",
            Health(QUICK_UP, QUICK_UP, UP),
            id="our server, an api that the model declares",
        ),
        pytest.param(
            {"health": {"url": "/up", "protocol": "HTTPS"}, "apis": [{"url": "/up", "method": "POST"}]},
            "PyTorch",
            Health(
                Check(protocol="https", period_s=1, delay_s=0, failures=3),
                Check(protocol="https", period_s=1, delay_s=0, failures=3),
                Check(protocol="https"),
            ),
            id="our server answers its own path",
        ),
        pytest.param(
            {"readiness_health": {"url": "/up"}},
            IMAGE,
            Health(UP, UP, UP),
            id="readiness keeps the pace it asks for",
        ),
        pytest.param(
            {"startup_health": EXEC}, "", Health(Check(command=SHELL), READINESS, LIVENESS), id="startup alone"
        ),
        pytest.param(
            {
                "health": {
                    "check_method": "EXEC",
                    "command": ["python", "-c", "pass"],
                    "period_seconds": "7",
                    "timeout_seconds": "2",
                    "initial_delay_seconds": 0,
                    "failure_threshold": "4",
                },
                "readiness_health": {"check_method": "HTTP", "url": "/ready", "failure_threshold": 2},
            },
            IMAGE,
            Health(
                Check(path="/ready", failures=2),
                Check(path="/ready", failures=2),
                Check(command=("python", "-c", "pass"), period_s=7, timeout_s=2, delay_s=0, failures=4),
            ),
            id="each says its own, in strings",
        ),
        pytest.param({"health": {"url": "no"}}, IMAGE, Health(), id="what is refused is not asked"),
    ],
)
def test_health(config: dict[str, object], model_type: str, expected: Health) -> None:
    assert health(config, model_type=model_type) == expected


@pytest.mark.parametrize(
    ("value", "field"),
    [
        pytest.param("up", "health", id="not an object"),
        pytest.param({"check_method": "TCP"}, "health.check_method", id="unknown method"),
        pytest.param({"check_method": 5}, "health.check_method", id="method is a number"),
        pytest.param({"check_method": "EXEC"}, "health.command", id="no command"),
        pytest.param({"check_method": "EXEC", "command": " "}, "health.command", id="blank command"),
        pytest.param({"check_method": "EXEC", "command": ["a", 1]}, "health.command", id="word is a number"),
        pytest.param({"check_method": "EXEC", "command": "a\0b"}, "health.command", id="zero byte"),
        pytest.param({"url": "health"}, "health.url", id="no slash"),
        pytest.param({"url": "/a b"}, "health.url", id="blank in a path"),
        pytest.param({"url": "/a\r\nx: y"}, "health.url", id="another header"),
        pytest.param({"url": 7}, "health.url", id="path is a number"),
        pytest.param({"protocol": "gopher"}, "health.protocol", id="unknown protocol"),
        pytest.param({"period_seconds": 0}, "health.period_seconds", id="no time at all"),
        pytest.param({"period_seconds": "5s"}, "health.period_seconds", id="a unit"),
        pytest.param({"timeout_seconds": 1.5}, "health.timeout_seconds", id="half a second"),
        pytest.param({"timeout_seconds": True}, "health.timeout_seconds", id="true"),
        pytest.param({"initial_delay_seconds": "-1"}, "health.initial_delay_seconds", id="before the start"),
        pytest.param({"failure_threshold": "9" * 5000}, "health.failure_threshold", id="a very long number"),
    ],
)
def test_what_is_wrong(value: object, field: str) -> None:
    found = list(violations({"health": value}))
    assert [(v.field, v.code) for v in found] == [(field, "3592")]


def test_every_question_is_checked() -> None:
    config = {"health": {"url": "/ok"}, "readiness_health": {"url": "x"}, "startup_health": 3}
    assert [v.field for v in violations(config)] == ["readiness_health.url", "startup_health"]


def test_a_command_is_asked_without_tls() -> None:
    config = {"cmd": "./server", "health": {"protocol": "HTTPS"}, "startup_health": {"protocol": "http"}}
    assert [v.field for v in violations(config)] == ["health.protocol"]
    assert not list(violations({**config, "cmd": ""})), "our own server is asked as it must be, whatever is said"
    assert not list(violations({**config, "health": {**EXEC, "protocol": "https"}}))
