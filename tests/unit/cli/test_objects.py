"""`modelyard objects` and `models publish` of a directory, over a server that keeps objects in a dictionary."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.cli.every import Server

from modelyard.cli.exits import Exit
from modelyard.cli.publishing import default_bucket, next_version
from modelyard.client.records import Model

Run = Callable[..., tuple[int, str, str]]
AT = "/v1/p1/objects/"


class Objects(Server):
    """Keeps what is written, in order of writing."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}
        self.written: list[str] = []
        self.refused: dict[str, httpx.Response] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if not path.startswith(AT):
            return super().__call__(request)
        bucket, _, key = path.removeprefix(AT).partition("/")
        asked = request.url.params
        if not key:
            if request.method == "DELETE":
                self.sent.append(("DELETE", path, None))
            found = sorted(name.partition("/")[2] for name in self.objects if name.startswith(f"{bucket}/"))
            prefix = asked.get("prefix", "")
            rows: list[dict[str, Any]] = []
            for one in found:
                head, fold, _ = one.removeprefix(prefix).partition(asked.get("delimiter", "\0"))
                row = {"key": prefix + head + fold}
                if not fold:
                    row["size"] = len(self.objects[f"{bucket}/{one}"])
                if one.startswith(prefix) and row not in rows:
                    rows.append(row)
            return httpx.Response(200, json={"objects": rows, "truncated": False})
        name = f"{bucket}/{key}"
        if name in self.refused:
            return self.refused[name]
        if request.method == "PUT":
            self.objects[name] = request.read()
            self.written.append(name)
            return httpx.Response(200, json={"key": key, "size": len(self.objects[name])})
        if request.method == "DELETE":
            self.sent.append(("DELETE", path, None))
            self.objects.pop(name, None)
            return httpx.Response(200, json={})
        if name not in self.objects:
            return httpx.Response(404, json={"error_code": "ModelArts.4312", "error_msg": f"obs://{name}?"})
        return httpx.Response(200, content=self.objects[name], headers={"ETag": '"1"'})


@pytest.fixture
def server() -> Objects:
    return Objects()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    home = tmp_path / "files"
    (home / "sub").mkdir(parents=True)
    (home / "a").write_bytes(b"1")
    (home / "sub" / "b c").write_bytes(b"22")
    return home


@pytest.mark.parametrize(
    ("target", "key"), [("obs://b/x", "x"), ("s3://b/x/", "x/a"), ("obs://b", "a"), ("obs://b/", "a")]
)
def test_a_file_is_copied_to_where_it_is_told(
    run: Run, server: Objects, files: Path, target: str, key: str
) -> None:
    code, out, err = run("objects", "cp", str(files / "a"), target)
    assert (code, out, server.objects) == (Exit.OK, "", {f"b/{key}": b"1"}), err
    assert err == f"copied 1 file (1 B) to {target}\n"


def test_a_directory_goes_there_and_back(run: Run, server: Objects, files: Path, tmp_path: Path) -> None:
    code, _, err = run("objects", "cp", str(files), "obs://b/at")
    assert (code, "--recursive" in err) == (2, True)
    assert run("objects", "cp", "-r", str(files), "obs://b/at")[0] == Exit.OK
    assert server.objects == {"b/at/a": b"1", "b/at/sub/b c": b"22"}
    assert run("objects", "cp", "obs://b/at", str(tmp_path / "x"))[0] == Exit.NOT_FOUND
    assert run("objects", "cp", "-r", "obs://b/at", str(tmp_path / "back"))[0] == Exit.OK
    back = {path.relative_to(tmp_path / "back").as_posix(): path.read_bytes() for path in every(tmp_path / "back")}
    assert back == {"a": b"1", "sub/b c": b"22"}
    assert run("objects", "cp", "obs://b/at/a", str(tmp_path))[0] == Exit.OK
    assert (tmp_path / "a").read_bytes() == b"1"
    assert run("objects", "cp", "-r", "obs://b/nothing", str(tmp_path))[0] == Exit.NOT_FOUND


def every(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


@pytest.mark.parametrize("key", ["../out", "a/../../out", "/etc/x"])
def test_no_name_leads_out_of_the_directory(run: Run, server: Objects, tmp_path: Path, key: str) -> None:
    server.objects[f"b/at/{key}"] = b"x"
    code, _, err = run("objects", "cp", "-r", "obs://b/at", str(tmp_path / "deep" / "back"))
    assert (code, every(tmp_path / "deep")) == (Exit.REFUSED, []), err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [("a", "b"), ("obs://b/x", "obs://b/y"), ("obs://b/x/", "."), ("obs://", "x")])
def test_what_cannot_be_copied(run: Run, words: tuple[str, str]) -> None:
    assert run("objects", "cp", *words)[0] == 2


def test_what_is_not_there_or_cannot_be_read(run: Run, files: Path) -> None:
    code, _, err = run("objects", "cp", str(files / "nothing"), "obs://b/x")
    assert (code, "no such file" in err) == (Exit.REFUSED, True)
    code, _, err = run("objects", "cp", "obs://b/nothing", str(files / "x"))
    assert (code, "obs://b/nothing does not exist" in err) == (Exit.NOT_FOUND, True)


def test_a_listing(run: Run, server: Objects) -> None:
    server.objects = {"b/a/1": bytes(2048), "b/a/2": b"", "b/c": b"1"}
    assert run("objects", "ls", "obs://b")[1].split() == ["size", "object", "obs://b/a/", "1", "B", "obs://b/c"]
    assert [line.split()[-1] for line in run("objects", "ls", "obs://b/a/")[1].splitlines()[1:]] == [
        "obs://b/a/1",
        "obs://b/a/2",
    ]
    assert [row["key"] for row in json.loads(run("objects", "ls", "-r", "obs://b", "--json")[1])] == [
        "a/1",
        "a/2",
        "c",
    ]


def test_everything_below_is_removed_and_the_bucket_with_it(run: Run, server: Objects) -> None:
    server.objects = {"b/a/1": b"", "b/a/2": b"", "b/a0": b""}
    assert run("objects", "rm", "-r", "obs://b/a", "--yes")[0] == Exit.OK
    assert [*server.objects] == ["b/a0"]
    assert run("objects", "rm", "-r", "obs://b", "--yes")[0] == Exit.OK
    assert (server.objects, server.deleted[-1]) == ({}, "/v1/p1/objects/b")


SCRIPT = "from model_service.model_service import SingleNodeService\nclass S(SingleNodeService):\n    pass\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    home = tmp_path / "digits"
    for name, text in {
        **{"model/customize_service.py": SCRIPT, "model/config.json": '{"model_type": "Custom"}'},
        **{"model/data/words": "a b", "model/__pycache__/x.pyc": "", "model/.git/HEAD": "", "README": ""},
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    return home


def published(server: Objects) -> dict[str, Any]:
    (body,) = [body for method, path, body in server.sent if (method, path) == ("POST", "/v1/p1/models")]
    assert isinstance(body, dict)
    return body


def test_a_directory_is_published(
    run: Run, server: Objects, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(package.parent)
    code, _, err = run("models", "publish", "./digits", "--no-wait")
    assert code == Exit.OK, err
    body = published(server)
    location = body["source_location"]
    assert (body["model_name"], body["model_version"], body["model_type"]) == ("digits", "1.0.0", "auto")
    assert location.startswith(f"obs://{default_bucket('p1')}/digits/1.0.0/")
    home = location.removeprefix("obs://")
    assert {name.removeprefix(f"{home}/") for name in server.objects} == {
        *("model/customize_service.py", "model/config.json", "model/data/words"),
    }
    assert "left out: .git/HEAD, __pycache__/x.pyc" in err


def test_what_an_earlier_upload_brought_there_is_not_sent_again(run: Run, server: Objects, package: Path) -> None:
    options = ("models", "publish", "digits", "2.0.0", f"{package}/", "--bucket", "mine", "--no-wait")
    assert run(*options)[0] == Exit.OK
    (gone,) = [name for name in server.objects if name.endswith("words")]
    del server.objects[gone]
    server.written.clear()
    assert run(*options)[0] == Exit.OK
    assert server.written == [gone]
    (package / "model" / "data" / "words").write_text("b a")  # of the same size
    server.written.clear()
    assert run(*options)[0] == Exit.OK
    assert len(server.written) == 3


def test_a_package_that_is_wrong_is_not_uploaded(run: Run, server: Objects, package: Path) -> None:
    (package / "model" / "customize_service.py").write_text("def (")
    code, _, err = run("models", "publish", "digits", "1.0.0", str(package))
    assert (code, server.objects) == (Exit.FAILED, {})
    assert "customize_service.py" in err


def test_a_place_in_the_object_store_stays_what_it_was(run: Run, server: Objects, package: Path) -> None:
    bucket, _, key = str(package).strip("/").partition("/")
    server.objects[f"{bucket}/{key}/model/config.json"] = b"{}"
    assert run("models", "publish", "digits", "1.0.0", str(package), "--no-wait")[0] == Exit.OK
    assert published(server)["source_location"] == str(package)
    assert server.written == []


@pytest.mark.parametrize(
    "words", [("x", "1.0.0"), ("obs://b/k",), ("x", "1.0.0", "obs://b/k", "--bucket", "b"), ("a", "1", "b", "c")]
)
def test_what_publish_cannot_read(run: Run, words: tuple[str, ...]) -> None:
    assert run("models", "publish", *words)[0] == 2


def test_a_directory_that_is_not_there(run: Run) -> None:
    code, _, err = run("models", "publish", "x", "1.0.0", "./nowhere")
    assert (code, "no such directory" in err) == (Exit.REFUSED, True)


@pytest.mark.parametrize(
    ("known", "wanted"),
    [((), "1.0.0"), (("1.0.0", "1.2.3", "0.9.9"), "1.2.4"), (("1.2.99",), "1.3.0"), (("1.99.99",), "2.0.0")],
)
def test_the_next_version(known: tuple[str, ...], wanted: str) -> None:
    def model(version: str, name: str = "m", status: str = "published") -> Model:
        return Model(model_id="x", model_name=name, model_version=version, model_status=status)

    models = [*map(model, known), model("9.9.9", "other"), model("8.0.0", status="failed")]
    assert next_version(models, "m") == wanted


def test_a_transfer_that_fails_is_told_and_ends_the_others(run: Run, server: Objects, tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / "many" / str(number)).parent.mkdir(exist_ok=True)
        (tmp_path / "many" / str(number)).write_bytes(b"x")
    refused = httpx.Response(400, json={"error_code": "ModelArts.0118", "error_msg": "no room"})
    server.refused = {"b/3": refused}
    code, _, err = run("objects", "cp", "-r", str(tmp_path / "many"), "obs://b")
    assert (code, "no room" in err) == (Exit.REFUSED, True)
