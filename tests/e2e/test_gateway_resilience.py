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
from tests.worlds.gateway import GatewayWorld, answer, envoy_pid, gateway_world, route, token

from modelyard.domain.routing import Attempts, RouteState
from modelyard.gateway.base import GatewayView, PortTakenError

pytestmark = pytest.mark.e2e


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[GatewayWorld]:
    async with gateway_world(tmp_path) as made:
        await made.gateway.load(())
        for name in "abc":
            await made.instance(name)
        yield made


async def answers(world: GatewayWorld, count: int, at_once: int = 8) -> Counter[str]:
    """Call so often, and count the answers: a name, or a status that is not 200."""
    seen: Counter[str] = Counter()
    left = iter(range(count))
    headers = {"X-Auth-Token": token()}

    async def caller() -> None:
        for _ in left:
            got = await world.client.post("/v1/infers/s", headers=headers)
            seen[got.text if got.status_code == 200 else f"{got.status_code} {got.text}"] += 1

    await asyncio.gather(*(caller() for _ in range(at_once)))
    return seen


@pytest.mark.parametrize(
    ("tracks", "shares"),
    [
        pytest.param({"a": 70, "b": 30}, {"a": 700, "b": 300}, id="one instance each"),
        pytest.param({"a_b": 70, "c": 30}, {"a": 350, "b": 350, "c": 300}, id="two and one"),
        pytest.param({"a": 1, "b": 99}, {"a": 10, "b": 990}, id="1:99"),
    ],
)
async def test_the_split_is_exact(world: GatewayWorld, tracks: dict[str, int], shares: dict[str, int]) -> None:
    """Of every hundred requests in a row, a worker of Envoy sends each track exactly as many as its weight."""
    await world.published(route(**tracks))
    assert await answers(world, 1000) == shares


async def test_ninety_to_ten_with_the_ninety_dead_and_nobody_to_tell(world: GatewayWorld) -> None:
    await world.published(route(a=90, b=10))
    await world.gateway.close()
    await world.instances["a"].kill()
    assert await answers(world, 500) == {"b": 500}


async def test_two_of_three_dead(world: GatewayWorld) -> None:
    """One retry may meet the second dead one: once at first, hardly again when they are tried after a pause."""
    await world.published(route(a_b_c=100))
    await world.instances["a"].kill()
    await world.instances["b"].kill()
    seen = await answers(world, 500, at_once=1)
    assert seen["c"] >= 498, seen


async def test_an_instance_killed_under_load(world: GatewayWorld) -> None:
    await world.published(route(a_b=100))
    calls = asyncio.create_task(answers(world, 1000))
    await world.until(lambda: len(world.instances["a"].seen) >= 100)
    await world.instances["a"].kill()
    seen = await calls
    assert set(seen) <= {"a", "b"} and seen["b"] > 500, seen


async def test_a_request_that_kills_is_tried_on_one_other_instance_only(world: GatewayWorld) -> None:
    for instance in world.instances.values():
        instance.behave = lambda _i, _s, writer: writer.transport.abort()
    await world.published(route(a_b_c=100))
    got = await world.call(content=b"poison")
    assert (got.status_code, got.json()["error_code"]) == (503, "ModelArts.4302")
    assert sorted(len(i.seen) for i in world.instances.values()) == [0, 1, 1]


async def test_a_large_body_is_retried(world: GatewayWorld) -> None:
    body = os.urandom(12 * 1024 * 1024)
    world.instances["a"].behave = lambda _i, _s, writer: writer.transport.abort()
    await world.published(route(a=99, b=1))
    got = await world.call(content=body)
    assert (got.text, world.instances["b"].seen[-1].body == body) == ("b", True)


async def test_a_timeout_is_not_retried(world: GatewayWorld) -> None:
    for instance in world.instances.values():
        instance.behave = lambda *_: None
    await world.published(replace(route(a_b_c=100), request_timeout_s=0.2))
    assert (await world.call()).status_code == 504
    assert sum(len(i.seen) for i in world.instances.values()) == 1


async def test_changes_under_load_fail_nothing(world: GatewayWorld) -> None:
    await world.published(route(a=100))
    calls = asyncio.create_task(answers(world, 1500))
    for tracks in ({"a": 50, "b": 50}, {"b": 100}, {"b": 20, "c": 80}, {"a_b_c": 100}, {"c": 100}, {"a": 100}) * 3:
        await world.published(route(**tracks))
        await world.published(replace(route(**tracks), request_timeout_s=9))
    assert not calls.done()
    seen = await calls
    assert set(seen) == {"a", "b", "c"}


async def test_stop_and_start_and_remove(world: GatewayWorld) -> None:
    opened = route(a=100)
    for _ in range(3):
        await world.published(opened)
        assert (await world.call()).text == "a"
        await world.published(replace(opened, state=RouteState.STOPPED, tracks=()))
        assert (await world.call()).status_code == 400
    await world.gateway.remove("s")
    await world.until(lambda: world.gateway.view("s") == GatewayView())
    assert (await world.call()).status_code == 404
    await world.published(opened)
    assert (await world.call()).text == "a"


async def test_weights_are_in_effect_at_once_one_change_after_the_other(world: GatewayWorld) -> None:
    for weights in ({"a": 99, "b": 1}, {"a": 1, "b": 99}) * 3:
        await world.published(route(**weights))
        seen = await answers(world, 50)
        assert seen.total() == 50
        assert all(abs(seen[name] - weight / 2) < 1 for name, weight in weights.items()), seen


async def test_put_and_removed_in_one_breath(world: GatewayWorld) -> None:
    """Envoy waits for the endpoints of a cluster that is already unwanted, and holds everything else up."""
    for number in range(5):
        await world.gateway.put(route(f"brief-{number}", b=100))
        await world.gateway.remove(f"brief-{number}")
    async with asyncio.timeout(4):
        await world.published(route(a=100))


async def test_a_killed_envoy_is_back(world: GatewayWorld) -> None:
    await world.published(route(a=100))
    before = await world.gateway.counters()
    views = []
    world.gateway.watch(lambda service_id: views.append(world.gateway.view(service_id).acked))
    os.kill(envoy_pid(world.data_dir), signal.SIGKILL)
    killed = time.monotonic()
    await world.until(lambda: None in views and world.gateway.view("s").acked is not None)
    await world.answers(200)
    assert time.monotonic() - killed < 2
    assert (await world.call()).text == "a"
    after = await world.gateway.counters()
    assert before is not None and after is not None and before.epoch != after.epoch


async def test_another_control_plane_adopts_envoy_and_pushes_nothing_it_has(world: GatewayWorld) -> None:
    await world.published(route(a=100), route("t", b=100))
    pid = envoy_pid(world.data_dir)
    await world.gateway.close()
    assert (await world.call()).text == "a"
    world.gateway = world.new_gateway()
    await world.gateway.open()
    assert envoy_pid(world.data_dir) == pid
    assert (await world.call()).text == "a"
    assert world.gateway.view("s") == GatewayView()
    await world.gateway.load([route(a=100), route("u", c=100)])
    await world.until(
        lambda: world.gateway.view("s").acked is not None and world.gateway.view("u").acked is not None
    )
    assert ((await world.call()).text, (await world.call("u")).text) == ("a", "c")
    await world.answers(404, "t")


async def test_an_equal_table_after_a_restart_costs_nothing(world: GatewayWorld) -> None:
    await world.published(route(a=100))
    await world.gateway.close()
    world.gateway = world.new_gateway()
    await world.gateway.open()
    await world.gateway.load([route(a=100)])
    await world.until(lambda: world.gateway.view("s").acked == route(a=100))
    assert world.gateway.bytes_pushed() == 0


async def test_other_settings_do_not_end_an_envoy_that_serves(world: GatewayWorld) -> None:
    await world.published(route(a=100))
    pid = envoy_pid(world.data_dir)
    await world.gateway.close()
    world.gateway = world.new_gateway(concurrency=2)
    await world.gateway.open()
    assert envoy_pid(world.data_dir) == pid
    assert (await world.call()).text == "a"


async def test_an_envoy_of_another_generation_is_replaced(
    world: GatewayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.published(route(a=100))
    pid = envoy_pid(world.data_dir)
    await world.gateway.close()
    monkeypatch.setattr("modelyard.gateway.envoy.GENERATION", 0)
    world.gateway = world.new_gateway()
    await world.gateway.open()
    await world.gateway.load([route(a=100)])
    assert envoy_pid(world.data_dir) != pid
    await world.answers(200)


async def test_a_refused_service_does_not_disturb_others(world: GatewayWorld) -> None:
    bad = replace(route("bad", b=100), max_body_bytes=0)
    await world.gateway.load([route(a=100), bad, route("t", c=100)])
    await world.until(lambda: bool(world.gateway.view("bad").rejected))
    await world.until(lambda: None not in (world.gateway.view("s").acked, world.gateway.view("t").acked))
    assert world.gateway.view("bad").acked is None
    assert ((await world.call()).text, (await world.call("t")).text) == ("a", "c")
    await world.published(route("bad", b=100))
    assert (await world.call("bad")).text == "b"


async def test_a_taken_port_is_told(world: GatewayWorld, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    world.data_dir = other
    with pytest.raises(PortTakenError, match=str(world.port)):
        await world.new_gateway().open()


async def test_an_idle_connection_that_the_instance_closes_fails_nothing(world: GatewayWorld) -> None:
    """The race of a keep-alive: the instance closes in the instant in which the next request comes."""

    def once(_i: object, _s: object, writer: asyncio.StreamWriter) -> None:
        answer(writer, 200, b"a")
        writer.close()

    world.instances["a"].behave = once
    await world.published(route(a=100))
    assert await answers(world, 500, at_once=1) == {"a": 500}


async def test_an_envoy_that_is_stopped_is_replaced(world: GatewayWorld, caplog: pytest.LogCaptureFixture) -> None:
    """SIGSTOP: its port accepts, and nobody answers. Within seconds, told in the log, and the routes are there."""
    await world.published(route(a=100))
    before = envoy_pid(world.data_dir)
    os.kill(before, signal.SIGSTOP)
    begin = time.monotonic()
    await world.until(lambda: not world.gateway.answers())
    await world.until(lambda: world.gateway.answers() and world.gateway.view("s").acked is not None)
    await world.answers(200)
    assert time.monotonic() - begin < 5
    assert envoy_pid(world.data_dir) != before
    assert "Envoy was stopped by a signal and does not go on: it is replaced" in caplog.text


async def test_an_envoy_that_was_stopped_while_nobody_looked_is_replaced(world: GatewayWorld) -> None:
    await world.published(route(a=100))
    await world.gateway.close()
    os.kill(before := envoy_pid(world.data_dir), signal.SIGSTOP)
    world.gateway = world.new_gateway()
    await world.gateway.open()
    await world.gateway.load([route(a=100)])
    await world.until(lambda: world.gateway.view("s").acked is not None)
    await world.answers(200)
    assert envoy_pid(world.data_dir) != before


async def hung(world: GatewayWorld, attempts: Attempts, *names: str) -> tuple[list[int], list[float], int]:
    """Twelve calls one after the other with `a` hung: their statuses, their times, and how many `a` was given."""
    world.instances["a"].behave = lambda *_: None
    await world.published(replace(route(**{"_".join(names): 100}), attempts=attempts))
    statuses, took = [], []
    for _ in range(12):
        begin = time.monotonic()
        statuses.append((await world.call()).status_code)
        took.append(time.monotonic() - begin)
    return statuses, took, len(world.instances["a"].seen)


async def test_an_answer_that_does_not_begin_in_time_comes_from_another(world: GatewayWorld) -> None:
    """And who kept a request waiting is left out for a while."""
    statuses, took, given = await hung(world, Attempts(after_s=0.2), "a", "b")
    assert statuses == [200] * 12
    assert max(took) < 1
    assert 1 <= given <= 3


async def test_an_answer_that_began_is_waited_for(world: GatewayWorld) -> None:
    """However long the rest of it takes."""
    finish = asyncio.Event()

    def begins(_instance: object, _seen: object, writer: asyncio.StreamWriter) -> asyncio.Future[None]:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no")

        async def ends() -> None:
            await finish.wait()
            writer.write(b"k")

        return asyncio.ensure_future(ends())

    world.instances["a"].behave = begins
    world.instances["b"].behave = begins
    await world.published(replace(route(a_b=100), attempts=Attempts(after_s=0.1)))
    call = asyncio.create_task(world.call())
    done, _ = await asyncio.wait({call}, timeout=0.5)
    assert not done
    finish.set()
    got = await call
    assert (got.status_code, got.text) == (200, "ok")
    assert sum(len(one.seen) for one in world.instances.values()) == 1


async def test_the_only_one_has_the_whole_time(world: GatewayWorld) -> None:
    world.instances["a"].behave = lambda *_: None
    alone = replace(route(a=100), attempts=Attempts(after_s=0.1), request_timeout_s=0.5)
    await world.published(alone)
    assert (await world.call()).status_code == 504
    assert len(world.instances["a"].seen) == 1


@pytest.mark.parametrize(("attempts", "status", "given"), [(Attempts(twice=False), 503, 1), (Attempts(), 200, 2)])
async def test_what_may_not_be_computed_twice_is_not(
    world: GatewayWorld, attempts: Attempts, status: int, given: int
) -> None:
    """One instance dies with the request; whether the other one gets it, the service says."""
    for name in "ab":
        world.instances[name].behave = lambda _i, _s, writer: (
            writer.transport.abort()
            if sum(len(i.seen) for i in world.instances.values()) == 1
            else answer(writer, 200, b"")
        )
    await world.published(replace(route(a_b=100), attempts=attempts))
    assert (await world.call()).status_code == status
    assert sum(len(one.seen) for one in world.instances.values()) == given


async def test_what_no_instance_has_seen_is_tried_again_all_the_same(world: GatewayWorld) -> None:
    await world.published(replace(route(a_b=100), attempts=Attempts(twice=False)))
    await world.instances["a"].kill()
    assert await answers(world, 100) == {"b": 100}
