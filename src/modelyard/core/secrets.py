"""The secrets that instances of a service know, of every revision that is at work, and what hides them. Pure."""

from collections.abc import Iterable
from functools import lru_cache

from modelyard.core.masking import Masker
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Revision


def masker_of(record: ServiceRecord) -> Masker:
    """Costs next to nothing where there are none."""
    return masker(record.revisions.values())


def masker(revisions: Iterable[Revision]) -> Masker:
    secrets = frozenset(s for revision in revisions for variant in revision.variants for s in variant.secrets)
    return _made(secrets) if secrets else Masker()


@lru_cache(maxsize=256)
def _made(secrets: frozenset[str]) -> Masker:
    """Made once: of many lines it takes a second."""
    return Masker.of(secrets)
