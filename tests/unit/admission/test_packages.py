"""What a package must be: the effective configuration, and the layout of the files."""

import pytest

from modelyard.core import packages


def test_initial_config_beats_the_request_beats_the_file() -> None:
    text = b'{"runtime": "file", "apis": [{"url": "/file"}], "model_algorithm": "file", "extra": 1}'
    request = {"runtime": "request", "model_algorithm": "request", "description": "d"}
    merged, violations = packages.config(text, request, '{"runtime": "initial"}')
    assert violations == ()
    assert merged == {
        "runtime": "initial",
        "apis": [{"url": "/file"}],
        "model_algorithm": "request",
        "extra": 1,
    }


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        pytest.param('{"apis": {}}', ["apis"], id="apis-object"),
        pytest.param('{"apis": [1]}', ["apis[0]"], id="api-number"),
        pytest.param(
            '{"apis": [{"method": "TRACE", "request": 1}]}', ["apis[0].method", "apis[0].request"], id="api"
        ),
        pytest.param('{"health": [], "runtime": 3}', ["runtime", "health"], id="types"),
        pytest.param('{"dependencies": [{}]}', ["dependencies[0].packages"], id="no-packages"),
        pytest.param(
            '{"dependencies": [{"packages": [{"package_name": "x; rm"}, {"package_name": "a", "restraint": "X"},'
            ' {"package_name": "a", "package_version": "1 --index-url x"}]}]}',
            [
                "dependencies[0].packages[0].package_name",
                "dependencies[0].packages[1].restraint",
                "dependencies[0].packages[2].package_version",
            ],
            id="packages",
        ),
        pytest.param("[" * 100_000, ["model/config.json"], id="deep"),
    ],
)
def test_what_is_wrong_is_named(text: str, fields: list[str]) -> None:
    _, violations = packages.config(text.encode(), {}, None)
    assert [v.field for v in violations] == fields
