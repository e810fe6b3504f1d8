"""The store port, over every store: groups and streams of logs, whom they show, how far lines were exported."""

import pytest

from modelyard.domain.errors import AlreadyExists
from modelyard.domain.log_streams import Channel, LogGroup, LogStream
from modelyard.store.sql import SqlStore

GROUP = LogGroup("g1", "p1", "models", 30, 5)
STREAM = LogStream("s1", "g1", "p1", "digits", 6)
SHOWN = Channel("s1", "svc1", "digits", "p1", 7)


async def test_groups_and_streams_belong_to_a_project_and_have_a_name_each(store: SqlStore) -> None:
    other = LogStream("s0", "g1", "p1", "a", 9, ttl_days=3)
    async with store.write() as w:
        await w.add_log_group(GROUP)
        await w.add_log_group(LogGroup("g2", "p2", "models", 7, 5))
        await w.add_log_stream(STREAM)
        await w.add_log_stream(other)
    async with store.read() as r:
        assert await r.log_groups("p1") == [GROUP]
        assert await r.log_group("p1", "g1") == await r.log_group_named("p1", "models") == GROUP
        assert await r.log_group("p2", "g1") is None
        assert await r.log_streams("p1") == await r.log_streams("p1", "g1") == [other, STREAM]
        assert await r.log_streams("p2") == await r.log_streams("p1", "g2") == []
        assert await r.log_stream("p1", "s1") == await r.log_stream_named("g1", "digits") == STREAM
        assert await r.log_stream("p2", "s1") is None
    for again in (LogGroup("g3", "p1", "models", 1, 1), LogStream("s3", "g1", "p1", "digits", 1)):
        with pytest.raises(AlreadyExists):
            async with store.write() as w:
                await (w.add_log_group(again) if isinstance(again, LogGroup) else w.add_log_stream(again))
    async with store.write() as w:
        await w.set_log_group_ttl("g1", 4)
        changed = await w.log_group("p1", "g1")
        assert changed is not None
        assert changed.ttl_days == 4


async def test_channels_outlive_services_and_go_with_their_stream(store: SqlStore) -> None:
    later = Channel("s1", "svc2", "other", "p1", 9)
    async with store.write() as w:
        await w.add_log_group(GROUP)
        await w.add_log_stream(STREAM)
        await w.add_channels([later, SHOWN])
        await w.add_channels([Channel("s1", "svc1", "digits", "p1", 99)])
    async with store.write() as w:
        assert await w.channels(stream_id="s1") == [SHOWN, later], "said again, it is as old as ever"
        assert await w.channels(service_id="svc2") == [later]
        await w.delete_channels(["svc2", "nobody"])
        assert await w.channels() == [SHOWN]
        await w.delete_log_stream("s1")
        assert await w.channels() == []
        await w.add_log_stream(STREAM)
        await w.add_channels([SHOWN])
        await w.delete_log_group("g1")
    async with store.read() as r:
        assert await r.channels() == []
        assert await r.log_streams("p1") == []


async def test_how_far_lines_were_exported_is_known_of_each_target(store: SqlStore) -> None:
    async with store.write() as w:
        await w.save_log_exports("otlp", {"a": 5, "b": 2**40})
        await w.save_log_exports("otlp", {"a": 9})
        await w.save_log_exports("else", {"a": 1})
        await w.save_log_exports("else", {})
    async with store.write() as w:
        assert await w.log_exports("otlp") == {"a": 9, "b": 2**40}
        await w.forget_log_exports(["a"])
        assert await w.log_exports("otlp") == {"b": 2**40}
        assert await w.log_exports("else") == {}
