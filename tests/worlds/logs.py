"""Lines of services, as a collector would have appended them."""

from collections.abc import Sequence

from tests.worlds.api import ApiWorld

from modelyard.domain.logs import Line, Origin


async def wrote(
    world: ApiWorld,
    service_id: str,
    *texts: str,
    instance: str = "i1",
    revision: int = 1,
    project: str = "p1",
    at_ms: int = 0,
    references: Sequence[str] = (),
    cut: int = 0,
) -> int:
    """The number of the last line; whoever follows is told."""
    origin = Origin(project, service_id, instance, revision, "digits:1.0.0")
    lines = [
        Line(0, at_ms or world.now + i, text, origin, references[i] if i < len(references) else "", cut)
        for i, text in enumerate(texts)
    ]
    last = await world.deps.context.logs.append(origin, lines, "p")
    world.deps.context.log_bells.ring(service_id)
    return last
