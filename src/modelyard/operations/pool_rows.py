"""What an administrator says of a pool's engine, checked before it is stored: its shape, and that it is there."""

from collections.abc import Mapping, Sequence

from modelyard.core import pools
from modelyard.domain.errors import Violation
from modelyard.domain.pools import PoolEngine, UnknownEngineError, pool_engine
from modelyard.domain.texts import shown
from modelyard.operations.context import Context


def wrong(row: Mapping[str, object], said: Mapping[str, object] | None = None) -> list[Violation]:
    """What is wrong with the shape of a row. `said`: what the request said of it, all of it if None; an endpoint
    that it did not name goes with the engine that it had."""
    said = row if said is None else said
    if not {"engine", "endpoint"} & said.keys():
        return []
    endpoint = said.get("endpoint") if "engine" in said else row.get("endpoint")
    return [*pools.wrong(row.get("engine"), endpoint)]


def kept(before: Mapping[str, object], said: Mapping[str, object]) -> Mapping[str, object]:
    """The attributes of the row from then on. What says nothing is left out; another engine has another endpoint,
    and other nodes."""
    made = {**before, **said}
    if "endpoint" not in said and named({**before, "engine": made.get("engine")}) != named(before):
        made.pop("endpoint", None)
    if "nodes" not in said and named(made) != named(before):
        made.pop("nodes", None)
    return {name: value for name, value in made.items() if not (name in {"engine", "endpoint"} and value == "")}


def named(row: Mapping[str, object]) -> PoolEngine | str:
    """The engine that a row names; as it is written where this release has none of that name."""
    try:
        return pool_engine(row)
    except UnknownEngineError:
        return str(row.get("engine"))


async def out_of_reach(ctx: Context, row: Mapping[str, object]) -> list[Violation]:
    """Why a pool cannot be what this row says, by looking at its engine now. Call it outside of transactions."""
    engine = named(row)
    if not isinstance(engine, PoolEngine):
        return []
    sight = await ctx.pools.look(engine)
    if sight is None:
        return []
    if sight.why:
        field, value = ("endpoint", engine.endpoint) if engine.endpoint else ("engine", engine.kind.value)
        text = f"is {shown(value)}, which cannot be used now: {sight.why}"
        return [Violation(field, text)]
    names = [node.name for node in sight.nodes]
    wanted = row.get("nodes")
    others = [one for one in wanted if one not in names] if isinstance(wanted, list) and names else []
    return [
        Violation("nodes", f"has {shown(one)}, but the nodes that are there are {_and(names)}") for one in others
    ]


def _and(names: Sequence[str]) -> str:
    return ", ".join(shown(name) for name in names)
