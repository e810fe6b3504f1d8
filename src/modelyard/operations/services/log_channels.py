"""Where a service reports its logs: `log_report_channels` held against the log streams there are (contract §2).

A channel that names no stream gets the one named after the service, in the group named after it; both are made if
they are not there. What is enabled stays as it is: only the same may be said again, with the ids that were made or
without. What an earlier release only kept is not enabled.
"""

from collections.abc import Sequence

from modelyard.core import settings
from modelyard.core.admission import properties
from modelyard.core.admission.service import SettingsRequest
from modelyard.domain.errors import Violation
from modelyard.domain.log_streams import Channel, LogGroup, LogStream
from modelyard.domain.service import Service
from modelyard.domain.settings import LogChannel
from modelyard.domain.texts import shown
from modelyard.operations.context import Context
from modelyard.operations.log_streams import TTL_DAYS, new_id
from modelyard.store.base import ReadTransaction, WriteTransaction

KEY = "log_report_channels"
AT = f"{properties.PROPERTIES}.{KEY}"


async def violations(
    r: ReadTransaction, project_id: str, said: SettingsRequest, before: Service | None = None
) -> Sequence[Violation]:
    """What is wrong with the channels that a request names, beside their form. `before`: None of a new service."""
    sent = (said.properties or {}).get(KEY)
    if not isinstance(sent, list):
        return ()
    if before is not None and await r.channels(service_id=before.id):
        return () if await _same(r, before, sent) else await _changed(r, before)
    missing: list[Violation] = []
    for i, channel in enumerate(_channels(sent)):
        missing += await _missing(r, project_id, i, channel)
    return missing


async def bind(ctx: Context, w: WriteTransaction, service: Service, said: SettingsRequest) -> None:
    """Have the streams that a valid request names show the lines of the service; the default ones are made."""
    channels = _channels((said.properties or {}).get(KEY))
    if not channels or await w.channels(service_id=service.id):
        return
    streams = [one.stream_id or (await _default(ctx, w, service)).id for one in channels]
    now = ctx.clock()
    await w.add_channels(
        [Channel(id_, service.id, service.name, service.project_id, now) for id_ in dict.fromkeys(streams)]
    )


def _channels(sent: object) -> Sequence[LogChannel]:
    return settings.parsed({properties.PROPERTIES: {KEY: sent}}).log_channels


async def _missing(r: ReadTransaction, project_id: str, i: int, channel: LogChannel) -> Sequence[Violation]:
    if not channel.group_id or not channel.stream_id:
        return ()
    at = f"{AT}[{i}].configuration"
    if await r.log_group(project_id, channel.group_id) is None:
        return (Violation(f"{at}.log_group_id", f"log group {shown(channel.group_id)} does not exist"),)
    stream = await r.log_stream(project_id, channel.stream_id)
    if stream is None or stream.group_id != channel.group_id:
        text = f"log stream {shown(channel.stream_id)} does not exist in log group {shown(channel.group_id)}"
        return (Violation(f"{at}.log_stream_id", text),)
    return ()


async def _same(r: ReadTransaction, service: Service, sent: Sequence[object]) -> bool:
    """Whether what is sent leads to where the service reports already."""
    stored = {one.stream_id for one in await r.channels(service_id=service.id)}
    group = await r.log_group_named(service.project_id, service.name)
    default = await r.log_stream_named(group.id, service.name) if group else None
    asked = _channels(sent)
    if not asked or len(asked) != len(sent):
        return False
    for one in asked:
        if not one.stream_id:
            if default is None or default.id not in stored:
                return False
        elif await _missing(r, service.project_id, 0, one):
            return False
    return {one.stream_id or (default.id if default else "") for one in asked} == stored


async def _changed(r: ReadTransaction, service: Service) -> Sequence[Violation]:
    names = []
    for channel in await r.channels(service_id=service.id):
        stream = await r.log_stream(service.project_id, channel.stream_id)
        names.append(f"log stream {shown(stream.name)} ({stream.id})" if stream else shown(channel.stream_id))
    where = f", the service reports to {' and '.join(names)}" if names else ""
    return (Violation(AT, f"cannot be changed after it was enabled{where}"),)


async def _default(ctx: Context, w: WriteTransaction, service: Service) -> LogStream:
    """Named after the service."""
    project_id, name, now = service.project_id, service.name, ctx.clock()
    group = await w.log_group_named(project_id, name)
    if group is None:
        group = LogGroup(new_id(ctx), project_id, name, TTL_DAYS, now)
        await w.add_log_group(group)
    stream = await w.log_stream_named(group.id, name)
    if stream is None:
        stream = LogStream(new_id(ctx), group.id, project_id, name, now)
        await w.add_log_stream(stream)
    return stream
