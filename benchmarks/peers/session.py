"""One start of one contestant: started, asked until it answers right, measured, weighed, ended."""

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from benchmarks.peers.catalog import Peer, Setting
from benchmarks.peers.processes import descendants, end, spawn, sweep
from benchmarks.peers.questions import Question, package
from examples.demo.stage import Stage, free_ports

from modelyard.client import Variant

START_LIMIT_S = 90


class Failed(Exception):
    """A contestant did not start or answered wrong; says why."""


@dataclass(frozen=True)
class Running:
    """Something that answers right at `url`, `cold_start_s` after it was asked to start."""

    url: str
    headers: dict[str, str]
    body: str
    dialect: str
    cold_start_s: float
    log: Callable[[], str]

    def check(self, asked: Question, times: int) -> None:
        """Raises Failed unless every answer is right."""
        for _ in range(times):
            status, answer = ask(self.url, self.headers, self.body)
            wrong = asked.wrong(answer, self.dialect) if status == 200 else f"{status}: {answer[:300]!r}"
            if wrong:
                raise Failed(f"answers wrong: {wrong}")


def ask(url: str, headers: dict[str, str], body: str) -> tuple[int, bytes]:
    """Raises OSError when nobody listens."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("POST", parts.path, body.encode(), {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def until_right(
    url: str, headers: dict[str, str], body: str, wrong: Callable[[bytes], str], alive: Callable[[], bool]
) -> None:
    deadline, last = time.monotonic() + START_LIMIT_S, "nobody listens"
    while time.monotonic() < deadline and alive():
        try:
            status, answer = ask(url, headers, body)
        except (OSError, http.client.HTTPException) as error:
            last = last if isinstance(error, ConnectionRefusedError) else str(error)
        else:
            last = wrong(answer) if status == 200 else f"{status} {answer[:200]!r}"
            if not last:
                return
        time.sleep(0.01)
    raise Failed(f"no right answer: {last}")


@contextmanager
def running(peer: Peer, asked: Question, cache: Path, blas: int) -> Iterator[Running]:
    """A peer, for as long as the block runs. Raises Failed with the end of its log, NotInstalled."""
    with TemporaryDirectory(prefix="mb-", dir="/tmp", ignore_cleanup_errors=True) as scratch:
        setting = Setting(asked.kind, free_ports(1)[0], Path(scratch), cache, blas)
        log = Path(scratch) / "bench.log"
        command, env = peer.command(setting)
        url, body = f"http://127.0.0.1:{setting.port}{peer.path}", asked.body(peer.dialect)
        began = time.perf_counter()
        process = spawn(command, env, Path(scratch), log)
        try:
            until_right(
                url, peer.headers, body, lambda a: asked.wrong(a, peer.dialect), lambda: process.poll() is None
            )
            took = time.perf_counter() - began
            yield Running(url, peer.headers, body, peer.dialect, took, lambda: log.read_text(errors="replace"))
        except Failed as error:
            raise Failed(f"{error}\n{log.read_text(errors='replace')[-3000:]}") from error
        finally:
            end(process)


@contextmanager
def whole(asked: Question, cache: Path, blas: int) -> Iterator[Running]:
    """The whole of Modelyard in a directory of its own; the package published, a service of one instance deployed.

    The cold start is that of the instance: from the request that creates the service to the first right answer
    through the gateway.
    """
    threads = {name: str(blas) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
    try:
        with Stage() as stage:
            stage.up()
            location = stage.put_object(asked.kind, package(asked.kind, cache / "models").parent)
            with stage.client() as yard:
                published = yard.models.publish(f"m-{asked.kind}", "1.0.0", location, _type(asked.kind))
                model_id = yard.models.wait(published).model_id
                headers = {"X-Auth-Token": yard.session.token()}
                body = asked.body("instances")
                began = time.perf_counter()
                service_id = yard.services.create("m", [Variant(model_id=model_id, envs=threads)])
                url = yard.services.get(service_id).access_address
                until_right(url, headers, body, lambda a: asked.wrong(a, "instances"), lambda: bool(descendants()))
                took = time.perf_counter() - began
                yard.services.wait(service_id)
                yield Running(url, headers, body, "instances", took, stage.last_words)
    finally:
        sweep(5)


def _type(kind: str) -> str:
    return "Scikit_Learn" if kind == "iris" else "Custom"
