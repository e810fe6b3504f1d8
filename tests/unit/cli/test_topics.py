"""How `modelyard topics` reads what it is given."""

from collections.abc import Callable

import pytest
from tests.unit.cli.every import SUBSCRIPTION, Server

from modelyard.cli.exits import Exit
from modelyard.cli.topics import _protocol

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("endpoint", "protocol"),
    [
        ("https://example.org/hook", "https"),
        ("http://10.0.0.1/", "http"),
        ("ops@example.org", "email"),
        ("slack://a/b/c", "apprise"),
        ("mailto://user:password@example.org", "apprise"),
    ],
)
def test_the_protocol_is_as_the_endpoint_looks(endpoint: str, protocol: str) -> None:
    assert _protocol(endpoint) == protocol


@pytest.mark.parametrize(
    "words",
    [
        ("redeliver", ""),
        ("redeliver", "--topic", ""),
        ("redeliver", "--all", ""),
        ("rm", "", "--yes"),
        ("publish", "", "text"),
    ],
)
def test_an_unset_variable_of_the_shell_is_not_everything(run: Run, words: tuple[str, ...]) -> None:
    code, out, err = run("topics", *words)
    assert code and not out
    assert "empty" in err


def test_what_to_send_again_has_to_be_said(run: Run) -> None:
    code, out, err = run("topics", "redeliver")
    assert (code, out) == (2, "")
    assert "--all" in err
    assert "modelyard up" not in err


def test_nobody_is_asked_about_a_subscription_that_is_none(run: Run, server: Server) -> None:
    code, _, err = run("topics", "unsubscribe", "alerts")
    assert (code, server.sent) == (Exit.NOT_FOUND, [])
    assert "no subscription 'alerts'" in err
    assert "modelyard topics ls TOPIC" in err
    code, _, err = run("topics", "unsubscribe", str(SUBSCRIPTION["subscription_urn"]))
    assert (code, str(SUBSCRIPTION["endpoint"]) in err) == (Exit.UNCONFIRMED, True)


def test_nobody_is_asked_about_a_topic_that_is_none(run: Run, server: Server) -> None:
    server.answers["GET /v2/p1/notifications/topics"] = {"topics": [], "topic_count": 0}
    code, _, err = run("topics", "rm", "alerts")
    assert (code, "no topic 'alerts'" in err, server.sent) == (Exit.NOT_FOUND, True, [])
