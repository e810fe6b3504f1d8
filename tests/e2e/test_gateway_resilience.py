"""Deaths, changes under load, and the splits that must survive them, on a real Envoy."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.e2e.gateway_world import World, answer, route, token, world

from modelyard.domain.routing import Attempts, RouteState
from modelyard.gateway.base import GatewayView, PortTakenError

pytestmark = pytest.mark.e2e


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        await made.gateway.load(())
        for name in "abc":
            await made.instance(name)
        yield made


async def answers(yard: World, count: int, at_once: int = 8) -> Counter[str]:
    """Call so often, and count the answers: a name, or a status that is not 200."""
    seen: Counter[str] = Counter()
    left = iter(range(count))
    headers = {"X-Auth-Token": token()}

    async def caller() -> None:
        for _ in left:
            got = await yard.client.post("/v1/infers/s", headers=headers)
            seen[got.text if got.status_code == 200 else f"{got.status_code} {got.text}"] += 1

    await asyncio.gather(*(caller() for _ in range(at_once)))
    return seen


def envoy_pid(yard: World) -> int:
    assert yard.gateway._run is not None
    pid = yard.gateway._run.sight().pid
    assert pid is not None
    return pid


@pytest.mark.parametrize(
    ("tracks", "shares"),
    [
        pytest.param({"a": 70, "b": 30}, {"a": 700, "b": 300}, id="one instance each"),
        pytest.param({"a_b": 70, "c": 30}, {"a": 350, "b": 350, "c": 300}, id="two and one"),
        pytest.param({"a": 1, "b": 99}, {"a": 10, "b": 990}, id="1:99"),
    ],
)
async def test_the_split_is_exact(yard: World, tracks: dict[str, int], shares: dict[str, int]) -> None:
    await yard.published(route(**tracks))
    seen = await answers(yard, 1000)
    assert all(abs(seen[name] - share) <= 6 for name, share in shares.items()), seen


async def test_ninety_to_ten_with_the_ninety_dead_and_nobody_to_tell(yard: World) -> None:
    await yard.published(route(a=90, b=10))
    await yard.gateway.close()
    await yard.instances["a"].kill()
    assert await answers(yard, 500) == {"b": 500}


async def test_two_of_three_dead(yard: World) -> None:
    """One retry may meet the second dead one: once at first, hardly again when they are tried after a pause."""
    await yard.published(route(a_b_c=100))
    await yard.instances["a"].kill()
    await yard.instances["b"].kill()
    seen = await answers(yard, 500, at_once=1)
    assert seen["c"] >= 498, seen


async def test_an_instance_killed_under_load(yard: World) -> None:
    await yard.published(route(a_b=100))
    calls = asyncio.create_task(answers(yard, 1000))
    await yard.until(lambda: len(yard.instances["a"].seen) >= 100)
    await yard.instances["a"].kill()
    seen = await calls
    assert set(seen) <= {"a", "b"} and seen["b"] > 500, seen


async def test_a_request_that_kills_is_tried_on_one_other_instance_only(yard: World) -> None:
    for instance in yard.instances.values():
        instance.behave = lambda _i, _s, writer: writer.transport.abort()
    await yard.published(route(a_b_c=100))
    got = await yard.call(content=b"poison")
    assert (got.status_code, got.json()["error_code"]) == (503, "ModelArts.4302")
    assert sorted(len(i.seen) for i in yard.instances.values()) == [0, 1, 1]


async def test_a_large_body_is_retried(yard: World) -> None:
    body = os.urandom(12 * 1024 * 1024)
    yard.instances["a"].behave = lambda _i, _s, writer: writer.transport.abort()
    await yard.published(route(a=99, b=1))
    got = await yard.call(content=body)
    assert (got.text, yard.instances["b"].seen[-1].body == body) == ("b", True)


async def test_a_timeout_is_not_retried(yard: World) -> None:
    for instance in yard.instances.values():
        instance.behave = lambda *_: None
    await yard.published(replace(route(a_b_c=100), request_timeout_s=0.2))
    assert (await yard.call()).status_code == 504
    assert sum(len(i.seen) for i in yard.instances.values()) == 1


async def test_changes_under_load_fail_nothing(yard: World) -> None:
    await yard.published(route(a=100))
    calls = asyncio.create_task(answers(yard, 1500))
    for tracks in ({"a": 50, "b": 50}, {"b": 100}, {"b": 20, "c": 80}, {"a_b_c": 100}, {"c": 100}, {"a": 100}) * 3:
        await yard.published(route(**tracks))
        await yard.published(replace(route(**tracks), request_timeout_s=9))
    assert not calls.done()
    seen = await calls
    assert set(seen) == {"a", "b", "c"}


async def test_stop_and_start_and_remove(yard: World) -> None:
    opened = route(a=100)
    for _ in range(3):
        await yard.published(opened)
        assert (await yard.call()).text == "a"
        await yard.published(replace(opened, state=RouteState.STOPPED, tracks=()))
        assert (await yard.call()).status_code == 400
    await yard.gateway.remove("s")
    await yard.until(lambda: yard.gateway.view("s") == GatewayView())
    assert (await yard.call()).status_code == 404
    await yard.published(opened)
    assert (await yard.call()).text == "a"


async def test_weights_are_in_effect_at_once_one_change_after_the_other(yard: World) -> None:
    for weights in ({"a": 99, "b": 1}, {"a": 1, "b": 99}) * 3:
        await yard.published(route(**weights))
        seen = await answers(yard, 50)
        assert all(abs(seen[name] - weight / 2) <= 2 for name, weight in weights.items()), seen


async def test_put_and_removed_in_one_breath(yard: World) -> None:
    """Envoy waits for the endpoints of a cluster that is already unwanted, and holds everything else up."""
    for number in range(5):
        await yard.gateway.put(route(f"brief-{number}", b=100))
        await yard.gateway.remove(f"brief-{number}")
    async with asyncio.timeout(4):
        await yard.published(route(a=100))


async def test_a_killed_envoy_is_back(yard: World) -> None:
    await yard.published(route(a=100))
    before = await yard.gateway.counters()
    views = []
    yard.gateway.watch(lambda service_id: views.append(yard.gateway.view(service_id).acked))
    os.kill(envoy_pid(yard), signal.SIGKILL)
    killed = time.monotonic()
    await yard.until(lambda: None in views and yard.gateway.view("s").acked is not None)
    await yard.answers(200)
    assert time.monotonic() - killed < 2
    assert (await yard.call()).text == "a"
    after = await yard.gateway.counters()
    assert before is not None and after is not None and before.epoch != after.epoch


async def test_another_control_plane_adopts_envoy_and_pushes_nothing_it_has(yard: World) -> None:
    await yard.published(route(a=100), route("t", b=100))
    pid = envoy_pid(yard)
    await yard.gateway.close()
    assert (await yard.call()).text == "a"
    yard.gateway = yard.new_gateway()
    await yard.gateway.open()
    assert envoy_pid(yard) == pid
    assert (await yard.call()).text == "a"
    assert yard.gateway.view("s") == GatewayView()
    await yard.gateway.load([route(a=100), route("u", c=100)])
    await yard.until(lambda: yard.gateway.view("s").acked is not None and yard.gateway.view("u").acked is not None)
    assert ((await yard.call()).text, (await yard.call("u")).text) == ("a", "c")
    await yard.answers(404, "t")


async def test_an_equal_table_after_a_restart_costs_nothing(yard: World) -> None:
    await yard.published(route(a=100))
    await yard.gateway.close()
    yard.gateway = yard.new_gateway()
    await yard.gateway.open()
    await yard.gateway.load([route(a=100)])
    await yard.until(lambda: yard.gateway.view("s").acked == route(a=100))
    assert yard.gateway.bytes_pushed() == 0


async def test_other_settings_do_not_end_an_envoy_that_serves(yard: World) -> None:
    await yard.published(route(a=100))
    pid = envoy_pid(yard)
    await yard.gateway.close()
    yard.gateway = yard.new_gateway(concurrency=2)
    await yard.gateway.open()
    assert envoy_pid(yard) == pid
    assert (await yard.call()).text == "a"


async def test_an_envoy_of_another_generation_is_replaced(yard: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await yard.published(route(a=100))
    pid = envoy_pid(yard)
    await yard.gateway.close()
    monkeypatch.setattr("modelyard.gateway.envoy.GENERATION", 0)
    yard.gateway = yard.new_gateway()
    await yard.gateway.open()
    await yard.gateway.load([route(a=100)])
    assert envoy_pid(yard) != pid
    await yard.answers(200)


async def test_a_refused_service_does_not_disturb_others(yard: World) -> None:
    bad = replace(route("bad", b=100), max_body_bytes=0)
    await yard.gateway.load([route(a=100), bad, route("t", c=100)])
    await yard.until(lambda: bool(yard.gateway.view("bad").rejected))
    await yard.until(lambda: None not in (yard.gateway.view("s").acked, yard.gateway.view("t").acked))
    assert yard.gateway.view("bad").acked is None
    assert ((await yard.call()).text, (await yard.call("t")).text) == ("a", "c")
    await yard.published(route("bad", b=100))
    assert (await yard.call("bad")).text == "b"


async def test_a_taken_port_is_told(yard: World, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    yard.data_dir = other
    with pytest.raises(PortTakenError, match=str(yard.port)):
        await yard.new_gateway().open()


async def test_an_idle_connection_that_the_instance_closes_fails_nothing(yard: World) -> None:
    """The race of a keep-alive: the instance closes in the instant in which the next request comes."""

    def once(_i: object, _s: object, writer: asyncio.StreamWriter) -> None:
        answer(writer, 200, b"a")
        writer.close()

    yard.instances["a"].behave = once
    await yard.published(route(a=100))
    assert await answers(yard, 500, at_once=1) == {"a": 500}


async def test_an_envoy_that_is_stopped_is_replaced(yard: World, caplog: pytest.LogCaptureFixture) -> None:
    """SIGSTOP: its port accepts, and nobody answers. Within seconds, told in the log, and the routes are there."""
    await yard.published(route(a=100))
    before = envoy_pid(yard)
    os.kill(before, signal.SIGSTOP)
    begin = time.monotonic()
    await yard.until(lambda: not yard.gateway.answers())
    await yard.until(lambda: yard.gateway.answers() and yard.gateway.view("s").acked is not None)
    await yard.answers(200)
    assert time.monotonic() - begin < 5
    assert envoy_pid(yard) != before
    assert "Envoy was stopped by a signal and does not go on: it is replaced" in caplog.text


async def test_an_envoy_that_was_stopped_while_nobody_looked_is_replaced(yard: World) -> None:
    await yard.published(route(a=100))
    await yard.gateway.close()
    os.kill(before := envoy_pid(yard), signal.SIGSTOP)
    yard.gateway = yard.new_gateway()
    await yard.gateway.open()
    await yard.gateway.load([route(a=100)])
    await yard.until(lambda: yard.gateway.view("s").acked is not None)
    await yard.answers(200)
    assert envoy_pid(yard) != before


async def hung(yard: World, attempts: Attempts, *names: str) -> tuple[list[int], list[float], int]:
    """Twelve calls one after the other with `a` hung: their statuses, their times, and how many `a` was given."""
    yard.instances["a"].behave = lambda *_: None
    await yard.published(replace(route(**{"_".join(names): 100}), attempts=attempts))
    statuses, took = [], []
    for _ in range(12):
        begin = time.monotonic()
        statuses.append((await yard.call()).status_code)
        took.append(time.monotonic() - begin)
    return statuses, took, len(yard.instances["a"].seen)


async def test_an_answer_that_does_not_begin_in_time_comes_from_another(yard: World) -> None:
    """And who kept a request waiting is left out for a while."""
    statuses, took, given = await hung(yard, Attempts(after_s=0.2), "a", "b")
    assert statuses == [200] * 12
    assert max(took) < 1
    assert 1 <= given <= 3


async def test_an_answer_that_began_is_waited_for(yard: World) -> None:
    """However long the rest of it takes."""
    finish = asyncio.Event()

    def begins(_instance: object, _seen: object, writer: asyncio.StreamWriter) -> asyncio.Future[None]:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no")

        async def ends() -> None:
            await finish.wait()
            writer.write(b"k")

        return asyncio.ensure_future(ends())

    yard.instances["a"].behave = begins
    yard.instances["b"].behave = begins
    await yard.published(replace(route(a_b=100), attempts=Attempts(after_s=0.1)))
    call = asyncio.create_task(yard.call())
    done, _ = await asyncio.wait({call}, timeout=0.5)
    assert not done
    finish.set()
    got = await call
    assert (got.status_code, got.text) == (200, "ok")
    assert sum(len(one.seen) for one in yard.instances.values()) == 1


async def test_the_only_one_has_the_whole_time(yard: World) -> None:
    yard.instances["a"].behave = lambda *_: None
    alone = replace(route(a=100), attempts=Attempts(after_s=0.1), request_timeout_s=0.5)
    await yard.published(alone)
    assert (await yard.call()).status_code == 504
    assert len(yard.instances["a"].seen) == 1


@pytest.mark.parametrize(("attempts", "status", "given"), [(Attempts(twice=False), 503, 1), (Attempts(), 200, 2)])
async def test_what_may_not_be_computed_twice_is_not(
    yard: World, attempts: Attempts, status: int, given: int
) -> None:
    """One instance dies with the request; whether the other one gets it, the service says."""
    for name in "ab":
        yard.instances[name].behave = lambda _i, _s, writer: (
            writer.transport.abort()
            if sum(len(i.seen) for i in yard.instances.values()) == 1
            else answer(writer, 200, b"")
        )
    await yard.published(replace(route(a_b=100), attempts=attempts))
    assert (await yard.call()).status_code == status
    assert sum(len(one.seen) for one in yard.instances.values()) == given


async def test_what_no_instance_has_seen_is_tried_again_all_the_same(yard: World) -> None:
    await yard.published(replace(route(a_b=100), attempts=Attempts(twice=False)))
    await yard.instances["a"].kill()
    assert await answers(yard, 100) == {"b": 100}
