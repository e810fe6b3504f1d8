"""Change a live service in every way there is, under full load, and count the requests that failed.

    make demo            or: python examples/demo/demo.py [--svg FILE]

A user's script, nothing else: it starts `modelyard up` on a temporary directory, speaks to the public API through
`modelyard.client`, and calls the models as any caller would. Ends with 1 if a request failed that should not have.
"""

import argparse
import io
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import flowers
from board import Board, Row
from rich.console import Console
from rich.live import Live
from stage import BUCKET, Stage, kill, until
from traffic import BETWEEN, Seen, Traffic

from modelyard.client import Client, Variant

KEEP_ALIVE = 16
CONNECTING = 2
SPLIT_ANSWERS = 10_000
BATCH_TIMES = 20
STEADY_S = 1.0
WIDTH = 124


class Show:
    """The steps, in order. Each ends its window of traffic with a row on the board."""

    def __init__(self, stage: Stage, board: Board) -> None:
        self.stage = stage
        self.board = board
        self.expected = False

    def run(self) -> None:
        board = self.board
        board.begin("training two versions of a scikit-learn model")
        packages = flowers.train(self.stage.root / "trained")
        board.begin("starting Modelyard")
        self.stage.up()
        with self.stage.client() as yard:
            board.begin("publishing both versions")
            one, two = (self.publish(yard, version, package) for version, package in packages.items())
            board.begin("deploying version 1")
            began = time.monotonic()
            service = yard.services.wait(yard.services.create("flowers", [Variant(model_id=one)]))
            deployed_s = time.monotonic() - began
            asked = flowers.questions(packages)
            token = yard.session.token()
        with Traffic(service.access_address, token, asked, KEEP_ALIVE, CONNECTING) as self.traffic:
            board.traffic = self.traffic
            with self.step("version 1, one instance"):
                self.steady()
                self.row(deployed_s, "deployed; every answer by version 1")
            self.change_live(service.service_id, *packages, one, two)
            self.answer_a_batch(two, asked, tuple(packages)[1])
            self.break_it(service.service_id, *packages)
            self.stop_and_start(service.service_id, two, tuple(packages)[1])
        board.traffic = None
        board.doing = ""

    def publish(self, yard: Client, version: str, package: Path) -> str:
        location = self.stage.put_object(f"flowers/{version}", package)
        return yard.models.wait(yard.models.publish("flowers", version, location, "Scikit_Learn")).model_id

    def change_live(self, service_id: str, v1: str, v2: str, one: str, two: str) -> None:
        """Configurations: a canary, its weights, the new version alone, one instance more."""
        with self.stage.client() as yard, self.step("PUT 70:30"):
            replied = self.put(
                yard, service_id, Variant(model_id=one, weight=70), Variant(model_id=two, weight=30)
            )
            self.traffic.wait(lambda seen: v2 in seen.first, 120, "version 2 to answer")
            effect = max(0.0, self.traffic.now.first[v2] - replied)
            self.settle(yard, service_id)
            self.row(effect, "first answer of version 2")

        with self.step("the split 70:30"):
            split = self.traffic.wait(
                lambda s: s.requests >= SPLIT_ANSWERS, 120, "ten thousand answers"
            ).by_version
            share = 100 * split[v1] / sum(split.values())
            self.row(None, f"{share:.2f} : {100 - share:.2f} of {sum(split.values()):,}")

        with self.stage.client() as yard, self.step("PUT 0:100, weights only"):
            before = self.stage.instances()
            replied = self.put(
                yard, service_id, Variant(model_id=one, weight=0), Variant(model_id=two, weight=100)
            )
            self.settle(yard, service_id)
            same = "no process touched" if self.stage.instances() == before else "PROCESSES CHANGED"
            self.row(lambda seen: max(0.0, seen.last.get(v1, 0) - replied), f"last answer of version 1; {same}")

        with self.stage.client() as yard, self.step("PUT version 2 alone"):
            replied = self.put(yard, service_id, Variant(model_id=two))
            rested = self.settle(yard, service_id)
            self.row(rested - replied, "version 1 drained and ended")

        with self.stage.client() as yard, self.step("PUT instance_count 2"):
            replied = self.put(yard, service_id, Variant(model_id=two, instance_count=2))
            rested = self.settle(yard, service_id)
            self.row(rested - replied, "two instances serve")

    def answer_a_batch(self, two: str, asked: list[dict], v2: str) -> None:
        """A batch service beside the live one, its worker killed in the middle: each row has its answer, once."""
        source = self.stage.root / "batch"
        source.mkdir()
        (source / "flowers.csv").write_text(flowers.rows(asked) * BATCH_TIMES)
        location = self.stage.put_object("batch/in", source)
        with self.stage.client() as yard, self.step("a batch; kill -9 of its worker"):
            before = self.stage.instances().keys()
            began = time.monotonic()
            job = {
                "model_id": two,
                "specification": "modelarts.vm.cpu.2u",
                "instance_count": 1,
                "src_path": f"{location}/",
                "dest_path": f"{location.removesuffix('in')}out/",
                "req_uri": "/",
                "mapping_type": "csv",
                "mapping_rule": flowers.RULE,
            }
            service_id = yard.batch.create("flowers-batch", job)
            until(lambda: self.stage.instances().keys() - before, 60, "the worker")
            kill(self.stage.instances()[next(iter(self.stage.instances().keys() - before))])
            self.board.progress("its worker was killed")
            self.follow_batch(yard, service_id)
            took = time.monotonic() - began
            result = self.stage.data_dir / "objects" / BUCKET / "batch/out/infer-result/flowers.csv_result.txt"
            said = [flowers.answer(line) for line in result.read_text().splitlines()]
            right = said == [each["answers"][v2] for each in asked] * BATCH_TIMES
            self.row(took, f"{len(said):,} rows, {'each answered right, once' if right else 'ANSWERS ARE WRONG'}")
        if not right:
            raise RuntimeError("the answers of the batch are not those of the model")

    def follow_batch(self, yard: Client, service_id: str) -> None:
        """Wait for its end, and show the rows that have their answer."""
        deadline = time.monotonic() + 120
        while yard.services.get(service_id).status not in {"finished", "failed"}:
            if time.monotonic() > deadline:
                raise TimeoutError("waited 120 s for the batch to end")
            for task in yard.batch.tasks(service_id)[:1]:
                self.board.progress(f"{task.rows_done:,} of {task.rows:,} rows")
            time.sleep(0.2)

    def break_it(self, service_id: str, _v1: str, v2: str) -> None:
        """Crashes that leave a healthy instance: nobody may notice."""
        with self.step("kill -9 of one of two instances"):
            victim, pid = next(iter(self.stage.instances().items()))
            killed = time.monotonic()
            kill(pid)
            until(lambda: len(self.stage.instances().keys() - {victim}) == 2, 60, "a new instance")
            with self.stage.client() as yard:
                rested = self.settle(yard, service_id)
            self.row(rested - killed, "two instances serve again")

        with self.step("kill -9 of the control plane"):
            before = self.stage.instances()
            killed = time.monotonic()
            self.stage.end_control_plane(signal.SIGKILL)
            self.stage.up()
            with self.stage.client() as yard:
                rested = self.settle(yard, service_id)
            same = "same instances adopted" if self.stage.instances() == before else "INSTANCES CHANGED"
            self.row(rested - killed, f"started again; {same}")

    def stop_and_start(self, service_id: str, two: str, v2: str) -> None:
        """What a user asks to be away is away; nothing is forgotten."""
        with self.stage.client() as yard, self.step("stop"):
            began = time.monotonic()
            yard.services.stop(service_id)
            rested = self.settle(yard, service_id)
            self.row(rested - began, "answered 400, as asked", expected=True)

        with self.stage.client() as yard, self.step("start"):
            yard.services.start(service_id)
            replied = time.monotonic()
            self.settle(yard, service_id)
            self.traffic.wait(lambda seen: v2 in seen.first, 60, "version 2 to answer")
            self.row(lambda seen: seen.first[v2] - replied, "first answer after the start", expected=True)

        with self.step("running again"):
            self.steady()
            self.row(None, "every answer by version 2")

        with self.step("modelyard down, modelyard up"):
            self.stage.down()
            began = time.monotonic()
            self.stage.up()
            self.traffic.wait(lambda s: s.last.get(v2, 0) > began, 120, "version 2 to answer")
            with self.stage.client() as yard:
                rested = self.settle(yard, service_id)
            self.row(rested - began, "from up to everything running", expected=True)

        with self.step("same data, new processes"):
            self.steady()
            self.row(None, "every answer by version 2")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A window of traffic of its own, opened now; the steps end it with `row`."""
        self.board.begin(name)
        self.board.between.append(Row(BETWEEN, self.traffic.end(name), expected=self.expected))
        self.update_time: int | None = None
        yield

    def put(self, yard: Client, service_id: str, *config: Variant) -> float:
        """PUT a config; when the reply was in."""
        self.update_time = yard.services.configure(service_id, config)
        return time.monotonic()

    def settle(self, yard: Client, service_id: str) -> float:
        """Wait for the service to come to rest; when it did. Then a moment more for the traffic to show it."""
        if self.update_time is None:
            yard.services.wait(service_id)
        else:
            yard.services.wait_update(service_id, self.update_time)
        until(lambda: yard.services.get(service_id).status != "concerning", 120, "every instance to serve")
        rested = time.monotonic()
        self.steady()
        return rested

    def steady(self) -> None:
        """Let the traffic flow for a moment."""
        until_s = self.traffic.now.seconds + STEADY_S
        name = self.traffic.now.name
        self.traffic.wait(lambda s: s.name == name and s.seconds >= until_s, 30, "traffic")

    def row(
        self,
        effect: float | Callable[[Seen], float] | None,
        note: str | Callable[[Seen], str],
        *,
        expected: bool = False,
    ) -> None:
        """End the window and put its row on the board; what is a function is told what the callers saw."""
        name = self.traffic.now.name
        seen = self.traffic.end(BETWEEN)
        self.expected = expected
        effect_s = effect(seen) if callable(effect) else effect
        self.board.add(Row(name, seen, effect_s, note(seen) if callable(note) else note, expected))


def split(seen: Seen, version: str) -> str:
    """The share of a version among all answers, and that of the others."""
    answers = sum(seen.by_version.values())
    share = 100 * seen.by_version.get(version, 0) / answers
    return f"{share:.2f} : {100 - share:.2f} of {answers:,} answers"


def picture(board: Board) -> str:
    """The board as an SVG that loads nothing (Rich's own would fetch a font)."""
    console = Console(record=True, width=WIDTH, highlight=False, file=io.StringIO())
    console.print(board)
    return re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="make demo"), flags=re.DOTALL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--svg", type=Path, help="also write the final table as an SVG picture")
    options = parser.parse_args()
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    board = Board(log=None if console.is_terminal else console)
    began = time.monotonic()
    with Stage() as stage:
        try:
            with Live(board, console=console, refresh_per_second=5, transient=True):
                Show(stage, board).run()
        except Exception:
            console.print(board)
            console.print(f"failed while: {board.doing}\nthe control plane's last words:\n{stage.last_words()}")
            raise
    if options.svg:
        options.svg.write_text(picture(board))
    console.print(board)
    for row in (*board.rows, *board.between):
        if row.failed:
            console.print(f"{row.step}: {row.seen.errors}", style="red")
    callers = f"{KEEP_ALIVE} keep-alive callers and {CONNECTING} that connect for each request"
    console.print(f"{callers}; {time.monotonic() - began:.0f} s in all.")
    return 1 if board.failed else 0


if __name__ == "__main__":
    sys.exit(main())
