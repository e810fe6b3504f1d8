"""Logs, metrics and traces of an installation: the parts that collect, measure and send them, put together."""

import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from modelyard import __version__
from modelyard.control.calls import CallsKeeper, nobodys
from modelyard.control.clock import Clock
from modelyard.control.collecting import Collector
from modelyard.control.exporting import Exporter, exported
from modelyard.control.owners import Owners
from modelyard.control.self_watch import Figures, SelfWatch
from modelyard.control.span_export import SpanExporter
from modelyard.control.span_export import exported as spans_exported
from modelyard.core.masking import Masker
from modelyard.engines.base import Engine
from modelyard.gateway.base import Gateway
from modelyard.logs.base import LogStore
from modelyard.logs.process import LogProcess
from modelyard.operations.bells import Bells
from modelyard.operations.tracing import Tracing
from modelyard.otlp import base as otlp
from modelyard.processes.disk import MIB
from modelyard.settings import Settings
from modelyard.store.base import Store

Beside = Callable[[], Coroutine[object, object, None]]
"""What goes on all the time, until cancelled."""


async def kept_logs(settings: Settings, data_dir: Path, bells: Bells, stack: AsyncExitStack) -> LogProcess:
    logs = LogProcess(
        data_dir / "logs",
        most_bytes=settings.log_bytes_per_service,
        reserve_bytes=settings.disk_reserve_mib * MIB,
        ring=bells.ring,
    )
    await logs.open()
    stack.push_async_callback(logs.close)
    return logs


async def exporter(
    settings: Settings, store: Store, logs: LogStore, figures: Figures, stack: AsyncExitStack
) -> Exporter | None:
    """Of lines, where a receiver is named."""
    if not settings.otlp_endpoint:
        return None
    from modelyard.logs.otlp import receiver

    made = receiver(settings.otlp_endpoint, settings.otlp_protocol, otlp.headers(settings.otlp_headers))
    stack.push_async_callback(made.close)
    exporter = Exporter(store, logs, made)
    figures.tell(lambda: exported(exporter.state, round(time.time() * 1000)))
    return exporter


def traces(
    settings: Settings, world: tuple[Store, Clock], masker: Masker, figures: Figures, stack: AsyncExitStack
) -> tuple[Tracing, SpanExporter] | tuple[None, None]:
    """What traces, and what sends it, where a receiver of traces is named."""
    if not settings.otlp_traces_endpoint:
        return None, None
    from modelyard.traces.otlp import receiver

    protocol = settings.otlp_traces_protocol or settings.otlp_protocol
    headers = otlp.headers(settings.headers_of_traces())
    made, (store, clock) = receiver(settings.otlp_traces_endpoint, protocol, headers), world
    tracing = Tracing(clock.wall_ms, clock.now_ms)
    exporter = SpanExporter(store, tracing, made, lambda: masker)
    stack.push_async_callback(made.close)
    stack.push_async_callback(exporter.flush)
    figures.tell(lambda: spans_exported(exporter.now()))
    return tracing, exporter


def exports(settings: Settings, exporter: Exporter | None, spans: SpanExporter | None) -> Mapping[str, str]:
    """Where lines and spans go, and how that stands."""
    told = {}
    if exporter is not None:
        told["otlp"] = f"{settings.otlp_endpoint} {exporter.told()}"
    if spans is not None:
        told["traces"] = f"{settings.otlp_traces_endpoint} {spans.told()}"
    return told


def collectors(
    engine: Engine,
    gateway: Gateway,
    keeping: tuple[LogProcess, Owners],
    now_ms: Callable[[], int],
    figures: Figures,
) -> Mapping[str, Beside]:
    """Of what instances write, and of what the gateway writes of calls."""
    logs, owners = keeping
    calls = CallsKeeper(logs, owners.project, owners.secrets)
    tallies = figures.tallies
    written = Collector(engine, logs, owners.of, now_ms, tallies=tallies)
    called = Collector(gateway.calls, calls, nobodys, now_ms, source="gateway", tallies=tallies)
    figures.tell(written.samples, called.samples)
    return {"collect output": written.run, "collect calls": called.run}


def watching(
    data_dir: Path, figures: Figures, engine: Engine, measured: Callable[[], Awaitable[Mapping[str, int]]]
) -> Mapping[str, Beside]:
    """Of this process itself, and of its disk."""
    watch = SelfWatch(data_dir, __version__, figures.tallies, engine.disk, measured)
    figures.tell(watch.samples)
    return {"watch itself": watch.look, "measure the disk": watch.measure}
