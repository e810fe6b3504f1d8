"""The process of the logs, where one side does not understand the other."""

import asyncio
import os
import signal
import threading
from pathlib import Path

import pytest

from modelyard.domain.logs import Origin
from modelyard.logs import process, talk
from modelyard.logs.base import LogsUnavailableError
from modelyard.logs.memory import MemoryLogs
from modelyard.logs.process import LogProcess
from modelyard.logs.serving import _answer, _Server


async def test_a_process_that_is_not_understood_leaves_its_place_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "CALL_S", 10)
    monkeypatch.setattr(process, "AGAIN_S", 0)
    logs = LogProcess(tmp_path / "logs", most_bytes=0, reserve_bytes=0, ring=lambda _: None)
    await logs.open()
    try:
        with monkeypatch.context() as deaf:

            def raises(_name: str, _body: bytes) -> object:
                raise ValueError("what is this?")

            deaf.setattr(talk, "result", raises)
            with pytest.raises(LogsUnavailableError):
                await logs.position(Origin("p", "s", "i"))
        assert await logs.position(Origin("p", "s", "i")) == ""
    finally:
        await logs.close()


async def test_nobody_takes_the_exit_status_of_the_process_before_asyncio_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """asyncio waits for children in threads (3.11), which may come late."""
    go_on, waiter = threading.Event(), asyncio.ThreadedChildWatcher
    wait = waiter._do_waitpid

    def late(*given: object) -> None:
        go_on.wait(60)
        wait(*given)

    monkeypatch.setattr(waiter, "_do_waitpid", late)
    logs = LogProcess(tmp_path / "logs", most_bytes=0, reserve_bytes=0, ring=lambda _: None)
    await logs.open()
    try:
        running, pid = logs._running, logs.pid
        assert running is not None
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(os.waitid, os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        running.kill()
        running.kill()
    finally:
        go_on.set()
        await logs.close()
    assert running.process.returncode == -signal.SIGKILL
    assert "Unknown child process" not in caplog.text


async def test_an_answer_that_cannot_be_told_is_told_as_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    class Writer:
        told = b""

        def write(self, octets: bytes) -> None:
            self.told += octets

    async def odd() -> object:
        return object()

    server, writer = _Server(MemoryLogs()), Writer()
    server.calls["services"] = odd
    async with asyncio.timeout(10):
        await _answer(server, writer, 7, "services", b"\x90")  # type: ignore[arg-type]
    _, number, what = talk.head(writer.told)
    assert (number, what) == (7, talk.FAILED)
    assert "services failed" in caplog.text
