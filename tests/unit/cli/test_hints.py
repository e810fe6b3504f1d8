"""Every command that the program, its messages or its documents name is one that works."""

import ast
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer.main
from tests.unit.cli.every import LONG

from modelyard.cli import app as program
from modelyard.cli.exits import UnconfirmedError, advice
from modelyard.client import (
    ApiError,
    Away,
    ClientError,
    LoggedOut,
    NotConfigured,
    OperationFailed,
    Unanswered,
    UnknownName,
    Unreachable,
    Unresolved,
    Untrusted,
    UnusableFile,
    WaitTimeout,
)
from modelyard.client.errors import Subject

ROOT = Path(__file__).parents[3]
Run = Callable[..., tuple[int, str, str]]
NAMED = re.compile(r"`(modelyard [^`]+)`")
LINE = re.compile(r"^(?: {4}|\t)(?:\$ |while |if |sudo )?(modelyard .*)$")
SERVICE = Subject("service", f"service-{LONG}")
ERRORS: dict[str, ClientError] = {
    "nobody is logged in": NotConfigured("there is no file"),
    "a login that ended": LoggedOut("ended"),
    "no server": Unreachable("nothing answers there"),
    "a certificate of one's own": Untrusted("https://yard.test: its certificate is not believed"),
    "a file of certificates": UnusableFile("ca.pem cannot be used"),
    "no such host": Unresolved("https://yard.tset: there is no address for this name"),
    "a proxy's answer": Away("a proxy answered 502 Bad Gateway"),
    "no answer": Unanswered("no answer in time"),
    "no such name": UnknownName("no"),
    "no such project": UnknownName("no project 'services'"),
    "no such message": ApiError(404, "ModelArts.0104", "message 7f does not exist"),
    "no such subscription": ApiError(404, "ModelArts.0104", "subscription 'urn:smn:r:p1:t:s' does not exist"),
    "wrong password": ApiError(401, "ModelArts.4122", "Incorrect username or password."),
    "an old token": ApiError(401, "ModelArts.0202", "expired"),
    "not allowed": ApiError(403, "ModelArts.0108", "no"),
    "not there": ApiError(404, "ModelArts.3502", "no"),
    "a fault": ApiError(500, "ModelArts.0010", "Internal error.", "r-1"),
    "a model's own fault": ApiError(500, "ModelArts.4204", "reference 3f", "r-1"),
    "busy": ApiError(503, "ModelArts.4302", "no instance", "r-1"),
    "an update that failed": OperationFailed("rolled back", SERVICE),
    "a publication that failed": OperationFailed("not published", Subject("model", f"model-{LONG}/1.0.0")),
    "a slow service": WaitTimeout("still", SERVICE),
    "a slow model": WaitTimeout("still", Subject("model", f"model-{LONG}/1.0.0")),
    "a slow deletion": WaitTimeout("still", Subject("deletion", "s1")),
    "no yes": UnconfirmedError("nothing"),
}


UNADVISED = {"a file of certificates", "a model's own fault", "no such host", "no yes"}


def every_kind(base: type[ClientError]) -> Iterator[type[ClientError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from every_kind(kind)


def test_every_kind_of_failure_is_here() -> None:
    given = {type(error) for error in ERRORS.values()}
    assert {kind for kind in every_kind(ClientError) if kind.__name__ != "BadFileError"} <= given


@pytest.mark.parametrize("name", sorted(UNADVISED))
def test_where_no_command_helps_none_is_advised(name: str) -> None:
    assert not NAMED.findall(advice(ERRORS[name]))


@pytest.mark.parametrize("name", sorted(ERRORS.keys() - UNADVISED))
def test_what_is_advised_works(name: str, run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    commands = NAMED.findall(advice(ERRORS[name]))
    assert commands
    for command in commands:
        words = shlex.split(command)[1:]
        if words[0] in {"up", "down", "login"}:
            assert run(*words, "--help")[0] == 0
            continue
        package = ROOT / "examples" / "echo"
        code, _, err = run(*(str(package) if word == "PACKAGE_DIR" else word for word in words))
        assert code == 0, (command, err)


@pytest.mark.parametrize("called", ["s1", f"{SERVICE.name} --data-dir 'a b'"])
def test_the_trace_of_a_failed_call_is_found(called: str, run: Run, tmp_path: Path) -> None:
    (command,) = NAMED.findall(advice(ERRORS["a model's own fault"], None, called))
    assert command == f"modelyard logs {called} --reference 3f"
    words = shlex.split(command)[1:]
    assert run(*words[:2], *words[-2:])[0] == 0


def test_a_password_of_another_server_is_told_as_such() -> None:
    assert "that of /yard: another server" in advice(ERRORS["wrong password"], Path("/yard"))
    assert "another server" not in advice(ERRORS["wrong password"])


def test_the_advice_is_about_what_failed() -> None:
    assert "services" not in advice(ERRORS["a publication that failed"])
    assert f"events {SERVICE.name}" in advice(ERRORS["an update that failed"])
    assert "SERVICE" not in "".join(map(advice, ERRORS.values())).replace("service", "")


@pytest.mark.parametrize(
    ("error", "command"),
    [
        (UnknownName("no project 'service'"), "admin projects list"),
        (UnknownName("there are 2 users named 'eve'"), "admin users list"),
        (UnknownName("there is no model 'iris' with version '9' in this project"), "models list"),
        (
            ApiError(404, "ModelArts.0104", 'revision "9 of service x" does not exist'),
            "services revisions SERVICE",
        ),
        (ApiError(404, "", "message 7f does not exist"), "topics deliveries"),
        (ApiError(404, "", "pool lab does not exist"), "admin pools list"),
    ],
    ids=["project", "user", "model", "revision", "message", "pool"],
)
def test_what_shows_the_things_of_a_kind_that_is_missing(error: ClientError, command: str) -> None:
    assert NAMED.findall(advice(error)) == [f"modelyard {command}"]


def test_the_log_is_named_only_where_it_has_more() -> None:
    """The server notes the id of a request for faults of its own (`api.errors.internal`), for nothing else."""
    assert {name for name, error in ERRORS.items() if "log, which" in advice(error)} == {"a fault"}
    internal = (ROOT / "src/modelyard/api/errors.py").read_text()
    assert 'log.error("request %s failed' in internal


def named_in_code() -> Iterator[str]:
    for file in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from NAMED.findall(node.value)


def named_in_documents() -> Iterator[str]:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        if page.name == "command-line.md" or "decisions" in page.parts:
            continue
        text = page.read_text().replace("\\\n", " ")
        yield from NAMED.findall(text)
        for line in text.splitlines():
            if match := LINE.match(line):
                yield match[1]


def understood(command: str) -> bool:
    """Whether the command line can be read; nothing is run. `…` and prose after the command are left out."""
    group = typer.main.get_command(program.app)
    _quiet(group)
    text = re.split(r"\s(?:#|\||>|<|&&|;|2>)\s?", command)[0].rstrip("; &")
    if text.count("'") % 2:  # JSON that goes on in the next line
        text = text[: text.index("'")] + "'{}'"
    words = [word for word in shlex.split(text)[1:] if "…" not in word]
    if words and words[-1] in {"-f", "-m", "--data-dir", "--passphrase-file"}:
        words.append("x")
    if words[:1] == ["COMMAND"] or _mentions(group, words):
        return True
    try:
        group.main(words, prog_name="modelyard")
    except SystemExit as ended:
        return not ended.code
    return True


def _mentions(command: object, words: list[str]) -> bool:
    """Whether the words are the name of a command or group and nothing else."""
    for word in words:
        inner = getattr(command, "commands", {})
        if word not in inner:
            return False
        command = inner[word]
    return True


def _quiet(command: object) -> None:
    command.callback = None  # type: ignore[attr-defined]
    for inner in getattr(command, "commands", {}).values():
        _quiet(inner)


@pytest.mark.parametrize("command", sorted({*named_in_code(), *named_in_documents()}))
def test_what_is_named_can_be_typed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert understood(command), capsys.readouterr().err


def test_the_check_of_commands_notices_a_wrong_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert not understood("modelyard services remove iris")
    assert not understood("modelyard services rollback iris")
    assert not understood("modelyard modles list")
    assert not understood("modelyard up --prot 1")
    assert capsys.readouterr().err
