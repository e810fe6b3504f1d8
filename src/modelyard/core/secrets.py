"""The secrets that instances of a service know, of every revision that is at work, and what hides them. Pure."""

from collections.abc import Iterable

from modelyard.core.masking import Masker
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Revision


def masker_of(record: ServiceRecord) -> Masker:
    """Costs next to nothing where there are none."""
    return masker(record.revisions.values())


def masker(revisions: Iterable[Revision]) -> Masker:
    secrets = {secret for revision in revisions for variant in revision.variants for secret in variant.secrets}
    return Masker.of(secrets) if secrets else Masker()
