"""What a package must be: the effective configuration, and the layout of the files."""

import pytest

from modelyard.core.packages import contents


def test_initial_config_beats_the_request_beats_the_file() -> None:
    text = b'{"runtime": "file", "apis": [{"url": "/file"}], "model_algorithm": "file", "extra": 1}'
    request = {"runtime": "request", "model_algorithm": "request", "description": "d"}
    merged, violations = contents.config(text, request, '{"runtime": "initial"}')
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
    _, violations = contents.config(text.encode(), {}, None)
    assert [v.field for v in violations] == fields


def test_apis_also_travel_as_a_string() -> None:
    merged, violations = contents.config(b'{"apis": "[{\\"url\\": \\"/x\\"}]"}', {}, None)
    assert (merged, violations) == ({"apis": [{"url": "/x"}]}, ())
    assert [v.field for v in contents.config(b'{"apis": "nope"}', {}, None)[1]] == ["apis"]


@pytest.mark.parametrize(
    ("names", "model_type", "refused"),
    [
        pytest.param({"customize_service.py"}, "PyTorch", False, id="code"),
        pytest.param({"w.pkl"}, "Scikit_Learn", False, id="bare"),
        pytest.param({"w.pkl"}, "Custom", True, id="bare-of-another-type"),
        pytest.param({"sub/customize_service.py", "w.pt"}, "TensorFlow", True, id="code-elsewhere"),
        pytest.param(set(), "Scikit_Learn", True, id="nothing"),
    ],
)
def test_layout(names: set[str], model_type: str, refused: bool) -> None:
    assert bool(contents.layout(names, model_type)) is refused
