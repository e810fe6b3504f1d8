"""What a model's config says of the command that it runs."""

import pytest

from modelyard.core.packages import contents
from modelyard.core.packages.programs import MOST_BYTES, MOST_WORDS, program, violations
from modelyard.domain.program import Program


@pytest.mark.parametrize("config", [{}, {"cmd": None}, {"cmd": ""}, {"cmd": [], "x": 1}, {"cmd": 7}])
def test_without_a_command_our_model_server_runs(config: dict[str, object]) -> None:
    assert program(config) is None


def test_a_string_is_the_shells_and_an_array_is_run_as_it_is() -> None:
    assert program({"cmd": "serve --port $PORT"}) == Program(command=("/bin/sh", "-c", "serve --port $PORT"))
    assert program({"cmd": ["serve", "a b"]}) == Program(command=("serve", "a b"))


def test_the_port_of_a_network_of_its_own_may_be_a_string() -> None:
    assert program({"cmd": "x", "port": "9000"}) == Program(command=("/bin/sh", "-c", "x"), port=9000)


@pytest.mark.parametrize(
    ("config", "field", "text"),
    [
        ({"cmd": 7}, "cmd", "is 7, must be a string or an array of strings"),
        ({"cmd": ["x", 1]}, "cmd", "must be a string or an array of strings"),
        ({"cmd": {"a": 1}}, "cmd", "must be a string or an array of strings"),
        ({"cmd": " "}, "cmd", "must name a program"),
        ({"cmd": []}, "cmd", "must name a program"),
        ({"cmd": ["", "x"]}, "cmd", "must name a program"),
        ({"cmd": "a\0b"}, "cmd", "has a null character, which no command can have"),
        ({"cmd": "x" * (MOST_BYTES + 1)}, "cmd", f"has 8193 bytes, at most {MOST_BYTES} are possible"),
        ({"cmd": ["x"] * (MOST_WORDS + 1)}, "cmd", f"has 257 words, at most {MOST_WORDS} are possible"),
        ({"cmd": "x", "port": 0}, "port", "is 0, must be a whole number from 1 to 65535"),
        ({"cmd": "x", "port": "65536"}, "port", "must be a whole number from 1 to 65535"),
        ({"cmd": "x", "port": True}, "port", "must be a whole number from 1 to 65535"),
    ],
)
def test_what_cannot_be_is_told_by_field(config: dict[str, object], field: str, text: str) -> None:
    (found,) = violations(config)
    assert (found.field, found.code) == (field, "3016")
    assert text in found.text
    assert program(config) is None


def test_what_is_at_the_bounds_is_fine() -> None:
    assert not list(violations({"cmd": "x" * MOST_BYTES, "port": 65_535}))
    assert not list(violations({"cmd": ["x"] * MOST_WORDS}))


def test_the_request_wins_over_the_package_and_a_port_alone_is_a_label() -> None:
    config, wrong = contents.config(b'{"cmd": "a", "model_type": "Custom"}', {"cmd": ["b"]}, None)
    assert (config["cmd"], wrong) == (["b"], ())
    assert not list(violations({"port": "somewhere"}))


def test_a_request_that_says_nothing_leaves_the_packages_command() -> None:
    config, wrong = contents.config(b'{"cmd": "a", "model_type": "Custom"}', {"cmd": ""}, None)
    assert (config["cmd"], wrong) == ("a", ())


def test_a_package_with_a_command_needs_neither_script_nor_model_file() -> None:
    assert contents.layout(["config.json", "server"], "PyTorch", command=True) == ()
    (wrong,) = contents.layout(["config.json", "customize_service.py"], "Custom", command=True)
    assert (wrong.field, wrong.text) == (
        "cmd",
        "cannot be together with model/customize_service.py: a model is served by its command or by its script",
    )
