"""Which content a name means, how it comes here, and which failures pass."""

import base64
import json
from pathlib import Path

import pytest
from tests.worlds.engine_api import answer, chunked, written_engine

from modelyard.core.packages.images import wrong
from modelyard.engines.containers.credentials import CredentialsFile, registry_of
from modelyard.engines.containers.images import ImageAwayError, ImageError, Images

DIGEST = "sha256:" + "d" * 64
ID = "sha256:" + "1" * 64


def image(*digests: str) -> bytes:
    return answer(json.dumps({"Id": ID, "Size": 7, "RepoDigests": digests}).encode())


NONE = answer(b'{"message": "No such image: x"}', "404 Not Found")


def told(*lines: object) -> bytes:
    return chunked(*(json.dumps(line).encode() + b"\r\n" for line in lines))


@pytest.mark.parametrize(
    "name",
    ["iris", "iris:1.0", "team/iris:1", "registry.example.com:5000/a/b/iris:v1", f"a/b@{DIGEST}", ID, "a__b-c.d"],
)
def test_names_of_images(name: str) -> None:
    assert wrong(name) == ""


@pytest.mark.parametrize(
    "name", ["", "Iris", "a b", "iris:", "iris@sha256:12", "-x", "x" * 600, "a//b", "a/../b", 7, "http://x/y"]
)
def test_what_names_no_image(name: object) -> None:
    assert wrong(name)


@pytest.mark.parametrize(
    ("name", "registry"),
    [
        ("iris", "docker.io"),
        ("team/iris:1", "docker.io"),
        ("r.example.com/a", "r.example.com"),
        ("localhost:5/a", "localhost:5"),
    ],
)
def test_whose_registry_is_asked(name: str, registry: str) -> None:
    assert registry_of(name) == registry


def test_a_tag_is_asked_of_its_registry_and_kept_as_the_content_that_it_means(tmp_path: Path) -> None:
    with written_engine(tmp_path) as engine:
        engine.answers["GET /images/r.example.com/iris"] = [NONE, image(f"r.example.com/iris@{DIGEST}")]
        detail = {"current": 50, "total": 200 << 20}
        engine.answers["POST /images/create"] = [
            told(
                {"status": "Downloading", "id": "l", "progressDetail": detail},
                {"status": "Pull complete", "id": "l"},
            )
        ]
        heard: list[str] = []
        found = Images(engine.docker).resolved("r.example.com/iris:1", heard.append)
    assert (found.reference, found.size_bytes) == (f"r.example.com/iris@{DIGEST}", 7)
    assert heard[0] == "pulling image r.example.com/iris:1: 0 % of 200 MiB"
    assert heard[-1].endswith("100 % of 200 MiB")
    assert "POST /images/create?fromImage=r.example.com%2Firis&tag=1" in engine.asked


def test_an_image_that_was_made_here_is_taken_as_it_is(tmp_path: Path) -> None:
    with written_engine(tmp_path) as engine:
        engine.answers["GET /images/iris"] = [image()]
        assert Images(engine.docker).resolved("iris:1", print).reference == ID
    assert not any("create" in line for line in engine.asked)


def test_who_may_have_an_image_that_is_here_is_the_registrys_to_say(tmp_path: Path) -> None:
    name = f"r.example.com/iris@{DIGEST}"
    with written_engine(tmp_path) as engine:
        engine.answers["GET /images/r.example.com"] = [image(name)]
        engine.answers["POST /images/create"] = [
            told({"error": "unauthorized"}),
            told({"status": "Pull complete"}),
        ]
        with pytest.raises(ImageError, match="refused by"):
            Images(engine.docker).resolved(name, print)
        assert Images(engine.docker).resolved(name, print, "login").reference == name


def test_a_tag_that_was_pulled_before_is_asked_for_again(tmp_path: Path) -> None:
    with written_engine(tmp_path) as engine:
        engine.answers["GET /images/iris"] = [image(f"iris@{ID}"), image(f"iris@{DIGEST}")]
        engine.answers["POST /images/create"] = [told({"status": "Pull complete", "id": "l"})]
        assert Images(engine.docker).resolved("iris:1", print).reference == f"iris@{DIGEST}"


@pytest.mark.parametrize(
    ("said", "passes"),
    [
        ("manifest for r.example.com/iris:1 not found: manifest unknown: manifest unknown", False),
        ("pull access denied for iris, repository does not exist or may require 'docker login'", False),
        ("unauthorized: incorrect username or password", False),
        ("Get https://r.example.com/v2/: dial tcp: lookup r.example.com: no such host", True),
        ("Get https://r.example.com/v2/: dial tcp 10.0.0.1:443: connect: connection refused", True),
        ("received unexpected HTTP status: 503 Service Unavailable", True),
        ("toomanyrequests: You have reached your pull rate limit", True),
        ("no space left on device", True),
    ],
)
@pytest.mark.parametrize("when", ["before", "within"])
def test_what_keeps_an_image_away(tmp_path: Path, said: str, passes: bool, when: str) -> None:
    with written_engine(tmp_path) as engine:
        engine.answers["GET /images/r.example.com"] = [NONE]
        text = json.dumps({"message": said}).encode()
        refused = answer(text, "500 Internal Server Error")
        engine.answers["POST /images/create"] = [refused if when == "before" else told({"error": said})]
        with pytest.raises(ImageAwayError if passes else ImageError, match=r"r\.example\.com"):
            Images(engine.docker).resolved("r.example.com/iris:1", print)


def test_an_image_of_no_registry_that_is_gone(tmp_path: Path) -> None:
    with written_engine(tmp_path) as engine:
        engine.answers["GET /images/sha256"] = [NONE]
        with pytest.raises(ImageError, match="not here any more"):
            Images(engine.docker).resolved(ID, print)


def test_a_pull_that_breaks_off_passes(tmp_path: Path) -> None:
    with written_engine(tmp_path) as engine:
        engine.answers["GET /images/iris"] = [NONE]
        engine.answers["POST /images/create"] = [chunked(b'{"status": "x"}\n', end=False)]
        with pytest.raises(ImageAwayError, match="away"):
            Images(engine.docker).resolved("iris:1", print)


def test_an_engine_that_is_away(tmp_path: Path) -> None:
    with written_engine(tmp_path) as engine:
        docker = engine.docker
    with pytest.raises(ImageAwayError, match="away"):
        Images(docker).resolved("iris:1", print)


def test_each_registry_is_told_its_own_credentials(tmp_path: Path) -> None:
    known = tmp_path / "config.json"
    auth = base64.b64encode(b"bob:pass:word").decode()
    known.write_text(json.dumps({"auths": {"https://r.example.com/v2/": {"auth": auth}, "other": "damaged"}}))
    credentials = CredentialsFile(known)
    assert json.loads(base64.urlsafe_b64decode(credentials.header("r.example.com"))) == {
        "username": "bob",
        "password": "pass:word",
        "serveraddress": "r.example.com",
    }
    assert credentials.header("docker.io") == ""
    assert credentials.secrets() == {"pass:word"}
    with written_engine(tmp_path) as engine:
        engine.answers["GET /images/"] = [NONE]
        engine.answers["POST /images/create"] = [told({"error": "denied"})]
        for name in ("r.example.com/iris:1", "elsewhere.example.com/iris:1"):
            with pytest.raises(ImageError):
                Images(engine.docker).resolved(name, print, credentials.header(registry_of(name)))
    with_them = [head for head in engine.heads if "X-Registry-Auth" in head]
    assert len(with_them) == 1
    assert "r.example.com" in with_them[0].split("\r\n")[0]


@pytest.mark.parametrize("content", ["", "[]", '{"auths": []}', "{"])
def test_a_file_of_credentials_that_says_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    assert CredentialsFile(tmp_path / "config.json").header("docker.io") == ""
    assert CredentialsFile(tmp_path / "none").header("docker.io") == ""
