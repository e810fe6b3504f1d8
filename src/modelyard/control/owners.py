"""Whose the output of an instance is, and which values must not be told of it."""

from collections.abc import Iterable

from modelyard.control.collecting import Owner
from modelyard.domain.logs import Origin
from modelyard.domain.output import OutputSource
from modelyard.domain.revision import Revision
from modelyard.store.base import Store

MOST_KNOWN = 10_000


class Owners:
    """Asks the store; raises StoreUnavailableError. `secrets`: what no line of any service may tell."""

    def __init__(self, store: Store, secrets: frozenset[str] = frozenset()) -> None:
        self._store = store
        self.secrets = secrets
        self._projects: dict[str, str] = {}

    async def of(self, source: OutputSource) -> Owner | None:
        """None: its service is gone."""
        async with self._store.read() as reading:
            service = await reading.service(None, source.service_id)
            revisions = await reading.revisions(source.service_id)
        if service is None:
            return None
        model = f"{source.model_name}:{source.model_version}"
        origin = Origin(service.project_id, source.service_id, source.instance_id, source.revision, model)
        return Owner(origin, self.secrets | _secrets(revisions, source))

    async def project(self, service_id: str) -> str | None:
        """None: there is no such service."""
        if service_id not in self._projects:
            async with self._store.read() as reading:
                service = await reading.service(None, service_id)
            if service is None:
                return None
            if len(self._projects) >= MOST_KNOWN:
                self._projects.clear()
            self._projects[service_id] = service.project_id
        return self._projects[service_id]


def _secrets(revisions: Iterable[Revision], source: OutputSource) -> frozenset[str]:
    """Its own, and those of all revisions that are kept: an instance may tell what another one was given. What it
    was started with itself it says, since its revision may be kept no more."""
    variants = [variant for revision in revisions for variant in revision.variants]
    names = {*source.secret_names, *(name for variant in variants for name in variant.secret_names)}
    envs = [*source.envs, *(env for variant in variants for env in variant.template.envs)]
    files = {file.value.reveal() for variant in variants for file in variant.template.secrets}
    return frozenset(value for name, value in envs if name in names) | files
