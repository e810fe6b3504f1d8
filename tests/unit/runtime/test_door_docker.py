"""The client of the engine: every answer is bounded in bytes and time, and what is no answer says so."""

import socket
import threading
from pathlib import Path

import pytest
from tests.worlds.engine_api import answer, chunked, written_engine

from modelyard_runtime.door import docker
from modelyard_runtime.door.docker import AwayError, Docker, RefusedError
from modelyard_runtime.door.output import Follower, seconds


def frame(text: bytes, moment: bytes = b"2026-01-01T00:00:01.000000000Z") -> bytes:
    body = moment + b" " + text
    return b"\x01\0\0\0" + len(body).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"),
    [("1.41", "1.12", "v1.41"), ("1.52", "1.44", "v1.44"), ("1.40", "1.24", "v1.40")],
)
def test_the_newest_version_that_both_know(tmp_path: Path, newest: str, oldest: str, spoken: str) -> None:
    with written_engine(tmp_path) as engine:
        said = f'{{"ApiVersion": "{newest}", "MinAPIVersion": "{oldest}"}}'.encode()
        engine.answers["GET /version"] = [answer(said)]
        assert engine.docker.version() == spoken


@pytest.mark.parametrize(
    "said", [b'{"ApiVersion": "1.24"}', b'{"ApiVersion": "9.9", "MinAPIVersion": "9.0"}', b"[]"]
)
def test_an_engine_whose_api_is_another(tmp_path: Path, said: bytes) -> None:
    with written_engine(tmp_path) as engine:
        engine.answers["GET /version"] = [answer(said)]
        with pytest.raises(RefusedError, match="of the Docker API"):
            engine.docker.version()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        chunked(b"{}", end=False),
        answer(b"no json"),
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
    ids=[
        "nothing",
        "half a head",
        "no HTTP",
        "half a body",
        "no chunk",
        "half of the chunks",
        "no JSON",
        "a long head",
    ],
)
def test_what_is_no_answer(tmp_path: Path, said: bytes) -> None:
    with written_engine(tmp_path) as engine:
        engine.answers["GET /info"] = [said]
        with pytest.raises(AwayError):
            engine.docker.ask("GET", "/info").json()


def test_an_answer_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "MOST_BYTES", 10)
    with written_engine(tmp_path) as engine:
        engine.answers["GET /info"] = [answer(b"x" * 11)]
        with pytest.raises(AwayError, match="more than 10 bytes"):
            engine.docker.ask("GET", "/info")


def test_an_engine_that_does_not_answer_in_time(tmp_path: Path) -> None:
    """Whoever connects waits in the queue of a socket that nobody accepts from."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "d.sock"))
        listener.listen()
        with pytest.raises(AwayError, match="in time"):
            Docker(str(tmp_path / "d.sock"))._ask("GET", "/version", limit_s=0.05)


def test_nobody_at_the_socket(tmp_path: Path) -> None:
    with pytest.raises(AwayError, match="nobody answers"):
        Docker(str(tmp_path / "none")).ask("GET", "/info")


def test_a_refusal_has_the_engines_words(tmp_path: Path) -> None:
    with written_engine(tmp_path) as engine:
        engine.answers["GET /info"] = [answer(b'{"message": "no such thing"}', "404 Not Found")]
        with pytest.raises(RefusedError, match="no such thing") as refused:
            engine.docker.ask("GET", "/info")
        assert refused.value.status == 404


def test_another_thread_may_end_a_stream() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
    stream = docker.Stream(ours)
    stream.begin()
    assert stream.read() == b"hi"
    timer = threading.Timer(0.02, stream.close)
    timer.start()
    with pytest.raises(AwayError):
        stream.read()
    timer.join()
    theirs.close()


def followed(tmp_path: Path, *answers: bytes) -> tuple[bytes, list[str]]:
    """What was passed on, and what was asked."""
    ended = threading.Event()
    out = tmp_path / "out"
    with written_engine(tmp_path) as engine, out.open("wb") as file:
        engine.answers["GET /containers/c/logs"] = list(answers)
        follower = Follower(engine.docker, "c", ended, out=file.fileno())
        thread = threading.Thread(target=follower.run)
        thread.start()
        while len([line for line in engine.asked if "logs" in line]) < len(answers):
            thread.join(0.002)
        ended.set()
        thread.join(10)
        return out.read_bytes(), [line for line in engine.asked if "logs" in line]


def test_times_of_lines() -> None:
    assert seconds(b"2026-01-01T00:00:01.000000000Z") == "1767225601.000000000"
    assert seconds(b"1970-01-01T01:00:01.5+01:00") == "1.500000000"


def test_each_line_comes_once(tmp_path: Path) -> None:
    one, two, three = frame(b"one\n"), frame(b"two\n"), frame(b"three\n", b"2026-01-01T00:00:02.000000000Z")
    data, asked = followed(tmp_path, chunked(one, two[:9], end=False), chunked(one, two, three))
    assert data == b"one\ntwo\nthree\n"
    assert "since=1767225601.000000000" in asked[1]


def test_many_frames_in_one_piece_and_one_in_many(tmp_path: Path) -> None:
    whole = b"".join(frame(b"%d\n" % n, b"2026-01-01T00:00:%02d.000000000Z" % n) for n in range(40))
    pieces = [whole[i : i + 7] for i in range(0, len(whole), 7)]
    assert followed(tmp_path, chunked(whole))[0] == b"".join(b"%d\n" % n for n in range(40))
    (tmp_path / "d.sock").unlink()
    assert followed(tmp_path, chunked(*pieces))[0] == b"".join(b"%d\n" % n for n in range(40))
