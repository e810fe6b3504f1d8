"""The accelerators of this machine as use cases show them. Nobody is asked where there are none."""

from modelyard.core.card_use import Cards
from modelyard.engines.base import EngineUnavailableError
from modelyard.operations.context import Context


async def now(ctx: Context) -> Cards:
    """What there is, what each card does, a few seconds old, and what is granted. Raises StoreUnavailableError."""
    if ctx.cards is None or not (inventory := ctx.cards.inventory()).devices:
        return Cards()
    try:
        granted = await ctx.cards.granted()
    except EngineUnavailableError:
        granted = ()
    return Cards(inventory, await ctx.cards.readings(), granted)
